//! One TCP connection from its first byte to its end: TLS or plain, HTTP/1.1 or HTTP/2.

use super::caller::Peer;
use super::socket::{Line, Socket};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take for its first byte and its TLS handshake.
const PATIENCE: Duration = Duration::from_secs(15);
/// Most bytes of a request's header, and what of a response waits unsent in user space. The smaller it is, the less a
/// reader costs that does not read.
const BUFFER_MAX: usize = 16 << 10;
/// Most header fields of a request.
const HEADERS_MAX: usize = 64;
/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// A dead HTTP/2 connection is noticed after this long.
const H2_PING: Duration = Duration::from_secs(20);

/// The first byte of a TLS record that carries a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// How an HTTP/2 connection begins that knows in advance that both ends speak it (RFC 9113, section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) tls: TlsAcceptor,
    pub(super) closing: watch::Receiver<bool>,
    /// How long a request's header may take, idle time before it included.
    pub(super) idle: Duration,
}

/// Serves a connection until either end closes it.
///
/// Connections are many and of several kinds: each costs what its own kind needs, not what the largest one does.
pub(super) async fn serve(stream: TcpStream, address: IpAddr, serving: Serving) -> Result<(), ServeError> {
    let peer = |secure, line| Peer { secure, address, line };
    // What many requests share belongs to none of them.
    let shared = Line::default;
    match Box::pin(greet(stream, &serving)).await? {
        Greeting::Silent => Ok(()),
        Greeting::Http1(socket) => {
            let peer = peer(false, socket.line());
            Box::pin(http1(socket, peer, serving)).await
        }
        Greeting::Http2(socket) => Box::pin(http2(socket, peer(false, shared()), serving)).await,
        Greeting::Tls(stream) => {
            let (socket, session) = stream.get_ref();
            if session.alpn_protocol() == Some(b"h2") {
                Box::pin(http2(stream, peer(true, shared()), serving)).await
            } else {
                let peer = peer(true, socket.line());
                Box::pin(http1(stream, peer, serving)).await
            }
        }
    }
}

/// What a client's first bytes say.
enum Greeting {
    Silent,
    Http1(Socket),
    Http2(Socket),
    Tls(Box<TlsStream<Socket>>),
}

async fn greet(stream: TcpStream, serving: &Serving) -> Result<Greeting, ServeError> {
    let socket = Socket::tune(stream)?;
    let mut first = [0; H2_PREFACE.len()];
    let seen = timeout(PATIENCE, socket.peek(&mut first)).await.map_err(|_| ServeError::Slow)??;
    Ok(match first[..seen] {
        [] => Greeting::Silent,
        [TLS_HANDSHAKE, ..] => {
            let accepting = timeout(PATIENCE, serving.tls.accept(socket));
            Greeting::Tls(Box::new(accepting.await.map_err(|_| ServeError::Slow)??))
        }
        ref plain if *plain == *H2_PREFACE => Greeting::Http2(socket),
        _ => Greeting::Http1(socket),
    })
}

/// Why a connection ended early. Its far end has been told as well as HTTP allows.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error("the client said nothing for {} s", PATIENCE.as_secs())]
    Slow,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

async fn http1<S>(stream: S, peer: Peer, serving: Serving) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Service { router: serving.router, peer };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(serving.idle)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let connection = std::pin::pin!(connection);
    Ok(until_closed(connection, http1::Connection::graceful_shutdown, serving.closing).await?)
}

async fn http2<S>(stream: S, peer: Peer, serving: Serving) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Service { router: serving.router, peer };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(BUFFER_MAX as u32)
        .max_send_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = std::pin::pin!(connection);
    Ok(until_closed(connection, http2::Connection::graceful_shutdown, serving.closing).await?)
}

/// Drives a connection to its end, and asks it to end well once the server closes.
///
/// A connection is polled for every frame of a public track: the word of closing is looked at by one atomic load then,
/// and its lock, which all connections share, is left alone.
async fn until_closed<C: Future>(
    mut connection: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    closing: watch::Receiver<bool>,
) -> C::Output {
    let told = closing.clone();
    let mut closing = std::pin::pin!(async move { until_closing(&mut { closing }).await });
    let (mut waits, mut closes) = (false, false);
    poll_fn(|context| {
        if !closes && (!waits || told.has_changed().unwrap_or(true)) {
            waits = true;
            if closing.as_mut().poll(context).is_ready() {
                closes = true;
                shut_down(connection.as_mut());
            }
        }
        connection.as_mut().poll(context)
    })
    .await
}

/// Waits until the server begins to close, or is gone.
pub(super) async fn until_closing(closing: &mut watch::Receiver<bool>) {
    let _told_or_gone = closing.wait_for(|closing| *closing).await.map(drop);
}

/// The router as hyper sees it: each request gets to know its connection.
struct Service {
    router: Router,
    peer: Peer,
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, mut request: http::Request<Incoming>) -> Answering {
        request.extensions_mut().insert(self.peer.clone());
        Box::pin(tower::Service::call(&mut self.router.clone(), request))
    }
}

//! One TCP connection from its first byte to its end: TLS or plain, HTTP/1.1 or HTTP/2.

use super::caller::Peer;
use super::socket::Socket;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for its first byte, its TLS handshake, and each request's header.
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
}

/// Serves a connection until either end closes it.
pub(super) async fn serve(stream: TcpStream, address: IpAddr, serving: Serving) -> Result<(), ServeError> {
    let socket = Socket::tune(stream)?;
    let mut first = [0; H2_PREFACE.len()];
    let seen = timeout(PATIENCE, socket.peek(&mut first)).await.map_err(|_| ServeError::Slow)??;
    match first[..seen] {
        [] => Ok(()),
        [TLS_HANDSHAKE, ..] => {
            // Boxed, so that the many plain readers do not carry the room for a handshake with them.
            Box::pin(async move {
                let accepting = timeout(PATIENCE, serving.tls.accept(socket));
                let stream = accepting.await.map_err(|_| ServeError::Slow)??;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let peer = Peer { secure: true, address };
                if h2 { Box::pin(http2(stream, peer, serving)).await } else { http1(stream, peer, serving).await }
            })
            .await
        }
        ref plain if *plain == *H2_PREFACE => Box::pin(http2(socket, Peer { secure: false, address }, serving)).await,
        _ => Box::pin(http1(socket, Peer { secure: false, address }, serving)).await,
    }
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

async fn http1<S>(stream: S, peer: Peer, mut serving: Serving) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Service { router: serving.router, peer };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = until_closing(&mut serving.closing) => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

async fn http2<S>(stream: S, peer: Peer, mut serving: Serving) -> Result<(), ServeError>
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
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = until_closing(&mut serving.closing) => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
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
        request.extensions_mut().insert(self.peer);
        Box::pin(tower::Service::call(&mut self.router.clone(), request))
    }
}

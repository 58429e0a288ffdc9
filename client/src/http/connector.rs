//! Connections to a server: direct or through a proxy, in the clear or in TLS.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use relay::seal::ServerProof;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{address::ServerAddress, proxy::Proxy, socket};

/// A connection that does not stand after this will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a proxy's answer to CONNECT is not longer.
const MAX_HEAD: usize = 8 * 1024;

#[derive(Debug, Error)]
pub enum ConnectError {
    #[error("cannot reach the server {server}: {error}. Is the address right, and does the server run?")]
    Server { server: String, error: io::Error },
    #[error("cannot reach the proxy {proxy}: {error}. Check the proxy's address in the settings")]
    Proxy { proxy: String, error: io::Error },
    #[error(
        "the proxy {proxy} refuses a tunnel to {server} (it said: {status}). Use the http:// address of the server instead"
    )]
    Tunnel { proxy: String, server: String, status: String },
    #[error("the server {server} did not prove who it is: {error}")]
    Tls { server: String, error: io::Error },
    #[error("no answer from {far} within {} s", PATIENCE.as_secs())]
    Silent { far: String },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// What could not be reached, for whoever has to tell a person what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    Server,
    Proxy,
    /// The proxy makes no tunnels for https.
    Tunnel,
    /// The server's certificate is not one that is trusted.
    Certificate,
    /// The certificate's time has not begun or is over: one of the clocks may be wrong.
    Clock,
    /// No answer in time.
    Silence,
    /// Something else.
    Other,
}

impl ConnectError {
    pub fn kind(&self) -> Unreached {
        match self {
            Self::Server { .. } => Unreached::Server,
            Self::Proxy { .. } => Unreached::Proxy,
            Self::Tunnel { .. } => Unreached::Tunnel,
            Self::Tls { error, .. } => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(reason)) if is_about_time(reason) => Unreached::Clock,
                Some(rustls::Error::InvalidCertificate(_)) => Unreached::Certificate,
                _ => Unreached::Other,
            },
            Self::Silent { .. } => Unreached::Silence,
            Self::Setup(_) => Unreached::Other,
        }
    }
}

fn is_about_time(reason: &rustls::CertificateError) -> bool {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(reason, Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
}

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    server: ServerAddress,
    proxy: Option<Proxy>,
    tls: Option<TlsConnector>,
}

impl Connector {
    pub fn new(server: ServerAddress, proxy: Option<Proxy>, proof: ServerProof) -> Result<Self, ConnectError> {
        let tls = if server.is_secure() {
            let mut config = proof.client_config()?;
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(TlsConnector::from(Arc::new(config)))
        } else {
            None
        };
        Ok(Self { server, proxy, tls })
    }

    async fn connect(self) -> Result<Stream, ConnectError> {
        let far = self.proxy.as_ref().map_or_else(|| self.server.to_string(), Proxy::to_string);
        tokio::time::timeout(PATIENCE, self.connect_patiently()).await.map_err(|_| ConnectError::Silent { far })?
    }

    async fn connect_patiently(self) -> Result<Stream, ConnectError> {
        let mut stream = match &self.proxy {
            None => TcpStream::connect((self.server.host(), self.server.port()))
                .await
                .map_err(|error| ConnectError::Server { server: self.server.to_string(), error })?,
            Some(proxy) => TcpStream::connect((proxy.host.as_str(), proxy.port))
                .await
                .map_err(|error| ConnectError::Proxy { proxy: proxy.to_string(), error })?,
        };
        socket::tune(&stream).map_err(|error| ConnectError::Server { server: self.server.to_string(), error })?;
        let Some(tls) = &self.tls else {
            return Ok(Stream::Plain { stream: TokioIo::new(stream), proxied: self.proxy.is_some() });
        };
        if let Some(proxy) = &self.proxy {
            self.tunnel(proxy, &mut stream).await?;
        }
        let failed = |error| ConnectError::Tls { server: self.server.to_string(), error };
        let name = rustls::pki_types::ServerName::try_from(self.server.host().to_owned())
            .map_err(|error| failed(io::Error::other(error)))?;
        let stream = tls.connect(name, stream).await.map_err(failed)?;
        Ok(Stream::Tls { stream: TokioIo::new(Box::new(stream)) })
    }

    async fn tunnel(&self, proxy: &Proxy, stream: &mut TcpStream) -> Result<(), ConnectError> {
        let failed = |error| ConnectError::Proxy { proxy: proxy.to_string(), error };
        let target = format!("{}:{}", self.server.host(), self.server.port());
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
            head.push(stream.read_u8().await.map_err(failed)?);
        }
        let head = String::from_utf8_lossy(&head);
        let status = head.lines().next().unwrap_or_default().to_owned();
        if status.split(' ').nth(1) == Some("200") {
            return Ok(());
        }
        Err(ConnectError::Tunnel { proxy: proxy.to_string(), server: self.server.to_string(), status })
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// In the extensions of every answer: the port of this end of the connection that it came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPort(pub u16);

pub(super) enum Stream {
    Plain { stream: TokioIo<TcpStream>, proxied: bool },
    Tls { stream: TokioIo<Box<TlsStream<TcpStream>>> },
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (stream, proxied) = match self {
            Self::Plain { stream, proxied } => (stream.inner(), *proxied),
            Self::Tls { stream } => (stream.inner().get_ref().0, false),
        };
        let connected = Connected::new().proxy(proxied);
        match stream.local_addr() {
            Ok(address) => connected.extra(OwnPort(address.port())),
            Err(_) => connected,
        }
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_read(context, buffer),
            Self::Tls { stream } => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_write(context, bytes),
            Self::Tls { stream } => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_flush(context),
            Self::Tls { stream } => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_shutdown(context),
            Self::Tls { stream } => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { stream, .. } => stream.is_write_vectored(),
            Self::Tls { stream } => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { stream, .. } => Pin::new(stream).poll_write_vectored(context, bytes),
            Self::Tls { stream } => Pin::new(stream).poll_write_vectored(context, bytes),
        }
    }
}

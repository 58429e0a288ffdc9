//! Requests to one server over connections that are kept and used again.

use std::{
    convert::Infallible,
    error::Error as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use relay::{seal::ServerProof, vocabulary::Problem};
use thiserror::Error;

use super::{
    address::{AddressError, ServerAddress},
    connector::{ConnectError, Connector, Unreached},
    proxy::Proxy,
};

/// Answers that are read whole are not longer.
const MAX_ANSWER: usize = 4 << 20;

/// Proxies close idle connections after 5 s and more; a connection that is kept longer is likely to be dead.
const KEEP_IDLE: Duration = Duration::from_secs(4);

#[derive(Debug, Error)]
pub enum HttpError {
    #[error("{1}")]
    Unreachable(Unreached, String),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the connection was cut: {0}")]
    Cut(String),
    #[error("no answer in time")]
    Late,
    #[error("{0}")]
    Problem(Box<Problem>),
    #[error("something on the path answered in the server's place with status {0}; its answer begins: {1}")]
    Stranger(StatusCode, String),
}

/// The body of a request.
pub enum Upload {
    /// All of it, with its length in the head.
    Whole(Full<Bytes>),
    /// Bytes as they come, for as long as they come, or as the body says.
    Long(Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>),
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Long(body) => body.as_mut().poll_frame(context),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Long(body) => body.size_hint(),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Long(_) => false,
        }
    }
}

/// An answer of the server whose body is still to be read.
pub type Answer = Response<Incoming>;

/// Speaks HTTP to one server.
#[derive(Clone)]
pub struct Http {
    server: ServerAddress,
    proxy: Option<Proxy>,
    client: Client<Connector, Upload>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("server", &self.server).field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl Http {
    /// `proof` counts for https; a sealed link proves the server by itself.
    pub fn new(server: ServerAddress, proxy: Option<Proxy>, proof: ServerProof) -> Result<Self, ConnectError> {
        let connector = Connector::new(server.clone(), proxy.clone(), proof)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(8)
            .build(connector);
        Ok(Self { server, proxy, client })
    }

    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Sends a request and waits for the head of its answer. Anything but success is an error.
    pub async fn send(&self, method: Method, path: &str, body: Upload) -> Result<Answer, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.server.uri(path)?)
            .header(header::CACHE_CONTROL, "no-store, no-transform")
            .header(header::ACCEPT, "application/octet-stream")
            .body(body)
            .map_err(|error| HttpError::Cut(error.to_string()))?;
        if request.method() == Method::POST {
            let octets = header::HeaderValue::from_static("application/octet-stream");
            request.headers_mut().insert(header::CONTENT_TYPE, octets);
        }
        let answer = self.client.request(request).await.map_err(explain)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => HttpError::Problem(Box::new(problem)),
            Err(_) => HttpError::Stranger(status, beginning(&body)),
        })
    }

    /// Sends a body whole and reads the answer whole, all within `patience`.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        patience: Duration,
    ) -> Result<Bytes, HttpError> {
        let whole = async {
            let answer = self.send(method, path, Upload::Whole(Full::new(body))).await?;
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok(body.map_err(|error| HttpError::Cut(error.to_string()))?.to_bytes())
        };
        tokio::time::timeout(patience, whole).await.map_err(|_| HttpError::Late)?
    }
}

fn explain(error: hyper_util::client::legacy::Error) -> HttpError {
    let mut cause = error.source();
    let mut words = error.to_string();
    while let Some(inner) = cause {
        if let Some(connect) = inner.downcast_ref::<ConnectError>() {
            return HttpError::Unreachable(connect.kind(), connect.to_string());
        }
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    HttpError::Cut(words)
}

fn beginning(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(80).collect();
    if text.is_empty() { "(nothing)".to_owned() } else { text }
}

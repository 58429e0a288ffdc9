//! A real server on a real socket, for tests: clients over https and plain TCP, and links as their driver sees them.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

pub mod documented;
pub mod people;
pub mod postgres;

use axum::Router;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use postgres::{Engine, Home};
use relay::seal::{LinkId, ServerProof};
use relay::vocabulary::{Event, Request, Response, Role};
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use server::delivery::{COMMANDS_WAITING, EVENTS_WAITING, LinkCommand, LinkHandle};
use server::http::caller::Caller;
use server::http::{dispatch::dispatch, router};
use server::identity::{Act, Actor};
use server::mailbox::{self, mailbox};
use server::{Config, Running, Server};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Long enough for anything on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The password of everyone.
pub const PASSWORD: &str = "correct horse";

pub struct World {
    pub running: Running,
    pub home: Home,
    commands: Router,
    links: AtomicU8,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::at(Home::of(Engine::Sqlite), adjust)
    }

    /// With a database of that kind.
    pub fn on(engine: Engine) -> Self {
        Self::at(Home::of(engine), |_| ())
    }

    /// Once more on what an earlier one has left.
    pub fn again(home: Home) -> Self {
        Self::at(home, |_| ())
    }

    fn at(home: Home, adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::in_folder(home.folder.path());
        config.database = home.url().map(|url| url.parse().unwrap());
        config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        adjust(&mut config);
        let running = Server::start(config).unwrap();
        let commands = router::commands(&running.state);
        Self { running, home, commands, links: AtomicU8::new(0) }
    }

    pub async fn account(&self, name: &str, publisher: bool) -> u64 {
        self.account_of(name, if publisher { Role::Provider } else { Role::Member }).await
    }

    pub async fn account_of(&self, name: &str, role: Role) -> u64 {
        let password = Some(PASSWORD.to_owned());
        self.running.state.accounts.add(name, password, role, Actor::console()).await.unwrap().id
    }

    /// Gives the server and its home, and lets go of everything else.
    pub fn end(self) -> (Running, Home) {
        (self.running, self.home)
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub async fn plain(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    pub async fn tls(&self, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
        tls(self.address(), self.running.state.certificate.fingerprint, alpn).await
    }

    /// A https client.
    pub async fn https(&self) -> Https {
        Https::over(self.tls(&[b"http/1.1"]).await).await
    }

    /// A https client that has logged in.
    pub async fn logged_in(&self, user: &str, device: &str) -> Https {
        let mut https = self.https().await;
        https.log_in(user, device).await;
        https
    }

    /// A https client with a session, without a login: hashing takes time.
    pub async fn with_session(&self, account: u64) -> Https {
        let mut https = self.https().await;
        https.session = Some(self.session(account).await);
        https
    }

    /// A new session of an account.
    pub async fn session(&self, account: u64) -> String {
        let sessions = &self.running.state.sessions;
        let opened = sessions.open(account, "desk", Act::Login, Actor::console()).await.unwrap();
        opened.unwrap().token.reveal()
    }

    /// A link that has logged in.
    pub async fn link(&self, user: &str, device: &str) -> Link {
        let mut link = self.stranger();
        let response = link.post("/v1/login", json!({"user": user, "password": PASSWORD, "device": device})).await;
        assert_eq!(response.status, 201, "{response:?}");
        link
    }

    /// A link that has not shown who it is.
    pub fn stranger(&self) -> Link {
        let (commands, commanded) = mailbox(COMMANDS_WAITING);
        let (events, received) = mailbox(EVENTS_WAITING);
        let id = LinkId([self.links.fetch_add(1, Ordering::Relaxed); 16]);
        Link {
            handle: LinkHandle::new(id, commands, events),
            commanded,
            events: received,
            router: self.commands.clone(),
            next: 0,
        }
    }
}

pub async fn tls(address: SocketAddr, fingerprint: relay::seal::Fingerprint, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut config = ServerProof::Pinned(fingerprint).client_config().unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// A https client on one connection.
pub struct Https {
    sender: SendRequest<Full<Bytes>>,
    pub session: Option<String>,
}

impl Https {
    pub async fn over(stream: TlsStream<TcpStream>) -> Self {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, session: None }
    }

    pub async fn log_in(&mut self, user: &str, device: &str) {
        let (status, body) =
            self.post("/v1/login", json!({"user": user, "password": PASSWORD, "device": device})).await;
        assert_eq!(status, 201, "{body}");
        self.session = Some(body["session"].as_str().unwrap().to_owned());
    }

    pub async fn get(&mut self, path: &str) -> (u16, Value) {
        self.send("GET", path, Bytes::new()).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, Bytes::from(body.to_string())).await
    }

    pub async fn send(&mut self, method: &str, path: &str, body: Bytes) -> (u16, Value) {
        self.try_send(method, path, body).await.unwrap()
    }

    /// A POST with an `Idempotency-Key`. Says as well whether the answer is an earlier one.
    pub async fn keyed(&mut self, path: &str, key: &str, body: &Value) -> (u16, Value, bool) {
        let mut request = http::Request::post(path).header("host", "localhost").header("idempotency-key", key);
        if let Some(session) = &self.session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        self.sender.ready().await.unwrap();
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let (head, body) = self.sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (head.status.as_u16(), body, head.headers.contains_key("idempotency-replayed"))
    }

    /// A GET whose answer is no JSON.
    pub async fn raw_get(&mut self, path: &str, headers: &[(&str, &str)]) -> http::Response<hyper::body::Incoming> {
        let mut request = http::Request::get(path).header("host", "localhost");
        if let Some(session) = &self.session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await.unwrap();
        self.sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await.unwrap()
    }

    /// As `send`, for a server that may vanish.
    pub async fn try_send(&mut self, method: &str, path: &str, body: Bytes) -> Result<(u16, Value), hyper::Error> {
        let mut request = http::Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(session) = &self.session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body)).unwrap()).await?;
        let status = response.status().as_u16();
        let problem = status >= 400;
        if problem {
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
        documented::answer(method, path, status);
        // A stream of events has no end, and the page is for people.
        let media = response.headers().get("content-type").map(|media| media.to_str().unwrap().to_owned());
        if media.is_some_and(|media| media.starts_with("text/")) {
            return Ok((status, Value::Null));
        }
        let bytes = response.into_body().collect().await?.to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        if problem {
            documented::refusal(method, path, status, &body);
            assert_eq!(body["status"], status, "{body}");
            assert!(body["detail"].as_str().unwrap().len() > 10, "{body}");
        }
        Ok((status, body))
    }
}

impl Https {
    /// Whatever a path gives, as it comes.
    pub async fn bytes(&mut self, path: &str, headers: &[(&str, &str)]) -> http::Response<Bytes> {
        let mut request = http::Request::get(path).header("host", "localhost");
        if let Some(session) = &self.session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        http::Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }
}

/// A link from the point of view of its driver.
pub struct Link {
    pub handle: LinkHandle,
    pub commanded: mailbox::Receiver<LinkCommand>,
    pub events: mailbox::Receiver<Event>,
    router: Router,
    next: u64,
}

impl Link {
    pub async fn post(&mut self, path: &str, body: Value) -> Response {
        self.send("POST", path, body).await
    }

    pub async fn send(&mut self, method: &str, path: &str, body: Value) -> Response {
        self.keyed(method, path, None, body).await
    }

    pub async fn keyed(&mut self, method: &str, path: &str, key: Option<&str>, body: Value) -> Response {
        self.next += 1;
        let key = key.map(str::to_owned);
        let caller = Caller::of_link(&self.handle, true, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let request = Request { key, ..Request::new(self.next, method, path, &body).unwrap() };
        let response = dispatch(&self.router, caller, request).await;
        assert_eq!(response.id, self.next);
        response
    }

    pub async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("no event came").unwrap()
    }

    pub async fn command(&mut self) -> LinkCommand {
        tokio::time::timeout(PATIENCE, self.commanded.recv()).await.expect("no command came").unwrap()
    }
}

/// Sends bytes as they are and reads until the server closes.
pub async fn raw(mut stream: TcpStream, bytes: &[u8]) -> String {
    // The server may close before it has read all.
    let _cut = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _reset = reading.expect("the server neither answered nor closed");
    String::from_utf8_lossy(&answer).into_owned()
}

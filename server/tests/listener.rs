//! The listener against whatever comes along the wire: nonsense, too much, too slow, too many, the end.

mod world;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::{Config, Server, StartError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{World, raw};

const HEALTH: &[u8] = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async fn healthy(world: &World) {
    let answer = raw(world.plain().await, HEALTH).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn nonsense_is_refused_and_hurts_nobody() {
    let world = World::new().await;
    let long = "x".repeat(64 * 1024);
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (b"\r\n\r\n\r\nGARBAGE\r\n\r\n".to_vec(), &["HTTP/1.1 400"]),
        (b"GET / HTTP/9.9\r\n\r\n".to_vec(), &["HTTP/1.1 400", "HTTP/1.1 505", ""]),
        (b"GET /v1/health HTTP/1.1\r\nHost x\r\n\r\n".to_vec(), &["HTTP/1.1 400"]),
        (b"POST /v1/login HTTP/1.1\r\nContent-Length: -5\r\n\r\n".to_vec(), &["HTTP/1.1 400"]),
        (b"POST /v1/login HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_vec(), &["HTTP/1.1 400"]),
        (b"POST /v1/login HTTP/1.1\r\nTransfer-Encoding: fog\r\n\r\n".to_vec(), &["HTTP/1.1 400"]),
        (
            b"POST /v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n"
                .to_vec(),
            &["HTTP/1.1 403", "HTTP/1.1 400"],
        ),
        (format!("GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n").into_bytes(), &["HTTP/1.1 431"]),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(), &["HTTP/1.1 431", "HTTP/1.1 414"]),
        (format!("GET /v1/health HTTP/1.1\r\nHost: x\r\n{many}\r\n").into_bytes(), &["HTTP/1.1 431"]),
        (vec![0; 4096], &["HTTP/1.1 400"]),
        (vec![0xff; 64 * 1024], &["HTTP/1.1 400", "HTTP/1.1 431", ""]),
        // The beginnings of a TLS record and of HTTP/2, and then nothing of the kind.
        (b"\x16\x03\x01\x02\x00nonsense, and not a hello at all".to_vec(), &[""]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense".to_vec(), &[""]),
        (b"GET /v1/public/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(), &["HTTP/1.1 404"]),
        (
            b"GET /v1/public/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
            &["HTTP/1.1 404"],
        ),
    ];
    for (request, expected) in cases {
        let mut stream = world.plain().await;
        // So that a server that waits for more learns that none comes.
        let _cut = stream.write_all(&request).await;
        let _cut = stream.shutdown().await;
        let answer = raw(stream, b"").await;
        let start = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(expected.iter().any(|expected| answer.starts_with(expected)), "{start:?} got {answer:?}");
        healthy(&world).await;
    }
}

#[tokio::test]
async fn random_bytes_hurt_nobody() {
    let world = World::new().await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..64 {
        let mut bytes = b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{\"user\":1}".to_vec();
        for _ in 0..=round % 8 {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 24) as u8;
        }
        let mut stream = world.plain().await;
        let _cut = stream.write_all(&bytes).await;
        let _cut = stream.shutdown().await;
        raw(stream, b"").await;
    }
    healthy(&world).await;
}

#[tokio::test]
async fn who_dawdles_is_shown_the_door() {
    let world = World::with(|config| config.idle = Duration::from_secs(6)).await;
    let mut silent = world.plain().await;
    let mut loris = world.plain().await;
    loris.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let mut idle = world.plain().await;
    idle.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut tls = world.plain().await;
    tls.write_all(b"\x16\x03\x01").await.unwrap();
    let began = Instant::now();
    let drip = async {
        // One byte now and then does not win more time for a header.
        while loris.write_all(b"a").await.is_ok() {
            let mut byte = [0];
            if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(Duration::from_millis(500), loris.read(&mut byte)).await {
                break;
            }
        }
    };
    let mut ends = [Vec::new(), Vec::new(), Vec::new()];
    let [of_silent, of_idle, of_tls] = &mut ends;
    let all =
        async { tokio::join!(drip, silent.read_to_end(of_silent), idle.read_to_end(of_idle), tls.read_to_end(of_tls)) };
    let _how_each_ended = tokio::time::timeout(Duration::from_secs(60), all).await.expect("someone dawdles still");
    assert!(began.elapsed() > Duration::from_secs(5), "the patient are cut off too early");
    assert!(ends[1].starts_with(b"HTTP/1.1 200"), "a kept connection had its answer first");
    healthy(&world).await;
}

#[tokio::test]
async fn half_closed_and_pipelined_requests_are_borne() {
    let world = World::new().await;
    let mut stream = world.plain().await;
    stream.write_all(&HEALTH.repeat(20)).await.unwrap();
    stream.shutdown().await.unwrap();
    raw(stream, b"").await;
    let twice =
        b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = raw(world.plain().await, twice).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    healthy(&world).await;
}

#[tokio::test]
async fn http2_is_spoken_under_tls_and_in_the_clear() {
    let world = World::new().await;
    async fn health(io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("http://localhost/v1/health").body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"status\":\"ok\""));
    }
    let tls = world.tls(&[b"h2", b"http/1.1"]).await;
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    health(tls).await;
    health(world.plain().await).await;
}

#[tokio::test]
async fn over_the_cap_is_said_and_passes() {
    let world = World::with(|config| config.max_connections = 2).await;
    let (mut first, second) = (world.plain().await, world.plain().await);
    // Both are accepted before the third: answers prove it.
    first.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(first.read(&mut [0; 512]).await.unwrap() > 0);
    let mut second = second;
    second.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(second.read(&mut [0; 512]).await.unwrap() > 0);
    let answer = raw(world.plain().await, b"").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"code\":\"overloaded\""), "{answer:?}");
    let length = answer.split("Content-Length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    assert_eq!(answer.split("\r\n\r\n").nth(1).unwrap().len().to_string(), length);
    drop((first, second));
    let deadline = Instant::now() + world::PATIENCE;
    while !raw(world.plain().await, HEALTH).await.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline, "the places were not given back");
    }
}

#[tokio::test]
async fn a_taken_port_and_a_used_folder_are_said() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::in_folder(folder.path());
    config.listen = vec![world.address()];
    let error = Server::start(config).unwrap_err();
    assert!(matches!(error, StartError::Listen(_)) && error.to_string().contains("--listen"), "{error}");
    let mut config = Config::in_folder(world.home.folder.path());
    config.listen = vec![([127, 0, 0, 1], 0).into()];
    let error = Server::start(config).unwrap_err();
    assert!(matches!(error, StartError::State(_)) && error.to_string().contains("--data"), "{error}");
}

#[tokio::test]
async fn stopping_tells_everyone_and_ends_in_time() {
    let world = World::new().await;
    world.account("studio", true).await;
    let mut link = world.link("studio", "camera").await;
    link.post("/v1/tracks", serde_json::json!({"name": "lobby", "public": true})).await;
    let mut reader = world.plain().await;
    reader.write_all(b"GET /v1/public/lobby HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 1024];
    assert!(reader.read(&mut head).await.unwrap() > 0);
    let _kept = world.https().await;
    let (address, began) = (world.address(), Instant::now());
    let (running, home) = world.end();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(8));
    let told = std::iter::from_fn(|| link.events.try_recv());
    assert!(told.last().is_some_and(|event| matches!(event, relay::vocabulary::Event::ServerClosing { .. })));
    assert_eq!(link.handle.closing(), Some(server::delivery::CloseReason::ServerClosing));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the long answer was ended well");
    drop(link);
    // Port and folder are free again.
    let mut config = Config::in_folder(home.folder.path());
    config.listen = vec![address];
    let again = Server::start(config).unwrap();
    again.stop().await;
}

//! Links over HTTP between the real server and the client's end, in one process: sealed, inside TLS, cut and resumed.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    http::{Http, ServerAddress},
    link::{Carriage, Clock, Connection, LinkEvent},
};
use parking_lot::Mutex;
use relay::{
    Frame, FrameHeader, Kind, SECOND, TrackId,
    link::{Class, Promise},
    seal::ServerProof,
    track::{Retention, Track},
    vocabulary::{Carriage as Way, CreateTrack, Login, ReadFrom, Request, Response, Role, SessionOpened, TrackCreated},
};
use server::identity::Actor;
use server::{Config, Running, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    running: Running,
    _folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::in_folder(folder.path());
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    let running = Server::start(config).unwrap();
    let password = Some("correct horse".to_owned());
    running.state.accounts.add("alice", password, Role::Provider, Actor::console()).await.unwrap();
    House { running, _folder: folder }
}

impl House {
    fn proof(&self) -> ServerProof {
        ServerProof::Pinned(self.running.state.certificate.fingerprint)
    }
}

/// A connection whose answers are waited for one by one.
struct Caller {
    connection: Connection,
    last: u64,
}

impl Caller {
    async fn open(address: &str, proof: ServerProof) -> Self {
        let server: ServerAddress = address.parse().unwrap();
        let http = Http::new(server, None, proof.clone()).unwrap();
        let connection = Connection::open(http, proof, Clock::start()).await.unwrap();
        Self { connection, last: 0 }
    }

    async fn ask<T: serde::Serialize>(&mut self, method: &str, path: &str, body: &T) -> Response {
        self.last += 1;
        let request = Request::new(self.last, method, path, body).unwrap();
        self.connection.send_request(&request.encode().unwrap()).unwrap();
        loop {
            let event = timeout(PATIENCE, self.connection.next_event()).await.expect("an answer in time");
            let LinkEvent::Control(frame) = event else { continue };
            if frame.header().kind == Kind::Response {
                let response = Response::parse(&frame.payload()).unwrap();
                assert_eq!(response.id, self.last);
                return response;
            }
        }
    }

    async fn log_in(&mut self) -> SessionOpened {
        let login = Login { user: "alice".into(), password: "correct horse".into(), device: "desk".into() };
        self.ask("POST", "/v1/login", &login).await.read().unwrap()
    }
}

/// Publishes a frame each 20 ms, and gives what a second link of the same account got of it.
async fn through_a_track(publisher: &mut Caller, reader: &mut Caller, frames: u64) -> Vec<Frame> {
    let created: TrackCreated =
        publisher.ask("POST", "/v1/tracks", &CreateTrack { name: "trial".into(), public: true }).await.read().unwrap();
    let id = TrackId(created.track);
    let got = Arc::new(Mutex::new(Vec::new()));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let sink = got.clone();
    reader.connection.accept_track(
        id,
        Promise::Referenced,
        Box::new(move |frame: Frame| {
            arrived.send(frame.header().sequence).ok();
            sink.lock().push(frame);
        }),
    );
    assert_eq!(reader.ask("PUT", &format!("/v1/cursors/{id}"), &ReadFrom::default()).await.status, 204);
    let track = Track::new(id, Retention::Group { max_bytes: 1 << 20, max_time: 10 * SECOND });
    publisher.connection.send_track(&track, Class::Video);
    let clock = Clock::start();
    let mut beat = tokio::time::interval(Duration::from_millis(20));
    for sequence in 1..=frames {
        beat.tick().await;
        let header = FrameHeader::alone(id, sequence, clock.now(), Kind::Video);
        track.append(Frame::new(header, &[sequence as u8; 700]).unwrap(), clock.now()).unwrap();
    }
    let all = async { while arrivals.recv().await.is_some_and(|sequence| sequence < frames) {} };
    timeout(PATIENCE, all).await.expect("the last frame in time");
    got.lock().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_link_carries_commands_and_tracks_and_moves_up_to_streaming() {
    let house = house().await;
    let address = format!("http://{}", house.running.address());
    let mut alice = Caller::open(&address, house.proof()).await;
    assert_eq!(alice.connection.fingerprint(), Some(house.running.state.certificate.fingerprint));
    assert_eq!(alice.ask("GET", "/v1/chats", &()).await.status, 401);
    assert_eq!(alice.log_in().await.account.name, "alice");
    let mut again = Caller::open(&address, house.proof()).await;
    again.log_in().await;
    let frames = through_a_track(&mut alice, &mut again, 150).await;
    assert!(frames.len() >= 145, "{} frames", frames.len());
    assert!(frames.iter().all(|frame| frame.payload().iter().all(|byte| *byte == frame.header().sequence as u8)));
    for caller in [&alice, &again] {
        let path = caller.connection.path();
        assert_eq!((path.up, path.down, path.alive), (Carriage::Streaming, Carriage::Streaming, true));
        assert!(caller.connection.clock_offset().is_some());
    }
    // The list of connections sees the same from the other end.
    let connections = house.running.state.connections.page(0, 10);
    assert_eq!((connections.total, connections.more), (2, false));
    for connection in &connections.connections {
        let account = connection.account.as_ref().map(|account| account.name.as_str());
        assert_eq!((account, connection.device.as_deref()), (Some("alice"), Some("desk")));
        assert_eq!((connection.address.as_str(), connection.sealed, &connection.proxy), ("127.0.0.1", true, &None));
        assert_eq!((connection.up, connection.down), (Way::Streaming, Way::Streaming));
        assert!(connection.bytes_sent > 1_000 && connection.bytes_received > 1_000 && connection.silent_ms < 5_000);
    }
    drop(alice);
    house.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_carries_a_link_as_it_is() {
    let house = house().await;
    let address = format!("https://{}", house.running.address());
    let mut alice = Caller::open(&address, house.proof()).await;
    assert_eq!(alice.connection.fingerprint(), None);
    alice.log_in().await;
    let mut again = Caller::open(&address, house.proof()).await;
    again.log_in().await;
    assert!(through_a_track(&mut alice, &mut again, 60).await.len() >= 55);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_than_the_expected_one_is_refused() {
    let (expected, other) = (house().await, house().await);
    let server: ServerAddress = format!("http://{}", other.running.address()).parse().unwrap();
    let http = Http::new(server, None, expected.proof()).unwrap();
    let refused = Connection::open(http, expected.proof(), Clock::start()).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

/// A relay of TCP that cuts every connection and refuses new ones while it is unplugged.
async fn plug(to: String) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (plugged, state) = watch::channel(true);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (to, mut state) = (to.clone(), state.clone());
            tokio::spawn(async move {
                if !*state.borrow() {
                    return;
                }
                if let Ok(mut far) = TcpStream::connect(to).await {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = state.wait_for(|plugged| !plugged) => {}
                    }
                }
            });
        }
    });
    (address, plugged)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_goes_on_after_every_connection_was_cut() {
    let house = house().await;
    let (address, plugged) = plug(house.running.address().to_string()).await;
    let mut alice = Caller::open(&address, house.proof()).await;
    alice.log_in().await;
    let mut watcher = Caller::open(&format!("http://{}", house.running.address()), house.proof()).await;
    watcher.log_in().await;
    assert!(through_a_track(&mut alice, &mut watcher, 80).await.len() >= 75);
    plugged.send_replace(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    // What is asked while nothing passes is answered when something does.
    let asked = alice.ask("GET", "/v1/chats", &());
    let replug = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        plugged.send_replace(true);
    };
    let (answer, ()) = tokio::join!(asked, replug);
    assert_eq!(answer.status, 200);
    assert!(alice.connection.path().cuts > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bodies_and_strangers_leave_other_links_alone() {
    let house = house().await;
    let address = format!("http://{}", house.running.address());
    let mut alice = Caller::open(&address, house.proof()).await;
    alice.log_in().await;
    let server: ServerAddress = address.parse().unwrap();
    let http = Http::new(server, None, house.proof()).unwrap();
    for (path, body, status) in [
        ("/v1/link/00000000000000000000000000000000/up?x=1", "KOMADO/1", 410),
        ("/v1/link/zz/up?x=1", "KOMADO/1", 410),
        ("/v1/link/seal", "GET / HTTP/1.0", 400),
        ("/v1/link/seal", "KOMADO/1not a hello", 400),
        ("/v1/link/seal/00000000000000000000000000000000", "KOMADO/1end", 410),
        ("/v1/link", "KOMADO/1", 403),
        ("/v1/login", "{}", 403),
    ] {
        let refused = http.exchange(http::Method::POST, path, body.as_bytes().to_vec().into(), PATIENCE).await;
        let Err(client::http::HttpError::Problem(problem)) = refused else { panic!("{path}: {refused:?}") };
        assert_eq!(problem.status, status, "{path}: {problem}");
        assert!(!problem.detail.is_empty());
    }
    assert_eq!(alice.ask("GET", "/v1/chats", &()).await.status, 200);
}

/// Asks again and again until what is asked is so.
async fn until(what: &str, within: Duration, holds: impl Fn() -> bool) {
    let asking = async {
        let mut again = tokio::time::interval(Duration::from_millis(50));
        while !holds() {
            again.tick().await;
        }
    };
    timeout(within, asking).await.unwrap_or_else(|_| panic!("{what} within {within:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_at_rest_holds_one_answer_open_and_is_awake_when_something_is_asked() {
    let house = house().await;
    let mut alice = Caller::open(&format!("http://{}", house.running.address()), house.proof()).await;
    alice.log_in().await;
    let ways = |caller: &Caller| (caller.connection.path().up, caller.connection.path().down);
    let (both, down) = ((Carriage::Streaming, Carriage::Streaming), (Carriage::Short, Carriage::Streaming));
    until("both ways stream", PATIENCE, || ways(&alice) == both).await;
    until("the link is at rest", PATIENCE, || ways(&alice) == down).await;
    // Where no proxy is, one exchange goes both ways, and heartbeats on it are all that there is.
    let exchanges = || alice.connection.path().exchanges;
    let last = Cell::new((exchanges(), Instant::now()));
    let still = || {
        if last.get().0 != exchanges() {
            last.set((exchanges(), Instant::now()));
        }
        last.get().1.elapsed() > Duration::from_secs(11)
    };
    until("no exchange more is begun", 2 * PATIENCE, still).await;
    let before = alice.connection.path();
    let mut looked_at = BTreeSet::new();
    for _ in 0..24 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let listed = house.running.state.connections.page(0, 1).connections;
        assert!(listed[0].silent_ms < 4_500, "{listed:?}");
        looked_at.insert(listed[0].bytes_received);
        assert_eq!(alice.connection.path(), before);
    }
    // Of four heartbeats one may have asked something.
    assert!(looked_at.len() <= 2 || cfg!(not(target_os = "linux")), "{looked_at:?}");
    assert!(before.alive && before.down == Carriage::Streaming);
    assert_eq!(timeout(Duration::from_secs(1), alice.ask("GET", "/v1/chats", &())).await.unwrap().status, 200);
    until("both ways stream again", PATIENCE, || ways(&alice) == both).await;
}

/// A relay of TCP that ends whatever has been idle for `patience`.
async fn impatient(to: String, patience: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                let (mut from_near, mut from_far) = ([0; 4096], [0; 4096]);
                loop {
                    let passed = tokio::select! {
                        read = near.read(&mut from_near) => match read {
                            Ok(length @ 1..) => far.write_all(&from_near[..length]).await.is_ok(),
                            _ => false,
                        },
                        read = far.read(&mut from_far) => match read {
                            Ok(length @ 1..) => near.write_all(&from_far[..length]).await.is_ok(),
                            _ => false,
                        },
                        () = tokio::time::sleep(patience) => false,
                    };
                    if !passed {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_at_rest_learns_how_long_the_path_lets_an_answer_be_idle() {
    let house = house().await;
    let address = impatient(house.running.address().to_string(), Duration::from_secs(5)).await;
    let mut alice = Caller::open(&address, house.proof()).await;
    alice.log_in().await;
    let down = || alice.connection.path().down;
    until("an answer is held open", PATIENCE, || down() == Carriage::Streaming).await;
    // First it hopes to do with something each 28 s, then each 8: both are too seldom here.
    until("an answer that is idle is ended", PATIENCE, || down() == Carriage::Short).await;
    let since = Cell::new(Instant::now());
    let lasts = || {
        if down() == Carriage::Short {
            since.set(Instant::now());
        }
        since.get().elapsed() > Duration::from_secs(9)
    };
    until("an answer is held open for longer than the path lets one be idle", 2 * PATIENCE, lasts).await;
    assert_eq!(alice.ask("GET", "/v1/chats", &()).await.status, 200);
}

//! Commands as clients give them: over https, and through links as their driver hands them on.

mod world;

use bytes::Bytes;
use relay::TrackId;
use relay::track::{Next, Start};
use relay::vocabulary::{Call, CallPhase, EndReason, Event, History, Message, Notice};
use serde_json::json;
use server::delivery::{CloseReason, LinkCommand};
use server::identity::Actor;
use std::time::Duration;
use world::World;
use world::postgres::{Engine, on_both};

async fn login_gives_a_session_and_nothing_works_without_one(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    let mut https = world.https().await;
    let (status, body) = https.post("/v1/login", json!({"user": "alice", "password": "wrong", "device": "desk"})).await;
    assert_eq!((status, &body["code"]), (401, &json!("wrong_password")));
    let (status, nobody) = https.post("/v1/login", json!({"user": "nobody", "password": "x", "device": "desk"})).await;
    assert_eq!(
        (status, &nobody["detail"]),
        (401, &body["detail"]),
        "an unknown name is answered like a wrong password"
    );
    for (method, path) in [
        ("GET", "/v1/chats"),
        ("POST", "/v1/chats"),
        ("GET", "/v1/chats/1/messages"),
        ("POST", "/v1/calls"),
        ("POST", "/v1/calls/1/accept"),
        ("PUT", "/v1/cursors/2"),
        ("POST", "/v1/tracks"),
        ("POST", "/v1/tracks/2/keyframe"),
        ("POST", "/v1/logout"),
    ] {
        let (status, body) = https.send(method, path, Bytes::new()).await;
        assert_eq!((status, &body["code"]), (401, &json!("no_session")), "{method} {path}");
    }
    https.session = Some("0".repeat(64));
    assert_eq!(https.get("/v1/chats").await.1["code"], "session_expired");
    https.session = Some("rubbish".to_owned());
    assert_eq!(https.get("/v1/chats").await.1["code"], "no_session");

    https.session = None;
    https.log_in("alice", "desk").await;
    assert_eq!(https.get("/v1/chats").await, (200, json!({"chats": []})));
    assert_eq!(https.post("/v1/logout", json!({})).await.0, 204);
    assert_eq!(https.get("/v1/chats").await.1["code"], "session_expired");
}

#[tokio::test]
async fn an_expired_session_says_so() {
    let world = World::with(|config| config.session = Duration::ZERO).await;
    world.account("alice", false).await;
    let mut https = world.logged_in("alice", "desk").await;
    let (status, body) = https.get("/v1/chats").await;
    assert_eq!((status, &body["code"]), (401, &json!("session_expired")));
    let mut link = world.stranger();
    let response = link.post("/v1/session", json!({"session": https.session})).await;
    assert_eq!((response.status, &response.body["code"]), (401, &json!("session_expired")));
}

#[tokio::test]
async fn guessing_a_password_gets_slow() {
    let world = World::new().await;
    world.account("alice", false).await;
    let mut https = world.https().await;
    let guess = json!({"user": "alice", "password": "guess", "device": "desk"});
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(https.post("/v1/login", guess.clone()).await);
    }
    let (status, body) = answers.pop().unwrap();
    assert_eq!((status, &body["code"]), (429, &json!("too_many_attempts")));
    assert!(body["retry_after_ms"].as_u64().unwrap() <= 1000);
    assert!(answers.iter().all(|(status, _)| *status == 401));
}

#[tokio::test]
async fn in_the_clear_no_command_answers() {
    let world = World::new().await;
    world.account("alice", false).await;
    let session = world.logged_in("alice", "desk").await.session.unwrap();
    for request in [
        "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_owned(),
        format!("GET /v1/chats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {session}\r\nConnection: close\r\n\r\n"),
        "POST /v1/calls/1/accept HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ] {
        let answer = world::raw(world.plain().await, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("not_secure"), "{answer}");
    }
    let health = b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = world::raw(world.plain().await, health).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"ok\""), "{answer}");
}

async fn two_chat_over_https(engine: Engine) {
    let world = World::on(engine);
    let alice_id = world.account("alice", false).await;
    world.account("bob", false).await;
    world.account("eve", false).await;
    let mut alice = world.logged_in("alice", "desk").await;
    let mut bob = world.logged_in("bob", "desk").await;
    let (status, chat) = alice.post("/v1/chats", json!({"with": "bob"})).await;
    assert_eq!(status, 201);
    let again = bob.post("/v1/chats", json!({"with": "Alice"})).await;
    assert_eq!((again.0, &again.1["id"]), (200, &chat["id"]));
    let path = format!("/v1/chats/{}/messages", chat["id"]);
    let sent = alice.post(&path, json!({"text": "hello", "key": "1"})).await;
    assert_eq!((sent.0, &sent.1["sequence"]), (201, &json!(1)));
    assert_eq!(alice.post(&path, json!({"text": "hello", "key": "1"})).await, sent);
    let (_, history) = bob.get(&format!("{path}?after=0&limit=10")).await;
    let history: History = serde_json::from_value(history).unwrap();
    assert_eq!((history.messages.len(), history.messages[0].from.id), (1, alice_id));

    let mut eve = world.logged_in("eve", "desk").await;
    assert_eq!(eve.get(&path).await.0, 404);
    assert_eq!(eve.post(&path, json!({"text": "hello", "key": "1"})).await.0, 404);
    assert_eq!(eve.post("/v1/chats", json!({"with": "eve"})).await.0, 422);
    assert_eq!(eve.post("/v1/chats", json!({"with": "nobody"})).await.0, 404);
}

async fn what_is_wrong_with_a_request_is_said(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    world.account("bob", false).await;
    let mut alice = world.logged_in("alice", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.1["id"].as_u64().unwrap();
    let path = format!("/v1/chats/{chat}/messages");
    let cases = [
        ("POST", path.as_str(), Bytes::from("{"), 400, "malformed"),
        ("POST", &path, Bytes::from("[1]"), 400, "malformed"),
        ("POST", &path, Bytes::from(r#"{"text":"x"}"#), 400, "malformed"),
        ("POST", &path, Bytes::from(r#"{"text":"","key":"k"}"#), 422, "invalid"),
        (
            "POST",
            &path,
            Bytes::from(json!({"text": "x".repeat(16 * 1024 + 1), "key": "k"}).to_string()),
            413,
            "too_long",
        ),
        ("GET", "/v1/chats/one/messages", Bytes::new(), 404, "not_found"),
        ("GET", "/v1/chats/18446744073709551615/messages", Bytes::new(), 404, "not_found"),
        ("GET", "/v1/chats/1/messages?after=-1", Bytes::new(), 400, "malformed"),
        ("GET", "/v1/chats/1/messages?after=1&before=2", Bytes::new(), 422, "invalid"),
        ("GET", "/v1/chats?after=x", Bytes::new(), 422, "invalid"),
        ("GET", "/v1/chats/1/members/x", Bytes::new(), 405, "method_not_allowed"),
        ("DELETE", "/v1/chats/1/members/x", Bytes::new(), 404, "not_found"),
        ("DELETE", "/v1/chats", Bytes::new(), 405, "method_not_allowed"),
        ("GET", "/v2/chats", Bytes::new(), 404, "not_found"),
        ("POST", "/v1/calls", Bytes::from(r#"{"chat":99}"#), 404, "not_found"),
        ("POST", "/v1/calls/99/accept", Bytes::new(), 409, "link_needed"),
        ("POST", "/v1/calls/99/hangup", Bytes::new(), 404, "not_found"),
        ("PUT", "/v1/cursors/3", Bytes::new(), 409, "link_needed"),
        ("POST", "/v1/tracks", Bytes::from(r#"{"name":"lobby","public":true}"#), 403, "not_allowed"),
        // Last: a body that is not read to its end costs the connection.
        ("POST", &path, Bytes::from(vec![b' '; 200 * 1024]), 413, "too_long"),
    ];
    for (method, path, body, status, code) in cases {
        let (found, body) = alice.send(method, path, body).await;
        assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn a_full_disk_is_a_problem_and_not_the_end() {
    let world = World::new().await;
    world.account("alice", false).await;
    world.account("bob", false).await;
    let mut alice = world.logged_in("alice", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.1["id"].as_u64().unwrap();
    let path = format!("/v1/chats/{chat}/messages");
    let database = &world.running.state.database;
    let pages = |count: &'static str| {
        database.write(move |c| c.query_row(&format!("PRAGMA max_page_count = {count}"), &[], |_| Ok(())))
    };
    pages("1").await.unwrap();
    let long = "x".repeat(16 * 1024);
    let mut stored = 0;
    let problem = loop {
        let (status, body) = alice.post(&path, json!({"text": long, "key": stored.to_string()})).await;
        if status == 507 {
            break body;
        }
        stored += 1;
        assert!(stored < 100);
    };
    assert_eq!(problem["code"], "disk_full");
    // Reading goes on, and so does writing once there is space.
    assert_eq!(alice.get("/v1/chats").await.0, 200);
    pages("100000").await.unwrap();
    let (status, sent) = alice.post(&path, json!({"text": long, "key": stored.to_string()})).await;
    assert_eq!((status, &sent["sequence"]), (201, &json!(stored + 1)));
}

#[tokio::test]
async fn a_call_goes_from_ringing_to_its_line_in_the_chat() {
    let world = World::new().await;
    world.account("alice", false).await;
    world.account("bob", false).await;
    world.account("eve", false).await;
    let mut alice = world.link("alice", "desk").await;
    let mut bob_desk = world.link("bob", "desk").await;
    let mut bob_phone = world.link("bob", "phone").await;
    let mut eve = world.link("eve", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.body;
    assert!(matches!(alice.event().await, Event::ChatOpened { .. }));
    assert!(matches!(bob_desk.event().await, Event::ChatOpened { .. }));
    assert!(matches!(bob_phone.event().await, Event::ChatOpened { .. }));

    let started = alice.post("/v1/calls", json!({"chat": chat["id"]})).await;
    let call: Call = started.read().unwrap();
    assert!(matches!(alice.event().await, Event::CallRinging { .. }));
    assert!(matches!(bob_desk.event().await, Event::CallInvited { .. }));
    assert!(matches!(bob_phone.event().await, Event::CallInvited { .. }));
    assert_eq!(eve.post(&format!("/v1/calls/{}/accept", call.id), json!({})).await.status, 404);

    let accepted: Call = bob_desk.post(&format!("/v1/calls/{}/accept", call.id), json!({})).await.read().unwrap();
    assert_eq!(accepted.phase, CallPhase::Talking);
    let Event::CallAccepted { call: seen } = alice.event().await else { panic!("not accepted") };
    assert_eq!(seen, accepted);
    assert!(matches!(bob_desk.event().await, Event::CallAccepted { .. }));
    assert!(matches!(bob_phone.event().await, Event::CallAnsweredElsewhere { .. }));
    let late = bob_phone.post(&format!("/v1/calls/{}/accept", call.id), json!({})).await;
    assert_eq!((late.status, &late.body["code"]), (409, &json!("call_moved_on")));

    // Each may write its own two tracks and read the other's.
    let tracks = |account: &str| accepted.participants.iter().find(|p| p.name == account).unwrap().tracks.unwrap();
    let mut writable = Vec::new();
    for _ in 0..2 {
        let LinkCommand::Write { track } = alice.command().await else { panic!("not write") };
        writable.push(track.id().0);
    }
    assert_eq!(writable, [tracks("alice").audio, tracks("alice").video]);
    let video = tracks("alice").video;
    let path = format!("/v1/cursors/{video}");
    assert_eq!(eve.send("PUT", &path, json!({})).await.status, 404);
    assert!(matches!(bob_desk.command().await, LinkCommand::Write { .. }));
    assert!(matches!(bob_desk.command().await, LinkCommand::Write { .. }));
    assert_eq!(bob_desk.send("PUT", &path, json!({})).await.status, 204);
    let LinkCommand::Read { track, after: None } = bob_desk.command().await else { panic!("not read") };
    assert_eq!(track.id(), TrackId(video));
    assert_eq!(bob_desk.send("DELETE", &path, json!({})).await.status, 204);
    assert!(matches!(bob_desk.command().await, LinkCommand::Stop { .. }));
    for _ in 0..3 {
        assert_eq!(bob_desk.post(&format!("/v1/tracks/{video}/keyframe"), json!({})).await.status, 202);
    }
    assert_eq!(alice.event().await, Event::KeyframeWanted { track: video });

    let ended: Call = alice.post(&format!("/v1/calls/{}/hangup", call.id), json!({})).await.read().unwrap();
    assert_eq!(ended.phase, CallPhase::Ended);
    let Event::CallEnded { reason: EndReason::HungUp, .. } = bob_desk.event().await else { panic!("not ended") };
    // Three wishes for a keyframe within a moment reached the writer as one.
    assert!(matches!(alice.event().await, Event::CallEnded { .. }));
    assert!(track.is_closed());
    assert!(matches!(alice.command().await, LinkCommand::Unwrite { .. }));
    assert_eq!(bob_desk.send("PUT", &path, json!({})).await.status, 404);

    let room = world.running.state.chats.room(chat["id"].as_u64().unwrap()).await.unwrap().unwrap();
    let mut cursor = room.track.cursor(Start::After(0));
    let line = tokio::time::timeout(world::PATIENCE, std::future::poll_fn(|context| cursor.poll_next(context)));
    let Next::Frame { frame, .. } = line.await.unwrap() else { panic!("no line") };
    let line = Message::parse(&frame.payload()).unwrap();
    assert!(matches!(line.notice, Some(Notice::CallEnded { call: id, .. }) if id == call.id), "{line:?}");
}

async fn a_link_that_comes_back_finds_its_call_and_its_tracks(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    world.account("bob", false).await;
    let mut alice = world.link("alice", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.body;
    // Bob is not there yet: nobody rings until he comes.
    let call: Call = alice.post("/v1/calls", json!({"chat": chat["id"]})).await.read().unwrap();
    assert!(matches!(alice.event().await, Event::ChatOpened { .. }));
    let mut bob = world.link("bob", "desk").await;
    assert!(matches!(bob.event().await, Event::CallInvited { .. }));
    assert!(matches!(alice.event().await, Event::CallRinging { .. }));
    bob.post(&format!("/v1/calls/{}/accept", call.id), json!({})).await;
    assert!(matches!(bob.event().await, Event::CallAccepted { .. }));

    world.running.state.link_gone(&bob.handle, Duration::ZERO);
    let mut again = world.link("bob", "desk").await;
    assert!(matches!(again.event().await, Event::CallAccepted { .. }));
    assert!(matches!(again.command().await, LinkCommand::Write { .. }));
    assert!(matches!(again.command().await, LinkCommand::Write { .. }));
    let current = again.send("GET", "/v1/calls", json!(null)).await.body;
    assert_eq!(current["calls"][0]["phase"], "talking");
}

#[tokio::test]
async fn a_link_belongs_to_one_device_and_ends_with_its_session() {
    let world = World::new().await;
    let alice = world.account("alice", false).await;
    world.account("bob", false).await;
    let mut link = world.link("alice", "desk").await;
    let other = link.post("/v1/login", json!({"user": "bob", "password": world::PASSWORD, "device": "desk"})).await;
    assert_eq!(other.status, 409);
    assert_eq!(link.handle.identity().unwrap().name, "alice");
    assert_eq!(link.post("/v1/logout", json!({})).await.status, 204);
    assert_eq!(link.handle.closed().await, CloseReason::SessionEnded);

    // Removed by the administrator, in another process: noticed within seconds.
    let link = world.link("alice", "desk").await;
    world.running.state.accounts.remove(alice, None, Actor::console()).await.unwrap();
    let closed = tokio::time::timeout(world::PATIENCE, link.handle.closed()).await.unwrap();
    assert_eq!(closed, CloseReason::SessionEnded);
}

#[tokio::test]
async fn publishers_make_public_tracks_and_lose_them_when_they_leave() {
    let world = World::new().await;
    world.account("studio", true).await;
    let mut studio = world.link("studio", "camera").await;
    let made = studio.post("/v1/tracks", json!({"name": "lobby", "public": true})).await;
    assert_eq!(made.status, 201);
    let LinkCommand::Write { track } = studio.command().await else { panic!("not write") };
    assert_eq!(made.body["track"], track.id().0);
    assert_eq!(studio.post("/v1/tracks", json!({"name": "lobby", "public": true})).await.body, made.body);
    let mut other = world.link("studio", "other").await;
    assert_eq!(other.post("/v1/tracks", json!({"name": "lobby", "public": true})).await.body["code"], "name_taken");
    assert_eq!(studio.send("DELETE", &format!("/v1/tracks/{}", track.id()), json!(null)).await.status, 204);
    assert!(track.is_closed());

    studio.post("/v1/tracks", json!({"name": "lobby", "public": true})).await;
    let track = world.running.state.tracks.public("lobby").unwrap();
    world.running.state.link_gone(&studio.handle, Duration::ZERO);
    assert!(!track.is_closed());
    let mut cursor = track.cursor(Start::Live);
    let end = tokio::time::timeout(world::PATIENCE, std::future::poll_fn(|context| cursor.poll_next(context)));
    assert_eq!(end.await.expect("the abandoned track was not ended"), Next::Closed);
}

on_both!(
    login_gives_a_session_and_nothing_works_without_one,
    two_chat_over_https,
    a_link_that_comes_back_finds_its_call_and_its_tracks,
    what_is_wrong_with_a_request_is_said,
);

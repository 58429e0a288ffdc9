//! Commands with an `Idempotency-Key`, given more than once: on every route that makes something, and over a restart.

mod world;

use bytes::Bytes;
use relay::vocabulary::Role;
use serde_json::{Value, json};
use world::postgres::{Engine, on_both};
use world::{Https, World};

thread_local! {
    /// In an hour; the same in every request of a test.
    static LATER: u64 = server::clock::unix_ms() + 3_600_000;
}

/// What makes something: path, body, and the list in which it then stands.
fn creating() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        ("/v1/chats", json!({"with": "bob"}), "/v1/chats", "chats"),
        ("/v1/chats", json!({"with": ["bob", "carol"], "name": "lunch"}), "/v1/chats", "chats"),
        ("/v1/chats/1/messages", json!({"text": "Noodles?"}), "/v1/chats/1/messages", "messages"),
        (
            "/v1/chats/1/messages",
            json!({"text": "Later", "send_at": LATER.with(|at| *at)}),
            "/v1/chats/1/scheduled",
            "scheduled",
        ),
        ("/v1/contacts/requests", json!({"to": "carol"}), "/v1/contacts/requests", "outgoing"),
        ("/v1/sessions", json!({"device": "script"}), "/v1/sessions", "sessions"),
        ("/v1/tokens", json!({"name": "bot"}), "/v1/tokens", "tokens"),
        ("/v1/admin/accounts", json!({"user": "dave", "role": "member"}), "/v1/admin/accounts", "accounts"),
        ("/v1/admin/invitations", json!({"uses": 3}), "/v1/admin/invitations", "invitations"),
        ("/v1/admin/accounts/2/reset", json!({}), "/v1/admin/accounts", "accounts"),
        ("/v1/files", json!({"name": "x", "media": "text/plain", "size": 1}), "/v1/admin/accounts", "accounts"),
        ("/v1/calls", json!({"chat": 1}), "/v1/calls", "calls"),
    ]
}

async fn length(https: &mut Https, list: &str, field: &str) -> usize {
    let (status, page) = https.get(list).await;
    if status == 404 { 0 } else { page[field].as_array().unwrap_or_else(|| panic!("{list}: {page}")).len() }
}

async fn everything_is_made_once_by_its_key_also_over_a_restart(engine: Engine) {
    let mut world = World::on(engine);
    world.account_of("alice", Role::Administrator).await;
    for name in ["bob", "carol"] {
        world.account(name, false).await;
    }
    let mut https = world.logged_in("alice", "desk").await;
    let session = https.session.clone();
    let link = world.link("alice", "desk").await;
    let mut first = Vec::new();
    for (at, (path, body, list, field)) in creating().into_iter().enumerate() {
        let key = format!("key-{at}");
        let before = length(&mut https, list, field).await;
        let made = https.keyed(path, &key, &body).await;
        assert!((200..300).contains(&made.0) && !made.2, "{path}: {made:?}");
        let after = length(&mut https, list, field).await;
        assert!(after == before + 1 || after == before && path.ends_with("/reset") || path == "/v1/files", "{path}");
        assert_eq!(https.keyed(path, &key, &body).await, (made.0, made.1.clone(), true), "{path}");
        // A structured field has quotes; they are not part of the key.
        assert_eq!(https.keyed(path, &format!("\"{key}\""), &body).await, (made.0, made.1.clone(), true), "{path}");
        let other = https.keyed(path, &key, &json!({"device": "other", "size": 2})).await;
        assert_eq!((other.0, &other.1["code"]), (422, &json!("key_reused")), "{path}");
        first.push((key, made.1, after));
    }
    drop(link);
    let (running, home) = world.end();
    running.stop().await;
    world = World::again(home);
    let mut https = world.https().await;
    https.session = session;
    for ((path, body, list, field), (key, made, length_then)) in creating().into_iter().zip(first) {
        let again = https.keyed(path, &key, &body).await;
        assert_eq!((&again.1, again.2), (&made, true), "{path}");
        // A call ends with the server, and is not begun again by its key.
        let length_then = if path == "/v1/calls" { 0 } else { length_then };
        assert!(length(&mut https, list, field).await >= length_then, "{path}");
        if list.ends_with("messages") {
            assert_eq!(length(&mut https, list, field).await, 1 + 1, "the line, and that someone called");
        }
    }
}

async fn a_message_takes_its_key_from_the_header_and_is_found_by_it_for_ever(engine: Engine) {
    let world = World::on(engine);
    let alice = world.account("alice", false).await;
    world.account("bob", false).await;
    let mut https = world.with_session(alice).await;
    https.post("/v1/chats", json!({"with": "bob"})).await;
    let (status, sent, _) = https.keyed("/v1/chats/1/messages", "k-1", &json!({"text": "hello"})).await;
    assert_eq!(status, 201);
    // The key is forgotten after a day; the line's own key is not, and it answers the same.
    let forget = |c: &server::database::Connection| c.execute("DELETE FROM repeats", &[]);
    world.running.state.database.write(forget).await.unwrap();
    assert_eq!(https.keyed("/v1/chats/1/messages", "k-1", &json!({"text": "hello"})).await, (201, sent.clone(), false));
    assert_eq!(https.post("/v1/chats/1/messages", json!({"text": "hello", "key": "k-1"})).await, (201, sent));
    // A body's own key comes first.
    https.keyed("/v1/chats/1/messages", "k-2", &json!({"text": "again", "key": "own"})).await;
    let history = https.get("/v1/chats/1/messages").await.1;
    let keys: Vec<_> = history["messages"].as_array().unwrap().iter().map(|line| line["key"].clone()).collect();
    assert_eq!(keys, [json!("k-1"), json!("own")]);
    // Without either there is no message.
    assert_eq!(https.post("/v1/chats/1/messages", json!({"text": "keyless"})).await.0, 400);
}

#[tokio::test]
async fn a_refused_command_is_tried_again_with_its_key_and_a_bad_key_is_refused() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let bob = world.account("bob", false).await;
    let mut https = world.with_session(root).await;
    let dave = json!({"user": "bob"});
    assert_eq!(https.keyed("/v1/admin/accounts", "k", &dave).await.0, 409);
    world.running.state.accounts.remove(bob, None, server::identity::Actor::console()).await.unwrap();
    assert_eq!(
        https.keyed("/v1/admin/accounts", "k", &dave).await.0,
        409,
        "its name stays reserved, and it is asked anew"
    );
    assert_eq!(
        https.keyed("/v1/admin/accounts", "k", &json!({"user": "dave"})).await.0,
        201,
        "nothing was made by it before"
    );
    for bad in ["", "\"\"", "two words", &"x".repeat(65)] {
        let answer = https.keyed("/v1/admin/invitations", bad, &json!({})).await;
        assert_eq!((answer.0, &answer.1["code"]), (422, &json!("invalid")), "{bad:?}");
    }
    assert_eq!(https.keyed("/v1/admin/invitations", &"x".repeat(64), &json!({})).await.0, 201);
}

#[tokio::test]
async fn two_at_once_make_one() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(world.with_session(root).await);
    }
    let body = json!({"user": "dave", "password": world::PASSWORD});
    let mut asking = tokio::task::JoinSet::new();
    for mut https in clients {
        let body = body.clone();
        asking.spawn(async move {
            loop {
                let answer = https.keyed("/v1/admin/accounts", "k", &body).await;
                if answer.1["code"] != "still_working" {
                    return answer;
                }
                assert_eq!((answer.0, answer.1["retry_after_ms"].as_u64()), (409, Some(1_000)));
                tokio::task::yield_now().await;
            }
        });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| answer.0 == 201 && answer.1 == answers[0].1), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| !answer.2).count(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_finds_the_answer_when_it_comes_back() {
    let world = World::new().await;
    let root = world.account_of("root", Role::Administrator).await;
    let session = world.session(root).await;
    let body = json!({"user": "dave", "password": world::PASSWORD}).to_string();
    let request = format!(
        "POST /v1/admin/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {session}\r\nIdempotency-Key: k\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = world.tls(&[b"http/1.1"]).await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::flush(&mut stream).await.unwrap();
    // Hashing the password takes longer than this.
    drop(stream);
    let mut https = world.https().await;
    https.session = Some(session);
    let deadline = std::time::Instant::now() + world::PATIENCE;
    let answer = loop {
        let answer = https.keyed("/v1/admin/accounts", "k", &serde_json::from_str(&body).unwrap()).await;
        if answer.1["code"] != "still_working" {
            break answer;
        }
        assert!(std::time::Instant::now() < deadline, "{answer:?}");
    };
    assert_eq!(answer.0, 201, "{answer:?}");
    let (_, accounts) = https.send("GET", "/v1/admin/accounts", Bytes::new()).await;
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 2);
}

on_both!(
    everything_is_made_once_by_its_key_also_over_a_restart,
    a_message_takes_its_key_from_the_header_and_is_found_by_it_for_ever,
);

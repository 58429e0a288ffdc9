//! Commands about chats and files as clients give them: over https, and through links as their driver hands them on.

mod world;

use bytes::Bytes;
use relay::track::{Next, Start};
use relay::vocabulary::{Call, Event, Message};
use serde_json::json;
use server::delivery::LinkCommand;
use world::World;
use world::postgres::{Engine, on_both};

async fn a_group_is_asked_and_its_readers_follow_who_is_in_it(engine: Engine) {
    let world = World::on(engine);
    let mut ids = Vec::new();
    for name in ["alice", "bob", "carol"] {
        ids.push(world.account(name, false).await);
    }
    let (mut alice, mut bob) = (world.link("alice", "desk").await, world.link("bob", "desk").await);
    let open = json!({"with": ["bob", "carol"], "name": "lunch", "key": "k", "text": "Hungry?"});
    let opened = alice.post("/v1/chats", open.clone()).await;
    assert_eq!((opened.status, &opened.body["role"]), (201, &json!("owner")));
    assert_eq!(alice.post("/v1/chats", open).await.status, 200, "the same key opens no other chat");
    let Event::ChatOpened { chat } = bob.event().await else { panic!("no request") };
    assert_eq!(chat.request.unwrap().text, "Hungry?");
    let path = |rest: &str| format!("/v1/chats/{}{rest}", chat.id);
    // A request is no right to read.
    let cursor = format!("/v1/cursors/{}", chat.track);
    assert_eq!(bob.send("PUT", &cursor, json!({"after": 0})).await.status, 404);
    assert_eq!(bob.send("GET", &path("/messages"), json!(null)).await.status, 404);
    assert_eq!(bob.send("GET", &path(""), json!(null)).await.body["standing"], "requested");
    assert_eq!(bob.post(&path("/accept"), json!({})).await.body["standing"], "joined");
    assert!(matches!(bob.event().await, Event::ChatOpened { .. }));
    assert_eq!(bob.send("PUT", &cursor, json!({"after": 0})).await.status, 204);
    assert!(matches!(bob.command().await, LinkCommand::Read { after: Some(0), .. }));
    assert_eq!(bob.send("PUT", &format!("/v1/cursors/{}", chat.signals), json!({})).await.status, 204);
    assert!(matches!(bob.command().await, LinkCommand::Read { .. }));
    let unread = bob.send("GET", &path(""), json!(null)).await.body["unread"].clone();
    assert_eq!(unread, 1);
    assert_eq!(bob.send("PUT", &path("/marks"), json!({"read": 3})).await.body["read"], 3);
    assert_eq!(bob.post(&path("/typing"), json!({"on": true})).await.status, 204);
    let marks = alice.send("GET", &path("/marks"), json!(null)).await.body;
    assert!(marks["marks"].as_array().unwrap().iter().any(|marks| marks["read"] == 3), "{marks}");

    let mut carol = world.logged_in("carol", "desk").await;
    assert_eq!(carol.post(&path("/messages"), json!({"text": "x", "key": "k"})).await.0, 404);
    assert_eq!(carol.post(&path("/ignore"), json!({})).await.0, 204);
    assert_eq!(carol.get("/v1/chats").await.1["chats"], json!([]));
    assert_eq!(carol.get("/v1/chats?ignored=true").await.1["chats"][0]["id"], chat.id);
    assert_eq!(carol.post(&path("/accept"), json!({})).await.0, 200);
    assert_eq!(carol.get(&path("/members")).await.1["members"].as_array().unwrap().len(), 3);

    let refused = bob.send("PATCH", &path(""), json!({"name": "mine"})).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("not_allowed")));
    assert_eq!(alice.send("PATCH", &path(""), json!({"name": "dinner"})).await.body["name"], "dinner");
    let bobs = path(&format!("/members/{}", ids[1]));
    assert_eq!(alice.send("PUT", &bobs, json!({"role": "moderator"})).await.status, 204);
    assert_eq!(alice.send("DELETE", &bobs, json!(null)).await.status, 204);
    assert!(matches!(bob.command().await, LinkCommand::Stop { track } if track.0 == chat.track));
    assert!(matches!(bob.command().await, LinkCommand::Stop { track } if track.0 == chat.signals));
    assert_eq!(bob.send("PUT", &cursor, json!({"after": 0})).await.status, 404);
    assert_eq!(bob.send("GET", &path("/members"), json!(null)).await.status, 404);
    // Asked again, bob reads from there on, and not what was said while he was away.
    let asked = alice.post(&path("/members"), json!({"names": ["bob"]})).await;
    assert_eq!(asked.status, 200);
    let again = bob.post(&path("/accept"), json!({})).await.body;
    let before = again["since"].as_u64().unwrap() - 1;
    let early = bob.send("PUT", &cursor, json!({"after": before})).await;
    assert_eq!((early.status, &early.body["code"]), (422, &json!("invalid")));
    assert_eq!(bob.send("PUT", &cursor, json!({"after": before + 1})).await.status, 204);
    assert_eq!(carol.send("DELETE", &path(&format!("/members/{}", ids[2])), Bytes::new()).await.0, 204);
    assert_eq!(carol.get(&path("")).await.0, 404);
}

async fn a_file_is_sent_and_had_over_https(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    world.account("bob", false).await;
    let (mut alice, mut bob) = (world.logged_in("alice", "desk").await, world.logged_in("bob", "desk").await);
    let content: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    let announce = json!({"name": "報告.bin", "media": "text/html", "size": content.len(), "key": "k"});
    let (status, progress) = alice.post("/v1/files", announce).await;
    assert_eq!((status, &progress["received"]), (201, &json!(0)));
    let path = format!("/v1/files/{}", progress["id"].as_str().unwrap());
    let piece = |at: usize, end: usize| Bytes::copy_from_slice(&content[at..end]);
    assert_eq!(alice.send("PUT", &format!("{path}?at=0"), piece(0, 500_000)).await.1["received"], 500_000);
    let (status, problem) = alice.send("PUT", &format!("{path}?at=1"), piece(1, 500_001)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("wrong_offset")));
    assert_eq!(bob.send("PUT", &format!("{path}?at=500000"), piece(500_000, 600_000)).await.0, 404);
    assert_eq!(alice.get(&path).await.1["received"], 500_000);
    let (_, done) = alice.send("PUT", &format!("{path}?at=500000"), piece(500_000, 600_000)).await;
    assert_eq!(done["complete"], true);

    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.1["id"].as_u64().unwrap();
    let line = json!({"key": "1", "files": [progress["id"]]});
    assert_eq!(alice.post(&format!("/v1/chats/{chat}/messages"), line).await.0, 201);
    let got = bob.bytes(&format!("{path}/content"), &[]).await;
    assert_eq!((got.status().as_u16(), got.body()), (200, &Bytes::from(content.clone())));
    let headers = got.headers().clone();
    assert_eq!(headers["content-type"], "application/octet-stream", "what people send is never a page");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename*=UTF-8''%E5%A0%B1"));
    let tag = headers["etag"].to_str().unwrap();
    let part = bob.bytes(&format!("{path}/content"), &[("range", "bytes=599990-")]).await;
    assert_eq!((part.status().as_u16(), &part.body()[..]), (206, &content[599_990..]));
    assert_eq!(part.headers()["content-range"], "bytes 599990-599999/600000");
    let known = bob.bytes(&format!("{path}/content"), &[("if-none-match", tag)]).await;
    assert_eq!((known.status().as_u16(), known.body().len()), (304, 0));
    let other = bob.bytes(&format!("{path}/content"), &[("range", "bytes=0-9"), ("if-range", "\"x\"")]).await;
    assert_eq!(other.status().as_u16(), 200);
    let asked = bob.bytes(&format!("{path}/content?from=10&length=5"), &[]).await;
    assert_eq!((asked.status().as_u16(), &asked.body()[..]), (206, &content[10..15]));
    assert_eq!(bob.get(&format!("{path}/content?from=600000")).await.0, 416);
    assert_eq!(bob.get(&format!("{path}/thumbnail")).await.1["code"], "not_found");
    // Bytes do not go by the control track of a link.
    let mut link = world.link("bob", "laptop").await;
    let refused = link.send("GET", &format!("{path}/content"), json!(null)).await;
    assert_eq!((refused.status, &refused.body["code"]), (406, &json!("bulk_needed")));
    // Last: a body that is not read to its end costs the connection.
    let long = Bytes::from(vec![0; relay::vocabulary::PIECE_MAX + 1]);
    assert_eq!(alice.send("PUT", &format!("{path}?at=0"), long).await.1["code"], "too_long");
}

async fn lines_are_searched_and_sent_later_over_https(engine: Engine) {
    let world = World::on(engine);
    world.account("alice", false).await;
    world.account("bob", false).await;
    let mut alice = world.logged_in("alice", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.1["id"].as_u64().unwrap();
    let path = |rest: &str| format!("/v1/chats/{chat}/{rest}");
    alice.post(&path("messages"), json!({"text": "小窓を開ける", "key": "1"})).await;
    let (status, found) = alice.get("/v1/search?q=%E7%AA%93").await;
    assert_eq!((status, &found["hits"][0]["message"]["text"]), (200, &json!("小窓を開ける")));
    assert_eq!(alice.get("/v1/search?q=%20").await.1["code"], "invalid");
    assert_eq!(alice.get(&format!("/v1/search?q={}", "x".repeat(300))).await.1["code"], "too_long");
    assert_eq!(alice.get("/v1/search").await.1["code"], "malformed");

    let mut bob = world.link("bob", "desk").await;
    assert_eq!(bob.send("PUT", &format!("/v1/cursors/{}", chat * 4 + 1), json!({"after": 1})).await.status, 204);
    let LinkCommand::Read { track, .. } = bob.command().await else { panic!("not read") };
    let soon = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64 + 300;
    let later = json!({"text": "later", "key": "2", "send_at": soon});
    let (status, scheduled) = alice.post(&path("messages"), later.clone()).await;
    assert_eq!((status, &scheduled["send_at"]), (202, &json!(soon)));
    assert_eq!(alice.post(&path("messages"), later).await.1["id"], scheduled["id"]);
    let never = json!({"text": "never", "key": "3", "send_at": soon + 3_600_000});
    let never = alice.post(&path("messages"), never).await.1["id"].as_u64().unwrap();
    assert_eq!(alice.get(&path("scheduled")).await.1["scheduled"].as_array().unwrap().len(), 2);
    assert_eq!(alice.send("DELETE", &path(&format!("scheduled/{never}")), Bytes::new()).await.0, 204);
    let mut cursor = track.cursor(Start::After(1));
    let line = tokio::time::timeout(world::PATIENCE, std::future::poll_fn(|context| cursor.poll_next(context)));
    let Next::Frame { frame, .. } = line.await.expect("the line was not sent") else { panic!("no line") };
    let line = Message::parse(&frame.payload()).unwrap();
    assert!(line.text == "later" && line.at >= soon, "{line:?}");
    assert_eq!(alice.get(&path("scheduled")).await.1["scheduled"], json!([]));
}

async fn a_group_chat_rings_its_members(engine: Engine) {
    let world = World::on(engine);
    for name in ["alice", "bob", "carol", "dave"] {
        world.account(name, false).await;
    }
    let mut links = Vec::new();
    for name in ["alice", "bob", "carol", "dave"] {
        links.push(world.link(name, "desk").await);
    }
    let [alice, bob, carol, dave] = &mut links[..] else { unreachable!() };
    let open = json!({"with": ["bob", "carol", "dave"], "key": "k"});
    let chat = alice.post("/v1/chats", open).await.body["id"].as_u64().unwrap();
    for link in [&mut *bob, &mut *carol] {
        assert_eq!(link.post(&format!("/v1/chats/{chat}/accept"), json!({})).await.status, 200);
        for _ in 0..2 {
            assert!(matches!(link.event().await, Event::ChatOpened { .. }));
        }
    }
    assert!(matches!(dave.event().await, Event::ChatOpened { .. }));
    let call: Call = alice.post("/v1/calls", json!({"chat": chat})).await.read().unwrap();
    assert_eq!(call.participants.len(), 3, "whoever has not accepted is not rung");
    assert!(matches!(bob.event().await, Event::CallInvited { .. }));
    assert!(matches!(carol.event().await, Event::CallInvited { .. }));
    let accept = format!("/v1/calls/{}/accept", call.id);
    bob.post(&accept, json!({})).await;
    let all: Call = carol.post(&accept, json!({})).await.read().unwrap();
    assert!(all.participants.iter().all(|one| one.tracks.is_some()));
    let dave = dave.post(&accept, json!({})).await;
    assert_eq!(dave.status, 404);
}

on_both!(
    a_group_is_asked_and_its_readers_follow_who_is_in_it,
    a_file_is_sent_and_had_over_https,
    lines_are_searched_and_sent_later_over_https,
    a_group_chat_rings_its_members,
);

//! Blocks as both sides meet them: what is seen, who is reached, in chats of two and of many.

mod world;

use relay::vocabulary::{Availability, Call, Directory, Event, RequestOutcome};
use serde_json::{Value, json};
use world::World;
use world::people::{befriend, contacts, id, link, next, nothing, until, watch, with};
use world::postgres::{Engine, on_both};

async fn who_is_blocked_sees_nobody_and_reaches_nobody(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let (alice_id, bob_id) = (id(&world, "alice").await, id(&world, "bob").await);
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    befriend(&mut alice, &mut bob).await;
    let chat = bob.post("/v1/chats", json!({"with": "alice"})).await.body["id"].clone();
    assert!(matches!(alice.event().await, Event::ChatOpened { .. }));
    assert!(matches!(bob.event().await, Event::ChatOpened { .. }));
    let mut seen_by_bob = watch(&mut bob).await;
    let mut seen_by_alice = watch(&mut alice).await;

    assert_eq!(alice.send("PUT", &format!("/v1/blocks/{bob_id}"), Value::Null).await.status, 204);
    assert_eq!(alice.send("PUT", &format!("/v1/blocks/{bob_id}"), Value::Null).await.status, 204, "once is enough");
    assert!(matches!(alice.event().await, Event::ContactBlocked { who } if who.id == bob_id));
    // To bob, alice has gone just now.
    let (about, info) = next(&mut seen_by_bob).await;
    assert_eq!((about, info.state), (alice_id, Availability::Offline));
    let at = info.last_seen.unwrap();
    let listed = contacts(&mut bob).await.contacts;
    assert_eq!((listed[0].presence.state, listed[0].presence.last_seen), (Availability::Offline, Some(at)));
    alice.send("PUT", "/v1/presence", json!({"state": "do_not_disturb"})).await;
    until(&mut seen_by_alice, alice_id, Availability::DoNotDisturb).await;
    bob.send("PUT", "/v1/presence", json!({"state": "away"})).await;
    until(&mut seen_by_bob, bob_id, Availability::Away).await;
    assert!(nothing(&mut seen_by_bob), "bob is told nothing of alice");
    assert!(nothing(&mut seen_by_alice), "nor alice of bob");
    assert_eq!(contacts(&mut bob).await.contacts[0].presence.last_seen, Some(at));
    assert!(contacts(&mut alice).await.contacts.is_empty());
    let blocks = alice.send("GET", "/v1/blocks", Value::Null).await.body;
    assert_eq!(blocks["blocked"][0]["name"], "bob");

    // Nothing that bob tries reaches her, nor the other way before she takes it back.
    let message = json!({"text": "please", "key": "1"});
    let (say, typing) = (format!("/v1/chats/{chat}/messages"), format!("/v1/chats/{chat}/typing"));
    for (method, path, body) in [
        ("POST", "/v1/contacts/requests", json!({"to": "alice"})),
        ("POST", "/v1/chats", json!({"with": "alice"})),
        ("POST", say.as_str(), message.clone()),
        ("POST", "/v1/calls", json!({"chat": chat})),
        ("POST", typing.as_str(), json!({"on": true})),
    ] {
        let refused = bob.send(method, path, body.clone()).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("not_reachable")), "{path}");
        assert_eq!(refused.body["detail"], "alice cannot be reached by you: only alice can change that.");
        let own = if path == "/v1/contacts/requests" { json!({"to": "bob"}) } else { body };
        let own = if path == "/v1/chats" { json!({"with": "bob"}) } else { own };
        let refused = alice.send(method, path, own).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("blocked_by_you")), "{path}");
    }
    let found: Directory = bob.send("GET", "/v1/directory?prefix=al", Value::Null).await.read().unwrap();
    assert!(found.people.is_empty(), "bob does not find her");
    let found: Directory = alice.send("GET", "/v1/directory?prefix=b", Value::Null).await.read().unwrap();
    assert_eq!(found.people.len(), 1);

    assert_eq!(alice.send("DELETE", &format!("/v1/blocks/{bob_id}"), Value::Null).await.status, 204);
    assert!(matches!(alice.event().await, Event::ContactUnblocked { who } if who.id == bob_id));
    let Event::ContactAdded { contact, .. } = alice.event().await else { panic!("not added again") };
    assert_eq!((contact.who.id, contact.presence.state), (bob_id, Availability::Away));
    until(&mut seen_by_bob, alice_id, Availability::DoNotDisturb).await;
    bob.send("PUT", "/v1/presence", json!({"state": "available"})).await;
    until(&mut seen_by_alice, bob_id, Availability::Available).await;
    assert_eq!(bob.post(&say, message).await.status, 201);
}

async fn a_block_holds_in_chats_of_many(engine: Engine) {
    let world = with(engine, &["alice", "bob", "carol"]).await;
    let bob_id = id(&world, "bob").await;
    let mut alice = link(&world, "alice", "desk").await;
    let (mut bob, mut carol) = (link(&world, "bob", "desk").await, link(&world, "carol", "desk").await);
    let open = json!({"with": ["bob", "carol"], "key": "before"});
    let chat = alice.post("/v1/chats", open).await.body["id"].as_u64().unwrap();
    for link in [&mut bob, &mut carol] {
        assert_eq!(link.post(&format!("/v1/chats/{chat}/accept"), json!({})).await.status, 200);
        for _ in 0..2 {
            assert!(matches!(link.event().await, Event::ChatOpened { .. }));
        }
    }
    assert_eq!(alice.send("PUT", &format!("/v1/blocks/{bob_id}"), Value::Null).await.status, 204);

    // Nobody asks someone in whom they block, or who blocks them; nothing of such a command is done.
    for (by, with, code) in [
        (&mut bob, ["alice", "carol"], (403, "not_reachable")),
        (&mut alice, ["bob", "carol"], (409, "blocked_by_you")),
    ] {
        let open = json!({"with": with, "key": "after"});
        let refused = by.post("/v1/chats", open).await;
        assert_eq!((refused.status, refused.body["code"].as_str().unwrap()), code, "{refused:?}");
        let listed = by.send("GET", "/v1/chats", Value::Null).await.body;
        assert_eq!(listed["chats"].as_array().unwrap().len(), 1);
    }
    let own = carol.post("/v1/chats", json!({"with": ["bob"], "key": "carol's"})).await.body["id"].as_u64().unwrap();
    let accepted = bob.post(&format!("/v1/chats/{own}/accept"), json!({})).await;
    assert_eq!(accepted.status, 200);
    let asked = bob.post(&format!("/v1/chats/{own}/members"), json!({"names": ["alice"]})).await;
    assert_eq!((asked.status, &asked.body["code"]), (403, &json!("not_reachable")));

    // A call from a chat that both are in rings everyone else.
    for _ in 0..2 {
        assert!(matches!(bob.event().await, Event::ChatOpened { .. }));
    }
    let call: Call = alice.post("/v1/calls", json!({"chat": chat})).await.read().unwrap();
    let rung: Vec<_> = call.participants.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(rung, ["alice", "carol"]);
    assert!(matches!(carol.event().await, Event::ChatOpened { .. }));
    assert!(matches!(carol.event().await, Event::CallInvited { .. }));
    assert_eq!(bob.post(&format!("/v1/calls/{}/accept", call.id), json!({})).await.status, 404);
    alice.post(&format!("/v1/calls/{}/hangup", call.id), json!({})).await;
    assert!(matches!(carol.event().await, Event::CallCancelled { .. }));
    let by_bob: Call = bob.post("/v1/calls", json!({"chat": chat})).await.read().unwrap();
    assert_eq!(by_bob.participants.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["bob", "carol"]);
}

async fn a_block_ends_requests_and_outlives_the_server(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let (alice_id, bob_id) = (id(&world, "alice").await, id(&world, "bob").await);
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    assert_eq!(bob.post("/v1/contacts/requests", json!({"to": "alice"})).await.status, 201);
    assert_eq!(alice.send("PUT", &format!("/v1/blocks/{bob_id}"), Value::Null).await.status, 204);
    assert!(matches!(bob.event().await, Event::ContactRequested { .. }));
    let Event::ContactRequestEnded { outcome, .. } = bob.event().await else { panic!("not ended") };
    assert_eq!(outcome, RequestOutcome::Declined);
    assert_eq!(alice.send("PUT", "/v1/blocks/999", Value::Null).await.status, 404);
    assert_eq!(alice.send("PUT", &format!("/v1/blocks/{alice_id}"), Value::Null).await.status, 422);
    drop((alice, bob));
    let (running, home) = world.end();
    running.stop().await;
    let world = World::again(home);
    let mut bob = link(&world, "bob", "desk").await;
    assert_eq!(bob.post("/v1/chats", json!({"with": "alice"})).await.body["code"], "not_reachable");
}

on_both!(
    who_is_blocked_sees_nobody_and_reaches_nobody,
    a_block_holds_in_chats_of_many,
    a_block_ends_requests_and_outlives_the_server,
);

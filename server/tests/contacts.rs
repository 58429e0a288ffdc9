//! Contacts, blocks and presence as clients meet them: commands over https and links, events and track 1.

mod world;

use bytes::Bytes;
use relay::vocabulary::{Availability, Call, Contact, ContactRequests, Directory, Event, OwnPresence, RequestOutcome};
use serde_json::{Value, json};
use server::delivery::CloseReason;
use std::time::{Duration, Instant};
use world::World;
use world::people::{befriend, contacts, id, link, next, until, watch, with};
use world::postgres::{Engine, on_both};

async fn a_request_becomes_a_contact_by_consent_and_every_link_hears_of_it(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let (alice_id, bob_id) = (id(&world, "alice").await, id(&world, "bob").await);
    let mut alice = link(&world, "alice", "desk").await;
    let mut phone = link(&world, "alice", "phone").await;
    let mut bob = link(&world, "bob", "desk").await;
    let ask = json!({"to": "Bob", "text": "It is me, from the lab"});
    let asked = alice.post("/v1/contacts/requests", ask.clone()).await;
    assert_eq!((asked.status, &asked.body["to"]["name"]), (201, &json!("bob")));
    let again = alice.post("/v1/contacts/requests", ask).await;
    assert_eq!((again.status, &again.body), (200, &asked.body), "asking again changes nothing");
    for link in [&mut alice, &mut phone, &mut bob] {
        let Event::ContactRequested { request } = link.event().await else { panic!("not requested") };
        assert_eq!((request.from.id, request.text.as_str()), (alice_id, "It is me, from the lab"));
    }
    // Whoever comes later finds it waiting.
    let mut https = world.logged_in("bob", "laptop").await;
    let (_, waiting) = https.get("/v1/contacts/requests").await;
    let waiting: ContactRequests = serde_json::from_value(waiting).unwrap();
    assert_eq!((waiting.incoming.len(), waiting.outgoing.len()), (1, 0));

    let (status, contact) = https.post(&format!("/v1/contacts/requests/{alice_id}/accept"), json!({})).await;
    let contact: Contact = serde_json::from_value(contact).unwrap();
    assert_eq!((status, contact.who.id, contact.presence.state), (200, alice_id, Availability::Available));
    for (link, other) in [(&mut alice, bob_id), (&mut phone, bob_id), (&mut bob, alice_id)] {
        let Event::ContactRequestEnded { from, to, outcome } = link.event().await else { panic!("not ended") };
        assert_eq!((from.id, to.id, outcome), (alice_id, bob_id, RequestOutcome::Accepted));
        let Event::ContactAdded { contact, .. } = link.event().await else { panic!("not added") };
        assert_eq!((contact.who.id, contact.presence.state), (other, Availability::Available));
    }
    // Repeated, it is answered the same and told to nobody.
    assert_eq!(https.post(&format!("/v1/contacts/requests/{alice_id}/accept"), json!({})).await.0, 200);
    assert_eq!(alice.post("/v1/contacts/requests", json!({"to": "bob"})).await.status, 204);
    assert_eq!(contacts(&mut alice).await.contacts.len(), 1);

    assert_eq!(bob.send("DELETE", &format!("/v1/contacts/{alice_id}"), Value::Null).await.status, 204);
    for (link, other) in [(&mut alice, bob_id), (&mut phone, bob_id), (&mut bob, alice_id)] {
        let Event::ContactRemoved { who } = link.event().await else { panic!("not removed") };
        assert_eq!(who.id, other);
    }
    assert!(contacts(&mut alice).await.contacts.is_empty());
    assert_eq!(bob.send("DELETE", &format!("/v1/contacts/{alice_id}"), Value::Null).await.status, 404);
}

async fn requests_are_declined_taken_back_or_meet(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let (alice_id, bob_id) = (id(&world, "alice").await, id(&world, "bob").await);
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    for outcome in [RequestOutcome::Declined, RequestOutcome::Withdrawn] {
        assert_eq!(alice.post("/v1/contacts/requests", json!({"to": "bob"})).await.status, 201);
        let response = match outcome {
            RequestOutcome::Declined => bob.post(&format!("/v1/contacts/requests/{alice_id}/decline"), json!({})).await,
            _ => alice.send("DELETE", &format!("/v1/contacts/requests/{bob_id}"), Value::Null).await,
        };
        assert_eq!(response.status, 204);
        for link in [&mut alice, &mut bob] {
            assert!(matches!(link.event().await, Event::ContactRequested { .. }));
            let Event::ContactRequestEnded { outcome: seen, .. } = link.event().await else { panic!("not ended") };
            assert_eq!(seen, outcome);
        }
        let late = bob.post(&format!("/v1/contacts/requests/{alice_id}/accept"), json!({})).await;
        assert_eq!((late.status, &late.body["code"]), (404, &json!("not_found")));
    }
    // Each asks the other: that is consent.
    assert_eq!(alice.post("/v1/contacts/requests", json!({"to": "bob"})).await.status, 201);
    assert_eq!(bob.post("/v1/contacts/requests", json!({"to": "alice"})).await.status, 204);
    for link in [&mut alice, &mut bob] {
        assert!(matches!(link.event().await, Event::ContactRequested { .. }));
        assert!(matches!(link.event().await, Event::ContactRequestEnded { outcome: RequestOutcome::Accepted, .. }));
        assert!(matches!(link.event().await, Event::ContactAdded { .. }));
    }
    let (status, own) = {
        let response = alice.post("/v1/contacts/requests", json!({"to": "alice"})).await;
        (response.status, response.body["detail"].clone())
    };
    assert_eq!((status, own), (422, json!("That is you: name another account.")));
    assert_eq!(alice.post("/v1/contacts/requests", json!({"to": "nobody"})).await.status, 404);
}

async fn groups_are_ones_own(engine: Engine) {
    let world = with(engine, &["alice", "bob", "carol"]).await;
    let (bob_id, carol_id) = (id(&world, "bob").await, id(&world, "carol").await);
    let mut alice = link(&world, "alice", "desk").await;
    let (mut bob, mut carol) = (link(&world, "bob", "desk").await, link(&world, "carol", "desk").await);
    befriend(&mut alice, &mut bob).await;
    befriend(&mut alice, &mut carol).await;
    let set = |groups: Value| json!({ "groups": groups });
    let path = format!("/v1/contacts/{bob_id}/groups");
    let put = alice.send("PUT", &path, set(json!(["Work", "家族", "Work"]))).await;
    assert_eq!((put.status, &put.body["groups"]), (200, &json!(["Work", "家族"])));
    let told = Event::ContactGrouped { account: bob_id, groups: vec!["Work".into(), "家族".into()] };
    assert_eq!(alice.event().await, told);
    alice.send("PUT", &format!("/v1/contacts/{carol_id}/groups"), set(json!(["Office"]))).await;
    assert!(matches!(alice.event().await, Event::ContactGrouped { .. }));
    let rename = |from: &str, to: Option<&str>| json!({"from": from, "to": to});
    assert_eq!(alice.post("/v1/contacts/groups/rename", rename("Work", Some("Office"))).await.status, 204);
    assert_eq!(alice.event().await, Event::ContactGroupRenamed { from: "Work".into(), to: Some("Office".into()) });
    assert_eq!(alice.post("/v1/contacts/groups/rename", rename("家族", None)).await.status, 204);
    let listed = contacts(&mut alice).await.contacts;
    assert!(listed.iter().all(|contact| contact.groups == ["Office"]), "{listed:?}");
    assert_eq!(alice.post("/v1/contacts/groups/rename", rename("Work", None)).await.status, 404);
    assert!(contacts(&mut bob).await.contacts[0].groups.is_empty(), "bob has groups of his own");
    assert_eq!(alice.send("PUT", "/v1/contacts/999/groups", set(json!([]))).await.status, 404);
    assert_eq!(alice.send("PUT", &path, set(json!([""]))).await.status, 422);
}

async fn presence_is_what_devices_and_wishes_come_to(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let bob_id = id(&world, "bob").await;
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    befriend(&mut alice, &mut bob).await;
    let mut seen = watch(&mut alice).await;
    let idle = |idle: bool| json!({ "idle": idle });
    bob.send("PUT", "/v1/presence", idle(true)).await;
    until(&mut seen, bob_id, Availability::Away).await;
    // Another device that is used.
    let mut phone = link(&world, "bob", "phone").await;
    let since = until(&mut seen, bob_id, Availability::Available).await.since.unwrap();
    let set = phone.send("PUT", "/v1/presence", json!({"state": "do_not_disturb", "status": "in the lab"})).await;
    let own: OwnPresence = set.read().unwrap();
    assert_eq!(own.presence.status, "in the lab");
    let info = until(&mut seen, bob_id, Availability::DoNotDisturb).await;
    assert!(info.status == "in the lab" && info.since.unwrap() >= since);
    phone.send("PUT", "/v1/presence", json!({"state": "available"})).await;
    until(&mut seen, bob_id, Availability::Available).await;
    // In a call, from the first ring on for the caller.
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.body["id"].clone();
    let call: Call = phone.post("/v1/calls", json!({"chat": chat})).await.read().unwrap();
    until(&mut seen, bob_id, Availability::InACall).await;
    phone.post(&format!("/v1/calls/{}/hangup", call.id), json!({})).await;
    until(&mut seen, bob_id, Availability::Available).await;
    // The phone says good-bye: what is left is idle. So does the desk: nothing is left.
    phone.handle.close(CloseReason::Left);
    world.running.state.link_gone(&phone.handle, Duration::ZERO);
    until(&mut seen, bob_id, Availability::Away).await;
    bob.handle.close(CloseReason::Left);
    world.running.state.link_gone(&bob.handle, Duration::ZERO);
    let info = until(&mut seen, bob_id, Availability::Offline).await;
    assert!(info.last_seen.unwrap() >= since && info.since.is_none() && info.status == "in the lab");
    let mut https = world.logged_in("bob", "desk").await;
    let (_, own) = https.get("/v1/presence").await;
    assert_eq!((&own["chosen"], &own["presence"]["state"]), (&json!("available"), &json!("offline")));
    let refused = https.send("PUT", "/v1/presence", Bytes::from(idle(true).to_string())).await;
    assert_eq!((refused.0, &refused.1["code"]), (409, &json!("link_needed")), "a script has no device that is idle");
}

async fn a_link_that_is_lost_for_a_moment_changes_nothing(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let bob_id = id(&world, "bob").await;
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    befriend(&mut alice, &mut bob).await;
    let mut seen = watch(&mut alice).await;
    world.running.state.link_gone(&bob.handle, Duration::from_secs(3));
    let again = link(&world, "bob", "desk").await;
    world.running.state.link_dead(&again.handle, Duration::from_millis(14_500));
    // All that alice is told is that bob is gone after the long silence, not after the short one.
    let (about, info) = next(&mut seen).await;
    assert_eq!((about, info.state), (bob_id, Availability::Offline));
    world.running.state.link_alive(&again.handle);
    until(&mut seen, bob_id, Availability::Available).await;
}

async fn a_restart_changes_nobodys_presence(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let bob_id = id(&world, "bob").await;
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    befriend(&mut alice, &mut bob).await;
    bob.send("PUT", "/v1/presence", json!({"idle": true})).await;
    let before = contacts(&mut alice).await.contacts;
    assert_eq!(before[0].presence.state, Availability::Away);
    drop((alice, bob));
    let (running, home) = world.end();
    running.stop().await;

    let world = World::again(home);
    let mut alice = link(&world, "alice", "desk").await;
    assert_eq!(contacts(&mut alice).await.contacts, before, "bob counts as he was");
    let mut seen = watch(&mut alice).await;
    let mut bob = link(&world, "bob", "desk").await;
    bob.send("PUT", "/v1/presence", json!({"idle": true})).await;
    bob.send("PUT", "/v1/presence", json!({"status": "back"})).await;
    let info = loop {
        let (about, info) = next(&mut seen).await;
        if about == bob_id {
            break info;
        }
    };
    assert_eq!((info.state, info.status.as_str(), info.since), (Availability::Away, "back", before[0].presence.since));
}

async fn the_directory_is_read_page_by_page(engine: Engine) {
    let world = with(engine, &["anna", "Anton", "bob", "annette", "andré", "x77"]).await;
    let mut x77 = world.logged_in("x77", "desk").await;
    let called = json!({"display_name": "窓口 Annabel", "status_text": "for friends only"}).to_string();
    assert_eq!(x77.send("PATCH", "/v1/me", Bytes::from(called)).await.0, 200);
    let mut bob = world.logged_in("bob", "desk").await;
    let mut search = async |query: &str| -> (Vec<String>, bool) {
        let (status, found) = bob.get(&format!("/v1/directory?{query}")).await;
        assert_eq!(status, 200, "{found}");
        let found: Directory = serde_json::from_value(found).unwrap();
        (found.people.into_iter().map(|person| person.name).collect(), found.more)
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(search("prefix=AN&limit=2").await, (names(&["andré", "anna"]), true));
    assert_eq!(search("prefix=AN&limit=2&after=anna").await, (names(&["annette", "Anton"]), false));
    assert_eq!(search("prefix=andr%C3%A9").await.0, ["andré"]);
    assert_eq!(search("prefix=%25").await.0, [""; 0], "a percent sign is a percent sign");
    assert_eq!(search("").await.0.len(), 5, "everyone but bob himself");
    assert_eq!(search("prefix=%E7%AA%93").await.0, ["x77"], "by the display name");
    let (_, found) = bob.get("/v1/directory?prefix=x7").await;
    assert_eq!(found["people"][0]["display_name"], "窓口 Annabel");
    assert!(found["people"][0].get("status_text").is_none(), "{found}");
    assert_eq!(bob.get(&format!("/v1/directory?prefix={}", "x".repeat(65))).await.0, 422);
}

async fn the_status_text_of_the_profile_is_that_of_presence_and_who_is_removed_is_no_contact(engine: Engine) {
    let world = with(engine, &["alice", "bob"]).await;
    let bob_id = id(&world, "bob").await;
    let mut alice = link(&world, "alice", "desk").await;
    let mut bob = link(&world, "bob", "desk").await;
    befriend(&mut alice, &mut bob).await;
    let mut seen = watch(&mut alice).await;
    bob.send("PATCH", "/v1/me", json!({"status_text": "by the profile", "display_name": "Bob B."})).await;
    assert_eq!(until(&mut seen, bob_id, Availability::Available).await.status, "by the profile");
    bob.send("PUT", "/v1/presence", json!({"status": " by presence "})).await;
    assert_eq!(until(&mut seen, bob_id, Availability::Available).await.status, "by presence");
    assert_eq!(bob.send("GET", "/v1/me", Value::Null).await.body["status_text"], "by presence");
    let listed = &contacts(&mut alice).await.contacts[0];
    assert_eq!((listed.who.display_name.as_str(), listed.who.status_text.as_str()), ("Bob B.", ""));

    let left = bob.send("DELETE", "/v1/me", json!({"password": world::PASSWORD})).await;
    assert_eq!(left.status, 204, "{left:?}");
    assert!(matches!(alice.event().await, Event::ContactRemoved { who } if who.id == bob_id));
    assert!(contacts(&mut alice).await.contacts.is_empty());
    let asked = alice.post("/v1/contacts/requests", json!({"to": "bob"})).await;
    assert_eq!(asked.status, 404);
}

#[tokio::test]
async fn administrators_see_who_is_connected_and_members_do_not() {
    let world = World::new().await;
    let root = world.account_of("root", relay::vocabulary::Role::Administrator).await;
    let mut admin = world.with_session(root).await;
    let (status, list) = admin.get("/v1/connections?limit=5").await;
    assert_eq!((status, list), (200, json!({"connections": [], "total": 0, "more": false})));
    world.account("bot", false).await;
    let bot = world.logged_in("bot", "hall lamp").await;
    let mut listener = world.https().await;
    listener.session = bot.session.clone();
    let stream = listener.raw_get("/v1/events", &[]).await;
    let (_, list) = admin.get("/v1/connections").await;
    let listed = &list["connections"][0];
    assert_eq!((&listed["account"]["name"], &listed["device"]), (&json!("bot"), &json!("hall lamp")), "{list}");
    assert_eq!((&listed["up"], &listed["down"], &list["total"]), (&json!("none"), &json!("streaming"), &json!(1)));
    drop((stream, listener));
    let until = Instant::now() + Duration::from_secs(20);
    while admin.get("/v1/connections").await.1["total"] != 0 {
        assert!(Instant::now() < until, "a stream that is over leaves the list");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_closed_directory_and_the_connection_list_say_who_may_see_them() {
    let world = World::with(|config| config.directory = false).await;
    world.account("alice", false).await;
    let mut alice = world.logged_in("alice", "desk").await;
    for path in ["/v1/directory", "/v1/connections"] {
        let (status, body) = alice.get(path).await;
        assert_eq!((status, &body["code"]), (403, &json!("not_allowed")), "{path}");
    }
}

on_both!(
    a_request_becomes_a_contact_by_consent_and_every_link_hears_of_it,
    requests_are_declined_taken_back_or_meet,
    groups_are_ones_own,
    presence_is_what_devices_and_wishes_come_to,
    a_link_that_is_lost_for_a_moment_changes_nothing,
    a_restart_changes_nobodys_presence,
    the_directory_is_read_page_by_page,
    the_status_text_of_the_profile_is_that_of_presence_and_who_is_removed_is_no_contact,
);

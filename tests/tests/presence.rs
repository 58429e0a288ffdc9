//! Contacts and presence between real clients over a real server: found, lost, killed, and a server that is started anew.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use komado_tests::chance::Chance;
use komado_tests::cutter::Cutter;
use komado_tests::namespace::Namespace;
use komado_tests::netem::{Link, Shape};
use komado_tests::postgres::Engine;
use komado_tests::program::Program;
use komado_tests::proxy::{Proxy, Setup};
use komado_tests::stage::Stage;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);
/// How long the server may take to find that a client is dead.
const DEAD_WITHIN: Duration = Duration::from_secs(15);
/// Where the server is.
const SERVER: ([u8; 4], u16) = ([10, 99, 0, 2], 80);
/// After which a link counts as at rest, and is heard of only each ten seconds.
const AT_REST: Duration = Duration::from_secs(12);
/// How long nobody's presence may change after a link or the server was lost.
const GRACE: Duration = Duration::from_secs(10);

/// A server with alice and bob.
fn stage() -> Stage {
    Stage::set(Engine::Sqlite, &["alice", "bob"], &[]).unwrap()
}

/// What their clients need for calls.
const DEVICES: [&str; 4] = ["--size", "320x180", "--microphone", "tone"];

/// Alice and bob with their links, who have become contacts.
fn friends(stage: &Stage, alice: &[&str], bob: &[&str]) -> (Program, Program) {
    let bob = stage.client("bob").with(&DEVICES).with(bob).with(&["--accept-contacts"]).start().unwrap();
    (befriend(stage, alice, &bob), bob)
}

/// Alice, who becomes a contact of bob.
fn befriend(stage: &Stage, alice: &[&str], bob: &Program) -> Program {
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.client("alice").with(&DEVICES).with(alice).start().unwrap();
    alice.wait_event("contacts", SOON).unwrap();
    alice.say("contact add bob It is me").unwrap();
    let request = bob.wait_event("contact_requested", SOON).unwrap();
    assert_eq!(request["request"]["text"], "It is me");
    let added = alice.wait_event("contact_added", SOON).unwrap();
    assert_eq!(added["contact"]["presence"]["state"], "available");
    bob.wait_event("contact_added", SOON).unwrap();
    alice
}

/// Waits until a client is told that `name` is in this state.
fn wait_presence(person: &Program, name: &str, state: &str, within: Duration) -> Value {
    let wanted = |event: &Value| event["event"] == "presence" && event["name"] == name && event["state"] == state;
    person.wait_for(&format!("{name} to be {state}"), within, wanted).unwrap()
}

/// Every state that a client was told of `name`, in order.
fn told(person: &Program, name: &str) -> Vec<String> {
    let events = person.lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let presences = events.filter(|event| event["event"] == "presence" && event["name"] == name);
    presences.filter_map(|event| event["state"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_people_are_is_seen_by_their_contacts() {
    let stage = stage();
    let (mut alice, mut bob) = friends(&stage, &["--away-after", "3"], &["--answer"]);
    bob.say("status in the lab").unwrap();
    let lab = |event: &Value| event["event"] == "presence" && event["status"] == "in the lab";
    assert_eq!(alice.wait_for("bob's status", SOON, lab).unwrap()["state"], "available");
    bob.say("presence dnd").unwrap();
    wait_presence(&alice, "bob", "do_not_disturb", SOON);
    bob.say("presence available").unwrap();
    wait_presence(&alice, "bob", "available", SOON);
    // Nobody says anything to alice's client for a while: she is away, until somebody does.
    wait_presence(&bob, "alice", "away", SOON);
    alice.say("chat bob").unwrap();
    wait_presence(&bob, "alice", "available", SOON);
    let chat = alice.wait_event("chat_opened", SOON).unwrap()["chat"]["id"].clone();
    alice.say(&format!("call {chat}")).unwrap();
    wait_presence(&alice, "bob", "in_a_call", SOON);
    wait_presence(&bob, "alice", "in_a_call", SOON);
    alice.say("hangup").unwrap();
    wait_presence(&alice, "bob", "available", SOON);

    // Blocked, bob sees nothing of her and reaches her in no way.
    alice.say("block bob").unwrap();
    alice.wait_event("contact_blocked", SOON).unwrap();
    wait_presence(&bob, "alice", "offline", SOON);
    bob.say(&format!("call {chat}")).unwrap();
    // What she sent in the call may have been gone before he asked for it, which was refused as well.
    let unreachable = |event: &Value| event["event"] == "refused" && event["problem"]["code"] == "not_reachable";
    bob.wait_for("a refusal", SOON, unreachable).unwrap();
    alice.say("unblock bob").unwrap();
    let back = |event: &Value| event["event"] == "presence" && event["name"] == "alice" && event["state"] != "offline";
    bob.wait_for("alice to be back", SOON, back).unwrap();
    // A good-bye counts at once.
    let left = Instant::now();
    bob.say("quit").unwrap();
    let gone = wait_presence(&alice, "bob", "offline", SOON);
    assert!(left.elapsed() < GRACE, "{:?}", left.elapsed());
    assert!(gone["last_seen"].as_u64().is_some() && gone["status"] == "in the lab", "{gone}");
}

#[test]
fn a_killed_client_is_offline_in_time_and_a_short_cut_is_nothing() {
    let stage = stage();
    let (alice, mut bob) = friends(&stage, &[], &[]);
    // Killed and started anew at once: alice is told nothing.
    bob.kill().unwrap();
    let mut bob = stage.person("bob", &[]).unwrap();
    bob.wait_event("contacts", SOON).unwrap();
    bob.say("status back").unwrap();
    let back = |event: &Value| event["event"] == "presence" && event["status"] == "back";
    alice.wait_for("bob's status", SOON, back).unwrap();
    assert_eq!(told(&alice, "bob"), ["available"], "he never was away");

    let killed = Instant::now();
    bob.kill().unwrap();
    let gone = wait_presence(&alice, "bob", "offline", SOON);
    let after = killed.elapsed();
    assert!(after <= DEAD_WITHIN, "alice was told after {after:?}");
    assert!(after >= GRACE - Duration::from_secs(1), "alice was told after {after:?}, too soon for a short cut");
    assert!(gone["last_seen"].as_u64().is_some());
}

#[test]
fn a_pulled_cable_is_found_by_heartbeats_alone_and_a_short_cut_is_nothing() {
    let stage = stage();
    let far = Namespace::new().unwrap();
    let cable = Link::symmetric(&far, &stage.namespace, Shape::delayed(10), 7).unwrap();
    let url = format!("http://{}", cable.far_address());
    let bob = stage.client("bob").inside(&far).by(&url).with(&["--accept-contacts"]);
    let mut bob = bob.start().unwrap();
    let alice = befriend(&stage, &[], &bob);
    // No connection is closed by it: nothing comes any more, that is all.
    cable.cut();
    std::thread::sleep(Duration::from_secs(7));
    cable.restore();
    bob.say("status back").unwrap();
    let back = |event: &Value| event["event"] == "presence" && event["status"] == "back";
    alice.wait_for("bob's status", SOON, back).unwrap();
    assert_eq!(told(&alice, "bob"), ["available"], "he never was away");

    cable.cut();
    let pulled = Instant::now();
    wait_presence(&alice, "bob", "offline", SOON);
    let after = pulled.elapsed();
    assert!(after <= DEAD_WITHIN && after >= GRACE - Duration::from_secs(1), "alice was told after {after:?}");
    cable.restore();
    wait_presence(&alice, "bob", "available", SOON);
}

/// Bob behind a plug, at rest, loses what goes up of each of these parts in turn. By himself he would notice it too late.
fn lose_in_turn(parts: &[&'static str], at_rest_before: usize) {
    let stage = stage();
    let way = Cutter::start(&stage.namespace, ([127, 0, 0, 1], 9_000).into(), SERVER.into(), Chance::new(3)).unwrap();
    way.calm_down();
    let bob = stage.client("bob").by(&format!("http://{}", way.address())).with(&["--accept-contacts"]);
    let bob = bob.start().unwrap();
    let alice = befriend(&stage, &[], &bob);
    for (lost, part) in parts.iter().enumerate() {
        if lost == at_rest_before {
            std::thread::sleep(AT_REST);
        }
        way.lose(part);
        let begin = Instant::now();
        while way.lost() <= lost as u64 {
            assert!(begin.elapsed() < SOON, "bob never sends {part:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    std::thread::sleep(DEAD_WITHIN);
    assert!(told(&alice, "bob").is_empty(), "he was there all the while: {:?}", told(&alice, "bob"));
}

#[test]
fn a_client_whose_sign_of_life_is_lost_is_asked_and_answers() {
    // Without an exchange that goes both ways he shows by POSTs that he is there.
    lose_in_turn(&["/duplex?", "/up?"], 1);
}

#[test]
fn a_client_whose_heartbeat_is_lost_is_asked_and_answers() {
    lose_in_turn(&[""], 0);
}

#[test]
fn whoever_comes_by_a_reverse_proxy_stays_available_at_rest() {
    let origin = SocketAddr::from(SERVER);
    let ways = [
        ("bob", Setup::NginxReverse { origin }),
        ("carol", Setup::NginxStreaming { origin }),
        ("dave", Setup::HaproxyReverse { origin }),
        ("eve", Setup::HaproxyBuffering { origin }),
    ];
    let stage = Stage::set(Engine::Sqlite, &["alice", "bob", "carol", "dave", "eve"], &[]).unwrap();
    let mut alice = stage.client("alice").with(&DEVICES).start().unwrap();
    alice.wait_event("contacts", SOON).unwrap();
    // The proxies stand before the server: to a client they are the server.
    let mut there = Vec::new();
    for (port, (name, setup)) in (9_001..).zip(ways) {
        let proxy = Proxy::start(&stage.namespace, &setup, ([127, 0, 0, 1], port).into()).unwrap();
        let url = format!("http://{}", proxy.address());
        let person = stage.client(name).with(&DEVICES).by(&url).with(&["--accept-contacts"]).start().unwrap();
        person.wait_event("logged_in", SOON).unwrap();
        alice.say(&format!("contact add {name} It is me")).unwrap();
        person.wait_event("contact_added", SOON).unwrap();
        there.push((name, person, proxy));
    }
    // What proxies do to what is idle they do within a minute.
    std::thread::sleep(AT_REST + Duration::from_secs(65));
    for (name, person, _) in &mut there {
        assert!(told(&alice, name).is_empty(), "{name} was there all the while: {:?}", told(&alice, name));
        person.say("status still here").unwrap();
        let status =
            |event: &Value| event["event"] == "presence" && event["name"] == *name && event["status"] == "still here";
        alice.wait_for(&format!("{name}'s status"), SOON, status).unwrap();
    }
}

#[test]
fn a_server_that_is_started_anew_changes_nobodys_presence() {
    let mut stage = stage();
    let (alice, mut bob) = friends(&stage, &[], &[]);
    bob.say("presence dnd").unwrap();
    wait_presence(&alice, "bob", "do_not_disturb", SOON);
    // What people are is stored within a few seconds; a crash may cost what came after.
    std::thread::sleep(Duration::from_secs(4));
    for crash in [true, false] {
        if crash {
            stage.server.kill().unwrap();
        }
        stage.server.restart().unwrap();
        let restarted = Instant::now();
        for person in [&alice, &bob] {
            person.wait_event("contacts", SOON).unwrap();
        }
        // Everybody has come back by then, or it would show now.
        std::thread::sleep((GRACE + Duration::from_secs(2)).saturating_sub(restarted.elapsed()));
        assert_eq!(told(&alice, "bob"), ["do_not_disturb"], "crash: {crash}");
        assert_eq!(told(&bob, "alice"), [""; 0], "crash: {crash}");
    }
    // It is not that nobody is told of anything any more.
    bob.say("presence available").unwrap();
    wait_presence(&alice, "bob", "available", SOON);
    // Whoever does not come back is offline after the grace, seen until the server ended.
    bob.kill().unwrap();
    stage.server.restart().unwrap();
    let gone = wait_presence(&alice, "bob", "offline", SOON);
    assert!(gone["last_seen"].as_u64().is_some(), "{gone}");
}

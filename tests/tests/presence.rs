//! Contacts and presence between real clients over a real server: found, lost, killed, and a server that is started anew.
#![cfg(target_os = "linux")]

use std::cell::RefCell;
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
/// After which a link counts as at rest, and is heard of only each three seconds.
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

/// Waits until a client was told, in whatever order, that all of these are in this state.
fn wait_everyone(person: &Program, names: &[&str], state: &str) {
    let missing = RefCell::new(names.to_vec());
    let is_last = |event: &Value| {
        if event["event"] == "presence" && event["state"] == state {
            missing.borrow_mut().retain(|name| event["name"] != **name);
        }
        missing.borrow().is_empty()
    };
    person.wait_for(&format!("everyone to be {state}"), SOON, is_last).unwrap();
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

/// Someone at rest at the end of a cable of their own.
struct Cabled {
    name: &'static str,
    program: Program,
    cable: Link,
    _namespace: Namespace,
}

impl Cabled {
    /// Comes to the stage's server by this address, or through a proxy at it.
    fn come(stage: &Stage, name: &'static str, way: impl Fn(&str) -> (String, String)) -> Self {
        let namespace = Namespace::new().unwrap();
        let cable = Link::symmetric(&namespace, &stage.namespace, Shape::delayed(10), 7).unwrap();
        let (url, proxy) = way(&cable.far_address().to_string());
        let client = stage.client(name).inside(&namespace).by(&url).through(&proxy).with(&["--accept-contacts"]);
        let program = client.start().unwrap();
        program.wait_event("logged_in", SOON).unwrap();
        Self { name, program, cable, _namespace: namespace }
    }
}

/// How long a cut is that is to be nothing.
const SHORT: Duration = Duration::from_millis(9_500);

#[test]
fn a_short_cut_at_rest_is_nothing_whenever_it_begins_and_a_long_one_is_found_in_time() {
    const PORT: u16 = 9_000;
    let people = ["bob", "carol", "dave", "eve", "frank", "grace", "heidi", "ivan"];
    let stage = Stage::set(Engine::Sqlite, &[&["alice"], &people[..]].concat(), &[]).unwrap();
    let anywhere = |port| SocketAddr::from(([0, 0, 0, 0], port));
    let _proxy = Proxy::start(&stage.namespace, &Setup::Tinyproxy { login: None }, anywhere(PORT)).unwrap();
    let streaming = Setup::NginxStreaming { origin: SERVER.into() };
    let _reverse = Proxy::start(&stage.namespace, &streaming, anywhere(PORT + 1)).unwrap();
    let mut alice = stage.client("alice").start().unwrap();
    alice.wait_event("contacts", SOON).unwrap();
    let none = || "none".to_owned();
    let mut there: Vec<Cabled> = people
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let person = Cabled::come(&stage, name, |host| match number {
                0..5 => (format!("http://{host}"), none()),
                5..7 => (stage.url(), format!("http://{host}:{PORT}")),
                _ => (format!("http://{host}:{}", PORT + 1), none()),
            });
            alice.say(&format!("contact add {name} It is me")).unwrap();
            person.program.wait_event("contact_added", SOON).unwrap();
            person
        })
        .collect();
    std::thread::sleep(AT_REST * 2);

    // Two rounds, so that those who speak seldom are cut at more moments.
    for round in 0..2 {
        let begin = Instant::now();
        let mut moments: Vec<(Duration, usize, bool)> = Vec::new();
        for number in 0..there.len() {
            let cut = Duration::from_millis(2_300) * (number % 5) as u32 + Duration::from_millis(1_100 * round);
            moments.extend([(cut, number, true), (cut + SHORT, number, false)]);
        }
        moments.sort();
        for (at, number, cuts) in moments {
            std::thread::sleep((begin + at).saturating_duration_since(Instant::now()));
            let cable = &there[number].cable;
            if cuts { cable.cut() } else { cable.restore() }
        }
        std::thread::sleep(DEAD_WITHIN);
    }
    for Cabled { name, program, .. } in &mut there {
        assert!(told(&alice, name).is_empty(), "{name} was there all the while: {:?}", told(&alice, name));
        program.say("status still here").unwrap();
        let status =
            |event: &Value| event["event"] == "presence" && event["name"] == *name && event["status"] == "still here";
        alice.wait_for(&format!("{name}'s status"), SOON, status).unwrap();
    }

    std::thread::sleep(AT_REST * 2);
    let begin = Instant::now();
    for (number, person) in there.iter_mut().enumerate() {
        if number % 2 == 0 { person.cable.cut() } else { person.program.suspend().unwrap() }
    }
    wait_everyone(&alice, &people, "offline");
    let after = begin.elapsed();
    assert!(after <= DEAD_WITHIN, "the last was found after {after:?}");
    for (number, person) in there.iter_mut().enumerate() {
        if number % 2 == 0 { person.cable.restore() } else { person.program.resume().unwrap() }
    }
    wait_everyone(&alice, &people, "available");
}

#[test]
fn a_client_whose_signs_of_life_are_lost_shows_others() {
    let stage = stage();
    let way = Cutter::start(&stage.namespace, ([127, 0, 0, 1], 9_000).into(), SERVER.into(), Chance::new(3)).unwrap();
    way.calm_down();
    let bob = stage.client("bob").by(&format!("http://{}", way.address())).with(&["--accept-contacts"]);
    let bob = bob.start().unwrap();
    let alice = befriend(&stage, &[], &bob);
    std::thread::sleep(AT_REST);
    // What follows on the same connection is lost with it.
    for lost in 1..=2 {
        way.lose("/up?");
        let begin = Instant::now();
        while way.lost() < lost {
            assert!(begin.elapsed() < SOON, "bob never sends a sign of life");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    std::thread::sleep(DEAD_WITHIN);
    assert!(told(&alice, "bob").is_empty(), "he was there all the while: {:?}", told(&alice, "bob"));
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

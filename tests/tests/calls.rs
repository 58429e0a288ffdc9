//! Calls between real clients over a real server: through proxies that hold, buffer and die, with every byte recorded.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::Duration;

use komado_tests::capture::{Recorder, Secret};
use komado_tests::namespace::Namespace;
use komado_tests::netem::{Link, Shape};
use komado_tests::postgres::Engine;
use komado_tests::product::{Server, headless};
use komado_tests::program::Program;
use komado_tests::proxy::{Proxy, Setup};
use komado_tests::stage::{Client, Stage, password};
use serde_json::Value;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);

/// A server with alice and bob.
fn stage() -> Stage {
    Stage::set(Engine::Sqlite, &["alice", "bob"], &[]).unwrap()
}

/// A client of `name` that can call.
fn person<'a>(stage: &'a Stage, name: &str) -> Client<'a> {
    stage.client(name).with(&["--size", "640x360", "--video-kbps", "500", "--microphone", "tone"])
}

/// Waits for a report of the running call that `wanted` accepts.
fn wait_report(person: &Program, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let report = |event: &Value| event["event"] == "call_report" && wanted(&event["report"]);
    person.wait_for(what, SOON, report).unwrap()["report"].clone()
}

fn shown(report: &Value) -> u64 {
    report["video"]["shown"].as_u64().unwrap()
}

fn heard(report: &Value) -> u64 {
    report["audio"]["received"].as_u64().unwrap()
}

/// The path as it was told last.
fn path(person: &Program) -> Value {
    let events = person.lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let paths = events.filter(|event| event["event"] == "path").map(|event| event["path"].clone());
    paths.reduce(|_, later| later).unwrap()
}

#[test]
fn a_call_through_squid_survives_the_pulled_plug_and_the_proxy_reads_nothing() {
    let stage = stage();
    let setup = Setup::Squid { login: None };
    let mut squid = Proxy::start(&stage.namespace, &setup, "127.0.0.1:3128".parse().unwrap()).unwrap();
    let tap = "127.0.0.1:3129".parse().unwrap();
    let recorder = Recorder::start(&stage.namespace, tap, squid.address()).unwrap();
    let proxy = format!("http://{}", recorder.address());
    let (seen, film) = (stage.place("seen"), stage.place("bob.mkv"));
    let answering = ["--answer", "--snapshots", &seen, "--record", &film];
    let mut bob = person(&stage, "bob").through(&proxy).with(&answering).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let line = "Are you there? 見えますか";
    let saying = ["--with", "bob", "--say", line, "--call"];
    let mut alice = person(&stage, "alice").through(&proxy).with(&saying).start().unwrap();
    alice.wait_event("call_accepted", SOON).unwrap();
    bob.wait_event("call_accepted", SOON).unwrap();
    wait_report(&alice, "alice to see and hear bob", |report| shown(report) > 40 && heard(report) > 80);
    wait_report(&bob, "bob to see and hear alice", |report| shown(report) > 40 && heard(report) > 80);

    squid.kill().unwrap();
    alice.say("say 1 written while the plug is out").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let before = wait_report(&bob, "a report of bob", |_| true);
    squid.restart().unwrap();
    let text = |event: &Value| event["message"]["text"] == "written while the plug is out";
    bob.wait_for("the line that was written meanwhile", SOON, text).unwrap();
    let enough = |report: &Value| shown(report) > shown(&before) + 40 && heard(report) > heard(&before) + 80;
    wait_report(&bob, "bob to see and hear alice again", enough);

    alice.say("hangup").unwrap();
    for person in [&mut alice, &mut bob] {
        let ended = person.wait_event("call_ended", SOON).unwrap();
        assert_eq!(ended["reason"], "hung_up");
        person.say("quit").unwrap();
        person.wait_success(SOON).unwrap();
    }
    let texts: Vec<String> = texts(&bob);
    let once = |wanted: &str| texts.iter().filter(|text| text.as_str() == wanted).count();
    assert_eq!((once(line), once("written while the plug is out")), (1, 1), "{texts:?}");

    let findings = recorder.findings(&[
        Secret::text(&password("alice")),
        Secret::text(&password("bob")),
        Secret::text(line),
        Secret::text("written while the plug is out"),
        Secret::h264(),
    ]);
    assert_eq!(findings, [""; 0]);
    assert!(recorder.recordings().iter().map(|recording| recording.bytes.len()).sum::<usize>() > 100_000);

    let counted = probe(&film);
    assert!(counted.contains("h264") && counted.contains("opus"), "{counted}");
    assert!(std::fs::read_dir(seen).unwrap().count() > 2, "snapshots");
}

#[test]
fn a_client_that_dies_in_a_call_takes_it_up_again_when_it_is_started_anew() {
    let stage = stage();
    let bob = person(&stage, "bob").with(&["--answer"]).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = person(&stage, "alice").with(&["--with", "bob", "--call"]).start().unwrap();
    let goes_on = |report: &Value| shown(report) > 40 && heard(report) > 80;
    wait_report(&alice, "alice to see and hear bob", goes_on);
    alice.kill().unwrap();
    let before = wait_report(&bob, "a report of bob", goes_on);
    let mut again = person(&stage, "alice").start().unwrap();
    wait_report(&again, "alice to see and hear bob again", goes_on);
    let more = |report: &Value| shown(report) > shown(&before) + 60 && heard(report) > heard(&before) + 80;
    wait_report(&bob, "bob to see and hear alice again", more);
    again.say("hangup").unwrap();
    assert_eq!(bob.wait_event("call_ended", SOON).unwrap()["reason"], "hung_up");
}

/// What ffprobe finds in a recording after decoding every packet of it.
fn probe(film: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]);
    let output = command.args(["-of", "compact", film]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn texts(person: &Program) -> Vec<String> {
    let events = person.lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let messages = events.filter(|event| event["event"] == "message");
    messages.filter_map(|event| event["message"]["text"].as_str().map(str::to_owned)).collect()
}

/// A call by way of one proxy: each sees and hears the other, whatever the proxy holds back.
fn call_by_way_of(setup: &Setup, forward: bool) -> (Value, Value) {
    let stage = stage();
    let listen = if forward { "127.0.0.1:3128" } else { "127.0.0.1:8080" };
    let proxy = Proxy::start(&stage.namespace, setup, listen.parse().unwrap()).unwrap();
    let (url, way) = if forward { (stage.url(), proxy.url()) } else { (proxy.url(), "none".to_owned()) };
    let bob = person(&stage, "bob").by(&url).through(&way).with(&["--answer"]).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let alice = person(&stage, "alice").by(&url).through(&way).with(&["--with", "bob", "--call"]);
    let mut alice = alice.start().unwrap();
    for person in [&alice, &bob] {
        let good = |report: &Value| shown(report) > 60 && heard(report) > 120;
        let report = wait_report(person, "both to see and hear each other", good);
        assert_eq!(report["failures"], Value::Array(Vec::new()));
    }
    let paths = (path(&alice), path(&bob));
    alice.say("hangup").unwrap();
    bob.wait_event("call_ended", SOON).unwrap();
    paths
}

#[test]
fn a_call_passes_a_proxy_that_holds_uploads() {
    let (alice, bob) = call_by_way_of(&Setup::Privoxy, true);
    assert_eq!((&alice["up"], &bob["up"]), (&"short".into(), &"short".into()), "privoxy holds bodies until their end");
}

#[test]
fn a_call_passes_tinyproxy() {
    call_by_way_of(&Setup::Tinyproxy { login: None }, true);
}

#[test]
fn a_call_passes_a_reverse_proxy_that_buffers_both_ways() {
    let origin = "10.99.0.2:80".parse().unwrap();
    let (alice, _) = call_by_way_of(&Setup::NginxReverse { origin }, false);
    assert_eq!(alice["up"], "short", "nginx holds bodies until their end");
}

#[test]
fn a_call_passes_a_balancer_that_takes_in_the_beginning_of_a_body() {
    let origin = "10.99.0.2:80".parse().unwrap();
    call_by_way_of(&Setup::HaproxyBuffering { origin }, false);
}

#[test]
fn a_call_over_a_long_lossy_line_goes_on_and_its_arrivals_are_written_down() {
    let (office, world) = (Namespace::new().unwrap(), Namespace::new().unwrap());
    let line = Shape::delayed(25).with_jitter(8).with_loss(0.01);
    let link = Link::symmetric(&office, &world, line, 7).unwrap();
    let server = Server::start(&world, (link.far_address(), 80).into(), &[]).unwrap();
    let stage = Stage::around(office, server, &["alice", "bob"]).unwrap();
    let arrivals = stage.place("arrivals.csv");
    let bob = person(&stage, "bob").with(&["--answer"]).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let calling = ["--with", "bob", "--call", "--arrivals", &arrivals];
    let mut alice = person(&stage, "alice").with(&calling).start().unwrap();
    let report = wait_report(&alice, "alice to see and hear bob", |report| shown(report) > 90 && heard(report) > 300);
    assert_eq!(report["failures"], Value::Array(Vec::new()));
    alice.say("hangup").unwrap();
    alice.wait_event("call_ended", SOON).unwrap();
    alice.say("quit").unwrap();
    alice.wait_success(SOON).unwrap();
    let written = std::fs::read_to_string(&arrivals).unwrap();
    let of = |kind: &str| written.lines().filter(|line| line.starts_with(kind)).count() as u64;
    assert!(of("audio,") >= heard(&report) && of("video,") >= shown(&report), "{written}");
}

#[test]
fn a_call_from_a_chat_of_many_rings_its_members_and_goes_on_while_two_are_left() {
    let names = ["alice", "bob", "carol", "dave", "erin"];
    let stage = Stage::set(Engine::Sqlite, &names, &[]).unwrap();
    let [mut alice, mut bob, mut carol, mut dave, erin] = names.map(|name| {
        let person = person(&stage, name).with(&["--accept-contacts"]).start().unwrap();
        person.wait_event("logged_in", SOON).unwrap();
        person
    });
    alice.say("group-chat bob,carol,dave,erin Our lunch | Hungry?").unwrap();
    let chat = alice.wait_event("chat_opened", SOON).unwrap()["chat"]["id"].as_u64().unwrap();
    // Erin does not answer, and is not rung.
    for person in [&mut bob, &mut carol, &mut dave] {
        let request = person.wait_event("chat_requested", SOON).unwrap();
        assert_eq!(request["chat"]["request"]["text"], "Hungry?");
        person.say(&format!("accept-chat {chat}")).unwrap();
        let joined = |event: &Value| event["event"] == "chat_opened" && event["chat"]["standing"] == "joined";
        person.wait_for("the chat", SOON, joined).unwrap();
    }
    alice.say(&format!("call {chat}")).unwrap();
    for person in [&mut bob, &mut carol, &mut dave] {
        let call = person.wait_event("call_invited", SOON).unwrap()["call"].clone();
        assert_eq!((&call["chat"], call["participants"].as_array().unwrap().len()), (&chat.into(), 4));
    }
    dave.say("decline").unwrap();
    alice.wait_event("call_declined", SOON).unwrap();
    for person in [&mut bob, &mut carol] {
        person.say("accept").unwrap();
        person.wait_event("call_accepted", SOON).unwrap();
    }
    let all = |event: &Value| {
        let here = event["call"]["participants"].as_array().into_iter().flatten();
        event["event"] == "call_accepted" && here.filter(|one| one["presence"] == "joined").count() >= 2
    };
    alice.wait_for("those who joined", SOON, all).unwrap();
    // The one who began it leaves: the others go on.
    alice.say("hangup").unwrap();
    assert_eq!(alice.wait_event("call_ended", SOON).unwrap()["reason"], "hung_up");
    bob.say("hangup").unwrap();
    for person in [&bob, &carol] {
        person.wait_event("call_ended", SOON).unwrap();
    }
    let ended = |event: &Value| event["event"] == "message" && event["message"]["notice"]["kind"] == "call_ended";
    dave.wait_for("what the chat says of it", SOON, ended).unwrap();
    assert!(!erin.lines().iter().any(|line| line.contains("call_invited")), "erin was rung");
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash_and_nothing_is_there_twice() {
    let mut stage = stage();
    let bob = stage.person("bob", &[]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.person("alice", &["--with", "bob"]).unwrap();
    let chat = alice.wait_event("chat_opened", SOON).unwrap()["chat"]["id"].as_u64().unwrap();
    let wanted: Vec<String> = (1..=300).map(|number| format!("line {number}")).collect();
    for line in &wanted {
        alice.say(&format!("say {chat} {line}")).unwrap();
    }
    for _ in 0..200 {
        alice.wait_event("stored", SOON).unwrap();
    }
    // In the middle of the rest.
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    for _ in 200..300 {
        alice.wait_event("stored", SOON).unwrap();
    }
    let last = |event: &Value| event["message"]["text"] == "line 300";
    bob.wait_for("the last line", SOON, last).unwrap();
    assert_eq!(texts(&bob), wanted, "complete, in order, once");
    // Somebody who comes only now reads the same.
    let late = stage.client("bob").device("laptop").start().unwrap();
    late.wait_for("the last line", SOON, last).unwrap();
    assert_eq!(texts(&late), wanted);
}

#[test]
fn what_is_wrong_is_said_and_the_client_ends() {
    let stage = stage();
    let url = stage.url();
    let wrong = stage.write("wrong.password", "not it").unwrap();
    for (arguments, words) in [
        (vec!["--server", &url, "--user", "alice", "--password-file", &wrong, "--accept-new"], "password is wrong"),
        (vec!["--server", &url, "--user", "alice", "--password-file", &wrong], "is not known yet"),
        (vec!["--server", "ftp://x", "--user", "alice", "--password-file", &wrong], "use http or https"),
        (vec!["--server", &url, "--user", "alice", "--password-file", "/nowhere"], "cannot read the password"),
        (vec!["--server", &url, "--user", "alice", "--password-file", &wrong, "--camera", "/nowhere.mp4"], "clip"),
    ] {
        let home = TempDir::with_prefix("komado-wrong-").unwrap();
        let mut all = vec!["--home", home.path().to_str().unwrap(), "--proxy", "none"];
        if !arguments.contains(&"--accept-new") && words != "is not known yet" {
            all.extend(["--fingerprint", stage.server.fingerprint()]);
        }
        all.extend(&arguments);
        let mut client = headless(&stage.namespace, "wrong", &all).unwrap();
        assert!(!client.wait_end(SOON).unwrap().success(), "{arguments:?}");
        assert!(client.log().contains(words), "{arguments:?}: {}", client.log());
    }
}

//! What a person asks for while the server is away, or dies before it has answered, is done once all the same: joining, a
//! new password, whatever is done to contacts and chats.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::chance::Chance;
use komado_tests::on_both_databases;
use komado_tests::postgres::Engine;
use komado_tests::stage::{Stage, password};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// What `komado-server admin …` prints.
fn said(stage: &Stage, arguments: &[&str]) -> Vec<String> {
    let mut program = stage.server.administer(arguments).unwrap();
    program.wait_success(SOON).unwrap();
    program.lines()
}

/// Kills the server as soon as it logs this, which it does before it answers, and starts it again.
fn killed_at(stage: &mut Stage, what: &str) {
    let logged = |stage: &mut Stage| stage.server.program().log().matches(what).count();
    let before = logged(stage);
    let deadline = std::time::Instant::now() + SOON;
    while logged(stage) == before {
        assert!(std::time::Instant::now() < deadline, "the server never logs {what:?}");
        std::thread::sleep(Duration::from_micros(200));
    }
    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
}

fn whoever_joins_or_resets_gets_in_though_the_server_dies_before_it_answers(engine: Engine) {
    let mut stage = Stage::set(engine, &["alice"], &[]).unwrap();
    let secret = stage.write("new.password", &password("new")).unwrap();
    let invitation = ["admin", "invite", "add", "--uses", "1", "--public-address"];
    let link = said(&stage, &[&invitation[..], &[&stage.url()]].concat()).remove(0);
    let (url, fingerprint) = (stage.url(), stage.server.fingerprint().to_owned());
    let carol = {
        let known = ["--invitation", &link, "--user", "carol", "--password-file", &secret];
        stage.client("carol").start_with(&known).unwrap()
    };
    killed_at(&mut stage, "someone joins");
    assert_eq!(carol.wait_event("logged_in", SOON).unwrap()["account"]["name"], "carol");

    let code = said(&stage, &["admin", "user", "reset", "alice"]).remove(0);
    let alice = {
        let known = ["--server", &url, "--fingerprint", &fingerprint, "--user", "alice", "--password-file", &secret];
        stage.client("alice").with(&["--reset-code", &code]).start_with(&known).unwrap()
    };
    killed_at(&mut stage, "a reset code set a new password");
    assert_eq!(alice.wait_event("logged_in", SOON).unwrap()["account"]["name"], "alice");
    for client in [&carol, &alice] {
        let refused: Vec<String> =
            client.lines().into_iter().filter(|line| line.contains("\"event\":\"refused\"")).collect();
        assert!(refused.is_empty(), "nobody is told of what went well: {refused:?}");
    }
    let accounts = said(&stage, &["admin", "user", "list"]);
    assert_eq!(accounts.iter().filter(|line| line.contains("carol")).count(), 1, "{accounts:?}");
}

fn what_is_asked_for_without_a_server_is_done_when_it_is_back(engine: Engine) {
    let mut stage = Stage::set(engine, &["alice", "bob", "carol"], &[]).unwrap();
    let mut alice = stage.person("alice", &[]).unwrap();
    let bob = stage.person("bob", &[]).unwrap();
    for one in [&alice, &bob] {
        one.wait_event("logged_in", SOON).unwrap();
    }
    alice.say("chat bob Hello").unwrap();
    let chat = alice.wait_event("chat_opened", SOON).unwrap()["chat"]["id"].as_u64().unwrap();
    stage.server.kill().unwrap();
    let out_of_reach = |value: &Value| value["event"] == "path" && value["path"]["alive"] == false;
    alice.wait_for("that the server is away", SOON, out_of_reach).unwrap();
    for line in ["contact add carol Shall we?", "group-chat bob,carol Lunch", "status Away from the server"] {
        alice.say(line).unwrap();
    }
    alice.say(&format!("name {chat} ignored")).unwrap();
    stage.server.restart().unwrap();
    let opened = |value: &Value| value["event"] == "chat_opened" && value["chat"]["name"] == "Lunch";
    alice.wait_for("the group", SOON, opened).unwrap();
    let said =
        |value: &Value| value["event"] == "own_presence" && value["presence"]["status"] == "Away from the server";
    alice.wait_for("the status", SOON, said).unwrap();
    let asked = |value: &Value| value["event"] == "contact_requested";
    let carol = stage.person("carol", &[]).unwrap();
    assert_eq!(carol.wait_for("the request", SOON, asked).unwrap()["request"]["text"], "Shall we?");
    // What the server refuses is told as ever.
    assert_eq!(alice.wait_event("refused", SOON).unwrap()["command"], "look at a chat");
}

fn groups_are_made_once_however_often_the_server_dies(engine: Engine) {
    const ROUNDS: usize = 8;
    let mut chance = Chance::of_the_moment();
    let mut stage = Stage::set(engine, &["alice", "bob", "carol"], &[]).unwrap();
    let mut alice = stage.person("alice", &[]).unwrap();
    alice.wait_event("logged_in", SOON).unwrap();
    for round in 0..ROUNDS {
        alice.say(&format!("group-chat bob,carol Lunch-{round}")).unwrap();
        alice.say(&format!("contact add bob Please {round}")).unwrap();
        std::thread::sleep(Duration::from_micros(chance.below(12_000)));
        stage.server.kill().unwrap();
        stage.server.restart().unwrap();
        alice.wait_event("logged_in", SOON).unwrap();
    }
    let last = format!("Lunch-{}", ROUNDS - 1);
    while !alice.lines().iter().any(|line| line.contains("chat_opened") && line.contains(&last)) {
        alice.wait_event("chat_opened", SOON).unwrap();
    }
    alice.say("quit").unwrap();
    alice.wait_success(SOON).unwrap();
    let mut again = stage.person("alice", &[]).unwrap();
    again.wait_event("logged_in", SOON).unwrap();
    let chats = loop {
        again.say("chats").unwrap();
        let chats = again.wait_event("chats", SOON).unwrap()["chats"].as_array().unwrap().clone();
        if !chats.is_empty() {
            break chats;
        }
    };
    let mut names: Vec<_> = chats.iter().map(|chat| chat["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    let expected: Vec<String> = (0..ROUNDS).map(|round| format!("Lunch-{round}")).collect();
    assert_eq!(names, expected);
}

on_both_databases!(
    whoever_joins_or_resets_gets_in_though_the_server_dies_before_it_answers,
    what_is_asked_for_without_a_server_is_done_when_it_is_back,
    groups_are_made_once_however_often_the_server_dies,
);

//! What the documents and the samples show, run against a real server: the examples of docs/API.md, and the echo bot.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use komado_tests::house::workspace_root;
use komado_tests::program::Program;
use komado_tests::scripted::Stage;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

/// The texts of a chat, once this one is among them.
fn texts(stage: &Stage, token: &str, chat: &Value, wanted: &str) -> Vec<String> {
    let deadline = Instant::now() + SOON;
    loop {
        let history = stage.ask(token, "GET", &format!("/v1/chats/{chat}/messages"), None).unwrap();
        let lines = history["messages"].as_array().unwrap().iter().filter(|line| line["notice"].is_null());
        let texts: Vec<String> = lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect();
        if texts.iter().any(|text| text == wanted) {
            return texts;
        }
        assert!(Instant::now() < deadline, "{texts:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The blocks of a document: what is run, and what it prints.
fn examples(document: &str) -> Vec<(String, Option<String>)> {
    let mut examples: Vec<(String, Option<String>)> = Vec::new();
    let mut parts = document.split("\n```");
    parts.next();
    while let Some(block) = parts.next() {
        let (language, text) = block.split_once('\n').unwrap();
        match language {
            "sh" => examples.push((text.to_owned(), None)),
            "text" => examples.last_mut().unwrap().1 = Some(text.to_owned()),
            other => panic!("a block of {other:?} is neither run nor compared"),
        }
        parts.next();
    }
    examples
}

/// Whether a line is what is written, where `…` stands for anything.
fn is_like(line: &str, written: &str) -> bool {
    let mut rest = line;
    for (at, piece) in written.split('…').enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(found) if at > 0 => rest = &rest[found + piece.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || written.ends_with('…')
}

#[test]
fn the_examples_of_the_api_print_what_is_written_below_them() {
    let stage = Stage::set().unwrap();
    let document = std::fs::read_to_string(workspace_root().join("docs/API.md")).unwrap();
    let examples = examples(&document);
    assert!(examples.len() >= 8, "{}", examples.len());
    let mut script = "set -euo pipefail\n".to_owned();
    for (at, (text, _)) in examples.iter().enumerate() {
        script.push_str(&format!("printf '\\n--- example {at}\\n'\n{text}\n"));
    }
    let output = stage.command("bash").args(["-c", &script]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    for (at, (text, written)) in examples.iter().enumerate() {
        let of = printed.split(&format!("\n--- example {at}\n")).nth(1).unwrap();
        let of = of.split("\n--- example").next().unwrap().trim_end();
        let written = written.as_deref().unwrap_or_default().trim_end();
        let alike = of.lines().count() == written.lines().count()
            && of.lines().zip(written.lines()).all(|(line, written)| is_like(line, written));
        assert!(alike, "this example:\n{text}\nprints:\n{of}\nand not, as is written:\n{written}\n{errors}");
    }
}

#[test]
fn the_echo_bot_answers_each_mention_once_also_over_a_killed_server_and_a_killed_bot() {
    let mut stage = Stage::set().unwrap();
    let (alice, bob) = (stage.token("alice").unwrap(), stage.token("bob").unwrap());
    let bot = |stage: &Stage| {
        let script = workspace_root().join("samples/echo-bot/echo_bot.py");
        let mut command = stage.command("python3");
        command.arg(script).env("TOKEN", &bob).env("PYTHONDONTWRITEBYTECODE", "1");
        Program::start("echo bot", command).unwrap()
    };
    let mut running = bot(&stage);
    running.wait_line("that the bot listens", SOON, |line| (line == "listening").then_some(())).unwrap();
    let open = json!({"with": ["bob"], "name": "noodles", "key": "k"});
    let chat = stage.ask(&alice, "POST", "/v1/chats", Some(open)).unwrap()["id"].clone();
    let say = |stage: &Stage, text: &str| {
        let message = json!({"text": text, "key": text.replace(' ', "-")});
        let sent = stage.ask(&alice, "POST", &format!("/v1/chats/{chat}/messages"), Some(message)).unwrap();
        assert!(sent["sequence"].is_u64(), "{sent}");
    };
    // The bot takes part once it has been asked.
    let deadline = Instant::now() + SOON;
    while stage.ask(&alice, "GET", &format!("/v1/chats/{chat}"), None).unwrap()["joined"] != 2 {
        assert!(Instant::now() < deadline, "{}", running.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    say(&stage, "@bob one");
    say(&stage, "not for bots");
    texts(&stage, &alice, &chat, "You said: one");

    stage.server.kill().unwrap();
    stage.server.restart().unwrap();
    say(&stage, "@bob two");
    texts(&stage, &alice, &chat, "You said: two");

    running.kill().unwrap();
    say(&stage, "@bob three");
    let mut running = bot(&stage);
    say(&stage, "@bob four");
    texts(&stage, &alice, &chat, "You said: four");
    // A second answer to anything would come before this one's.
    say(&stage, "@bob five");
    let texts = texts(&stage, &alice, &chat, "You said: five");
    for number in ["one", "two", "three", "four", "five"] {
        let answers = texts.iter().filter(|text| **text == format!("You said: {number}")).count();
        assert_eq!(answers, 1, "{number}: {texts:?}\n{}", running.log());
    }
    running.kill().unwrap();
}

//! Chats between real clients over a real server: groups and requests, changes, search, files and voice messages.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::Duration;

use komado_tests::chance::Chance;
use komado_tests::cutter::Cutter;
use komado_tests::on_both_databases;
use komado_tests::postgres::Engine;
use komado_tests::program::Program;
use komado_tests::stage::{Client, Stage};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);
/// Clients of these people that have logged in.
fn people<const N: usize>(stage: &Stage, names: [&str; N]) -> [Program; N] {
    names.map(|name| logged_in(stage.client(name)))
}

fn logged_in(client: Client<'_>) -> Program {
    let person = client.start().unwrap();
    person.wait_event("logged_in", SOON).unwrap();
    person
}

fn chat_of(event: &Value) -> u64 {
    event["chat"]["id"].as_u64().unwrap()
}

/// Waits for a line with this text; gives the whole message.
fn line(person: &Program, text: &str) -> Value {
    let wanted = |event: &Value| event["event"] == "message" && event["message"]["text"] == text;
    person.wait_for(text, SOON, wanted).unwrap()["message"].clone()
}

/// Waits for an entry of the log that `wanted` accepts.
fn entry(person: &Program, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let entry = |event: &Value| event["event"] == "message" && wanted(&event["message"]);
    person.wait_for(what, SOON, entry).unwrap()["message"].clone()
}

fn notice(person: &Program, kind: &str) -> Value {
    entry(person, kind, |message| message["notice"]["kind"] == kind)
}

fn a_group_is_asked_talks_changes_and_parts(engine: Engine) {
    let stage = Stage::set(engine, &["alice", "bob", "carol", "dave"], &[]).unwrap();
    let [mut alice, mut bob, mut carol, mut dave] = people(&stage, ["alice", "bob", "carol", "dave"]);
    alice.say("group-chat bob,carol Our lunch").unwrap();
    let chat = chat_of(&alice.wait_event("chat_opened", SOON).unwrap());
    for (person, answer) in [(&mut bob, "accept-chat"), (&mut carol, "decline-chat")] {
        let request = person.wait_event("chat_requested", SOON).unwrap();
        assert_eq!((chat_of(&request), &request["chat"]["name"]), (chat, &"Our lunch".into()));
        assert_eq!(request["chat"]["request"]["from"]["name"], "alice");
        person.say(&format!("{answer} {chat}")).unwrap();
    }
    notice(&bob, "joined");
    alice.wait_event("chat_declined", SOON).unwrap();
    carol.wait_event("chat_closed", SOON).unwrap();

    bob.say(&format!("say {chat} **Noodles**, @alice?")).unwrap();
    let noodles = line(&alice, "**Noodles**, @alice?");
    let (of, me) = (noodles["sequence"].as_u64().unwrap(), &noodles["mentions"][0]);
    assert_eq!(
        me,
        &bob.wait_for("alice's number", SOON, |e| e["event"] == "message").unwrap()["message"]["mentions"][0]
    );
    alice.say(&format!("react {chat} {of} 🍜")).unwrap();
    alice.say(&format!("reply {chat} {of} Yes!")).unwrap();
    bob.say(&format!("edit {chat} {of} Noodles at noon")).unwrap();
    entry(&alice, "the edit", |message| message["change"]["text"] == "Noodles at noon");
    alice.say(&format!("pin {chat} {of}")).unwrap();
    entry(&bob, "the pin", |message| message["change"]["kind"] == "pin");

    // Dave comes later: he reads from there on, and the others see him come.
    bob.say(&format!("invite {chat} dave There is room")).unwrap();
    dave.wait_event("chat_requested", SOON).unwrap();
    dave.say(&format!("accept-chat {chat}")).unwrap();
    entry(&alice, "dave", |message| message["notice"]["kind"] == "joined" && message["from"]["name"] == "dave");
    alice.say(&format!("say {chat} Hello dave")).unwrap();
    line(&dave, "Hello dave");
    assert!(!dave.lines().iter().any(|line| line.contains("Noodles")), "that was before dave's time");

    // Bob has a second device that comes only now, and comes to the same.
    let late = logged_in(stage.client("bob").device("laptop"));
    line(&late, "Hello dave");
    alice.say("search noodles").unwrap();
    let found = alice.wait_event("found", SOON).unwrap();
    let hit = &found["hits"][0]["message"];
    assert_eq!((hit["text"].as_str(), hit["reactions"][0]["emoji"].as_str()), (Some("Noodles at noon"), Some("🍜")));
    alice.say(&format!("pins {chat}")).unwrap();
    assert_eq!(alice.wait_event("pins", SOON).unwrap()["messages"][0]["sequence"], of);
    alice.say(&format!("around {chat} {of}")).unwrap();
    let history = alice.wait_event("history", SOON).unwrap();
    assert!(history["messages"].as_array().unwrap().iter().any(|message| message["pinned"] == true));

    // Who has read how far, and who types.
    alice.say(&format!("watch {chat}")).unwrap();
    dave.say(&format!("read {chat}")).unwrap();
    let read = |event: &Value| event["event"] == "signal" && event["signal"]["read"].as_u64() > Some(of);
    alice.wait_for("dave's mark", SOON, read).unwrap();
    dave.say(&format!("typing {chat} on")).unwrap();
    let typing = |event: &Value| event["event"] == "signal" && event["signal"]["signal"] == "typing";
    alice.wait_for("dave's typing", SOON, typing).unwrap();

    alice.say(&format!("later {chat} 1 Time to go")).unwrap();
    alice.wait_event("scheduled", SOON).unwrap();
    line(&dave, "Time to go");
    let dave_id = notice_id(&alice, "dave");
    alice.say(&format!("remove {chat} {dave_id}")).unwrap();
    let closed = dave.wait_event("chat_closed", SOON).unwrap();
    assert_eq!(closed["reason"], "removed");
    alice.say(&format!("say {chat} Without dave")).unwrap();
    line(&bob, "Without dave");
    dave.say(&format!("say {chat} Let me in")).unwrap();
    let refused = |event: &Value| event["event"] == "refused" && event["command"] == "say";
    dave.wait_for("a refusal", SOON, refused).unwrap();
    assert!(!dave.lines().iter().any(|line| line.contains("Without dave")));
    alice.say(&format!("leave {chat}")).unwrap();
    alice.wait_event("chat_closed", SOON).unwrap();
    entry(&bob, "the new owner", |message| message["notice"]["role"] == "owner");
}

/// The number of an account, from what was said of it.
fn notice_id(person: &Program, name: &str) -> u64 {
    let events = person.lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let mut from = events.map(|event| event["message"]["from"].clone()).filter(|from| from["name"] == name);
    from.next().unwrap()["id"].as_u64().unwrap()
}

/// Bytes that look like nothing.
fn noise(chance: &mut Chance, length: usize) -> Vec<u8> {
    std::iter::repeat_with(|| chance.number() as u8).take(length).collect()
}

fn a_file_arrives_whole_though_its_link_is_cut_and_the_server_killed(engine: Engine) {
    let mut chance = Chance::of_the_moment();
    let mut stage = Stage::set(engine, &["alice", "bob"], &[]).unwrap();
    let cutter = |port: u16, chance: &mut Chance| {
        let listen = format!("127.0.0.1:{port}").parse().unwrap();
        Cutter::start(&stage.namespace, listen, "10.99.0.2:80".parse().unwrap(), chance.part()).unwrap()
    };
    let ways = [cutter(9000, &mut chance), cutter(9001, &mut chance)];
    let by = |at: usize| format!("http://{}", ways[at].address());
    let mut alice = logged_in(stage.client("alice").by(&by(0)).with(&["--with", "bob"]));
    let mut bob = logged_in(stage.client("bob").by(&by(1)));
    let chat = chat_of(&alice.wait_event("chat_opened", SOON).unwrap());
    let content = noise(&mut chance, 12_000_000);
    let (sent, got) = (stage.place("plan.bin"), stage.place("got.bin"));
    std::fs::write(&sent, &content).unwrap();
    alice.say(&format!("send {chat} {sent} The plan")).unwrap();
    let incoming = stage.server.data().join("files").join("incoming");
    let come = || -> u64 {
        let files = std::fs::read_dir(&incoming).into_iter().flatten().filter_map(Result::ok);
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    };
    while come() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    ways[0].cut();
    stage.server.kill().unwrap();
    let before = come();
    assert!(0 < before && before < content.len() as u64, "{before} bytes had come: this was not the middle");
    stage.server.restart().unwrap();
    let message = line(&bob, "The plan");
    let file = message["files"][0].clone();
    assert_eq!((&file["name"], &file["size"]), (&"plan.bin".into(), &content.len().into()));
    bob.say(&format!("fetch {} {got}", file["id"].as_str().unwrap())).unwrap();
    ways[1].cut();
    let fetched = bob.wait_event("fetched", SOON).unwrap();
    assert_eq!(fetched["size"], content.len());
    assert!(std::fs::read(&got).unwrap() == content, "another file than was sent");
    bob.say("fetch 00000000000000000000000000000000 /tmp/never").unwrap();
    let failed = bob.wait_event("transfer_failed", SOON).unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("no such file"), "{failed}");
}

fn a_picture_has_a_thumbnail_and_a_voice_message_plays(engine: Engine) {
    let stage = Stage::set(engine, &["alice", "bob"], &["--file-type", "image/*,audio/*"]).unwrap();
    let mut alice = logged_in(stage.client("alice").with(&["--with", "bob", "--microphone", "tone"]));
    let mut bob = logged_in(stage.client("bob"));
    let chat = chat_of(&alice.wait_event("chat_opened", SOON).unwrap());
    let picture = stage.place("bars.png");
    let mut draw = Command::new("ffmpeg");
    draw.args(["-v", "error", "-f", "lavfi", "-i", "smptebars=size=1280x720", "-frames:v", "1", &picture]);
    assert!(draw.status().unwrap().success());
    alice.say(&format!("send {chat} {picture} Look")).unwrap();
    let file = line(&bob, "Look")["files"][0].clone();
    assert_eq!(file["picture"], serde_json::json!([1280, 720]));
    let small = stage.place("small.jpg");
    bob.say(&format!("thumbnail {} {small}", file["id"].as_str().unwrap())).unwrap();
    bob.wait_event("fetched", SOON).unwrap();
    assert_eq!(probe(&small, "stream=codec_name,width,height"), "mjpeg,320,180");

    alice.say(&format!("voice {chat} 2")).unwrap();
    let spoken = entry(&bob, "the voice message", |message| message["files"][0]["voice"].is_object());
    let file = &spoken["files"][0];
    assert_eq!(file["voice"]["duration_ms"], 2_000);
    assert!(file["voice"]["waveform"].as_array().unwrap().iter().any(|value| value.as_u64() > Some(100)));
    let voice = stage.place("voice.mka");
    bob.say(&format!("fetch {} {voice}", file["id"].as_str().unwrap())).unwrap();
    bob.wait_event("fetched", SOON).unwrap();
    assert_eq!(probe(&voice, "stream=codec_name"), "opus");

    let text = stage.write("notes.txt", "no picture").unwrap();
    alice.say(&format!("send {chat} {text}")).unwrap();
    let failed = alice.wait_event("transfer_failed", SOON).unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("text/plain"), "{failed}");
}

fn probe(file: &str, entries: &str) -> String {
    let mut command = Command::new("ffprobe");
    let output = command.args(["-v", "error", "-show_entries", entries, "-of", "csv=p=0", file]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

on_both_databases!(
    a_group_is_asked_talks_changes_and_parts,
    a_file_arrives_whole_though_its_link_is_cut_and_the_server_killed,
    a_picture_has_a_thumbnail_and_a_voice_message_plays,
);

//! A file is sent from a window on a desktop that has no dialog for files: its path is written in the window. It comes even
//! if the client ends before it is sent.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desk_stage::DeskStage;
use komado_tests::program::Program;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// From the left and from the bottom of a chat's window: the paperclip, and the line beside it.
const PAPERCLIP: (usize, usize) = (53, 31);
const LINE: (usize, usize) = (200, 31);

/// Alice's window.
fn alice(stage: &DeskStage, first: bool) -> Program {
    let proof = if first { stage.proof() } else { Vec::new() };
    let arguments = [stage.person("alice", "320x180"), proof].concat();
    // Neither a portal nor zenity.
    let window = stage.window_with("alice's window", arguments, &[("PATH", "/nowhere")]).unwrap();
    stage.desktop.window("Komado").unwrap();
    window
}

/// Sends a file with a few words to bob.
fn attach(stage: &DeskStage, path: &str, words: &str) {
    let desktop = &stage.desktop;
    let chat = desktop.window("bob").unwrap();
    desktop.activate(&chat).unwrap();
    let place = desktop.place(&chat).unwrap();
    let at = |(right, up): (usize, usize)| (place.x + right, place.y + place.height - up);
    let ground = || desktop.screenshot().map(|seen| seen.pixel(place.x + 8, place.y + 100));
    let plain = ground().unwrap();
    let (x, y) = at(PAPERCLIP);
    desktop.click(x, y).unwrap();
    // What is behind the question is dimmed.
    desktop.until("the question for a path", |_| Ok(ground()? != plain)).unwrap();
    desktop.key("ctrl+a").unwrap();
    desktop.write(path).unwrap();
    desktop.key("Return").unwrap();
    desktop.until("the end of the question", |_| Ok(ground()? == plain)).unwrap();
    let (x, y) = at(LINE);
    desktop.click(x, y).unwrap();
    desktop.write(words).unwrap();
    desktop.key("Return").unwrap();
}

fn has_file<'a>(name: &'a str, words: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| {
        let message = &event["message"];
        event["event"] == "message" && message["files"][0]["name"] == name && message["text"] == words
    }
}

#[test]
fn a_file_is_sent_by_its_path_and_comes_even_if_the_client_is_killed() {
    let mut stage = DeskStage::set().unwrap();
    let bob = stage.headless("bob", "320x180", &["--accept-chats", "--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let plan = stage.place("plan of the house.txt");
    std::fs::write(&plan, "Two rooms and a roof").unwrap();
    let mut window = alice(&stage, true);
    let link = ["--home", &stage.place("alice"), "komado://10.99.0.2/chat/bob"].map(str::to_owned);
    stage.window("a link", link).unwrap().wait_success(SOON).unwrap();
    attach(&stage, &plan, "Look");
    let sent = bob.wait_for("the file", SOON, has_file("plan of the house.txt", "Look")).unwrap();
    assert_eq!(sent["message"]["files"][0]["size"].as_u64(), Some(20));

    stage.server.kill().unwrap();
    let later = stage.place("garden.txt");
    std::fs::write(&later, "A pond").unwrap();
    attach(&stage, &later, "And this");
    let home = stage.place("alice");
    let kept = || {
        let files = std::fs::read_dir(&home).ok()?.filter_map(Result::ok);
        let written = files.map(|file| file.path()).find(|path| path.to_string_lossy().contains("written-"))?;
        std::fs::read_to_string(written).ok()
    };
    let both = |kept: String| kept.contains("And this") && kept.contains("garden.txt");
    stage.desktop.until("the line on the disk with its file", |_| Ok(kept().is_some_and(both))).unwrap();
    window.kill().unwrap();
    stage.server.restart().unwrap();
    let _window = alice(&stage, false);
    bob.wait_for("the file from before", SOON, has_file("garden.txt", "And this")).unwrap();
    stage.desktop.until("an empty outbox", |_| Ok(kept().is_none())).unwrap();
    let events = bob.lines();
    let events = events.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert_eq!(events.filter(has_file("garden.txt", "And this")).count(), 1);
}

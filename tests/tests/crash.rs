//! The client is killed while it has something to send: what was written is neither lost nor sent twice.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use komado_tests::desk_stage::DeskStage;
use komado_tests::desktop::Desktop;
use komado_tests::program::Program;

const SOON: Duration = Duration::from_secs(60);

struct Stage(DeskStage);

impl Stage {
    /// Alice's window. The first time she signs in; then her session is remembered.
    fn alice(&self, first: bool) -> Program {
        let proof = if first { self.0.proof() } else { Vec::new() };
        self.0.window("alice's window", [self.0.person("alice", "64x48"), proof].concat()).unwrap()
    }

    /// Opens the chat with bob, who is a contact, and gives it the keyboard.
    fn open_chat(&self) {
        self.0.desktop.activate(&self.0.desktop.window("Komado").unwrap()).unwrap();
        self.0.desktop.key("ctrl+f").unwrap();
        self.0.desktop.write("bob").unwrap();
        self.0.desktop.key("Return").unwrap();
        self.0.desktop.activate(&self.0.desktop.window("bob").unwrap()).unwrap();
    }

    /// What alice's client keeps of what she has written.
    fn written(&self) -> Option<(PathBuf, String)> {
        let mut files = std::fs::read_dir(self.0.place("alice")).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        let is_it = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("written-") && name.ends_with(".json")
        };
        let path = files.find(|path| is_it(path))?;
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    }

    fn until_written(&self, text: &str) {
        let has = |_: &Desktop| Ok(self.written().is_some_and(|(_, written)| written.contains(text)));
        self.0.desktop.until(&format!("\"{text}\" on the disk"), has).unwrap();
    }
}

fn line_of<'a>(text: &'a str) -> impl Fn(&serde_json::Value) -> bool + 'a {
    move |event| event["event"] == "message" && event["message"]["text"] == text
}

#[test]
fn what_was_written_survives_the_end_of_the_client() {
    let mut stage = Stage(DeskStage::set().unwrap());
    let bob = stage.0.headless("bob", "64x48", &["--accept-chats", "--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.alice(true);
    stage.0.desktop.activate(&stage.0.desktop.window("Komado").unwrap()).unwrap();
    stage.0.until_there().unwrap();
    stage.0.desktop.key("ctrl+n").unwrap();
    stage.0.desktop.write("bob").unwrap();
    stage.0.desktop.key("Return").unwrap();
    bob.wait_event("contact_added", SOON).unwrap();
    stage.open_chat();
    stage.0.desktop.write("The first line").unwrap();
    stage.0.desktop.key("Return").unwrap();
    bob.wait_for("the first line", SOON, line_of("The first line")).unwrap();
    // Nothing is kept of what the server has.
    stage.0.desktop.until("an empty outbox", |_| Ok(stage.written().is_none())).unwrap();

    stage.0.server.kill().unwrap();
    stage.0.desktop.write("Written while the server was away").unwrap();
    stage.0.desktop.key("Return").unwrap();
    stage.until_written("Written while the server was away");
    stage.0.desktop.write("Half a line").unwrap();
    stage.until_written("Half a line");
    alice.kill().unwrap();

    stage.0.server.restart().unwrap();
    let _alice = stage.alice(false);
    let late = bob.wait_for("the late line", SOON, line_of("Written while the server was away")).unwrap();
    assert_eq!(late["message"]["from"]["name"], "alice");
    stage.open_chat();
    stage.0.desktop.key("Return").unwrap();
    bob.wait_for("the other half", SOON, line_of("Half a line")).unwrap();
    stage.0.desktop.until("an empty outbox", |_| Ok(stage.written().is_none())).unwrap();
    let events = bob.lines();
    let times = |text: &str| {
        let events = events.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.filter(line_of(text)).count()
    };
    for text in ["The first line", "Written while the server was away", "Half a line"] {
        assert_eq!(times(text), 1, "{text}");
    }
}

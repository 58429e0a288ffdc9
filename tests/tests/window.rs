//! The real window on a real desktop: signed in, a contact made, a line typed, a call taken, the other side seen.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::app::write_png;
use komado_tests::desk_stage::{DeskStage, PASSWORD};
use komado_tests::program::Program;

const SOON: Duration = Duration::from_secs(60);

/// The bars of the test picture as they look (75 % colour bars): the other side shows them.
const BARS: [[u8; 3]; 4] = [[191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191]];

/// A picture that is sent in the chat.
const ORANGE: [u8; 3] = [240, 130, 30];

/// Behind words about what went wrong.
const WRONG: [u8; 3] = [248, 230, 225];

struct Stage(DeskStage);

impl Stage {
    /// Alice's window. It has to ask for everything.
    fn alice(&self) -> Program {
        let mut arguments = self.0.person("alice", "320x180");
        // What she sends is grey: whatever is colourful on her screen comes from bob.
        arguments.extend(["--camera".to_owned(), self.grey_clip()]);
        self.0.window("alice's window", arguments).unwrap()
    }

    /// A Y4M clip of two grey pictures.
    fn grey_clip(&self) -> String {
        let path = self.0.place("grey.y4m");
        let mut clip = b"YUV4MPEG2 W320 H180 F15:1 Ip A1:1 C420jpeg\n".to_vec();
        for _ in 0..2 {
            clip.extend(b"FRAME\n");
            clip.resize(clip.len() + 320 * 180 * 3 / 2, 128);
        }
        std::fs::write(&path, clip).unwrap();
        path
    }

    /// Where screenshots are kept.
    fn picture(&self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("window-{name}.png"))
    }
}

#[test]
fn a_person_signs_in_writes_a_line_and_takes_a_call() {
    let stage = Stage(DeskStage::set().unwrap());
    let mut bob = stage.0.headless("bob", "640x360", &["--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.alice();
    let desktop = &stage.0.desktop;
    let main = desktop.window("Komado").unwrap();
    desktop.activate(&main).unwrap();

    // The certificate is not known yet: the window asks.
    desktop.write("a wrong password").unwrap();
    desktop.key("Return").unwrap();
    let known = Path::new(&stage.0.place("alice")).join("known_servers");
    let accent = [47, 79, 130];
    desktop
        .until("the question about the certificate", |desktop| {
            let screen = desktop.screenshot()?;
            Ok(screen.count([239, 236, 228], 2) > 8_000 && screen.count(accent, 2) > 8_000)
        })
        .unwrap();
    desktop.keep(&stage.picture("certificate")).unwrap();
    assert!(!known.exists(), "nobody has said yes yet");
    // The keyboard is at the safe answer; the other one is before it.
    desktop.key("shift+Tab").unwrap();
    desktop.key("space").unwrap();
    desktop.until("alice's yes", |_| Ok(known.exists())).unwrap();
    // A wrong password is said to be one, and the keyboard is where it is corrected.
    desktop.until("the word about the password", |desktop| Ok(desktop.screenshot()?.count(WRONG, 2) > 10_000)).unwrap();
    desktop.keep(&stage.picture("wrong-password")).unwrap();
    desktop.write(PASSWORD).unwrap();
    desktop.key("Return").unwrap();

    // She adds bob, who accepts; she finds him and writes.
    desktop.until("alice's session", |_| Ok(session(&stage.0.place("alice")))).unwrap();
    stage.0.until_there().unwrap();
    desktop.key("ctrl+n").unwrap();
    desktop.write("bob").unwrap();
    desktop.key("Return").unwrap();
    bob.wait_event("contact_added", SOON).unwrap();
    desktop.key("ctrl+f").unwrap();
    desktop.write("bob").unwrap();
    desktop.key("Return").unwrap();
    let chat = desktop.window("bob").unwrap();
    desktop.activate(&chat).unwrap();
    desktop.write("Hello from the window").unwrap();
    desktop.key("Return").unwrap();
    let line = bob.wait_for("alice's line", SOON, |event| event["event"] == "message").unwrap();
    assert_eq!(line["message"]["text"], "Hello from the window");
    assert_eq!(line["message"]["from"]["name"], "alice");
    let chat = line["chat"].as_u64().unwrap();
    bob.say(&format!("say {chat} 小窓から見えます")).unwrap();
    bob.wait_event("stored", SOON).unwrap();
    desktop.keep(&stage.picture("chat")).unwrap();

    // Bob sends a picture: it comes by itself, and is seen in the line that it hangs on.
    let sent = PathBuf::from(stage.0.place("orange.png"));
    write_png(&sent, 200, 120, [ORANGE[0], ORANGE[1], ORANGE[2], 255].repeat(200 * 120)).unwrap();
    bob.say(&format!("send {chat} {}", sent.display())).unwrap();
    desktop.until("bob's picture in the chat", |desktop| Ok(desktop.screenshot()?.count(ORANGE, 12) > 15_000)).unwrap();
    desktop.keep(&stage.picture("chat-picture")).unwrap();

    // Bob calls; one key takes the call, and his picture is on her screen.
    bob.say(&format!("call {chat}")).unwrap();
    bob.wait_event("call_ringing", SOON).unwrap();
    desktop.activate(&main).unwrap();
    desktop
        .until("the call taken", |desktop| {
            desktop.key("Return")?;
            Ok(bob.lines().iter().any(|line| line.contains("\"call_accepted\"")))
        })
        .unwrap();
    desktop
        .until("bob's picture", |desktop| {
            let screen = desktop.screenshot()?;
            Ok(BARS.iter().all(|bar| screen.count(*bar, 40) > 2_000))
        })
        .unwrap();
    desktop.keep(&stage.picture("call")).unwrap();
    let seen =
        bob.wait_for("alice's picture at bob's", SOON, |event| event["report"]["video"]["shown"].as_u64() > Some(0));
    assert_eq!(seen.unwrap()["report"]["video"]["width"], 320);
    bob.say("hangup").unwrap();
    bob.wait_event("call_ended", SOON).unwrap();
    desktop
        .until("the picture gone", |desktop| {
            Ok(BARS.iter().all(|bar| desktop.screenshot().is_ok_and(|s| s.count(*bar, 40) < 500)))
        })
        .unwrap();
    assert!(alice.is_running(), "{}", alice.log());
}

/// Whether a session is remembered in a client's folder.
fn session(home: &str) -> bool {
    let text = std::fs::read_to_string(Path::new(home).join("session.toml")).unwrap_or_default();
    text.lines().any(|line| line.starts_with("session = \"") && line.len() > 20)
}

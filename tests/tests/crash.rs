//! The client is killed while it has something to send: what was written is neither lost nor sent twice.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use komado_tests::desktop::Desktop;
use komado_tests::namespace::Namespace;
use komado_tests::product::{Server, headless};
use komado_tests::program::{Program, built};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery";

struct Stage {
    namespace: Namespace,
    server: Server,
    desktop: Desktop,
    folder: TempDir,
}

impl Stage {
    fn set() -> Self {
        let namespace = Namespace::new().unwrap();
        namespace.add_host("10.99.0.2".parse().unwrap()).unwrap();
        let server = Server::start(&namespace, "10.99.0.2:80".parse().unwrap(), &[]).unwrap();
        for name in ["alice", "bob"] {
            server.add_user(name, PASSWORD, &[]).unwrap();
        }
        let desktop = Desktop::start(&namespace).unwrap();
        let folder = TempDir::with_prefix("komado-crash-").unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        Self { namespace, server, desktop, folder }
    }

    fn place(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Alice's window, with the chat with bob open. The first time she signs in; then her session is remembered.
    fn alice(&self, first: bool) -> Program {
        let mut command = self.desktop.command(&built("komado").unwrap().display().to_string());
        command.args(["--home", &self.place("alice"), "--server", "http://10.99.0.2", "--user", "alice"]);
        command.args(["--proxy", "none", "--size", "64x48", "--with", "bob"]);
        if first {
            command.args(["--fingerprint", self.server.fingerprint(), "--password-file", &self.place("password")]);
        }
        Program::start("alice's window", command).unwrap()
    }

    fn bob(&self) -> Program {
        let (home, password) = (self.place("bob"), self.place("password"));
        let mut arguments = vec!["--server", "http://10.99.0.2", "--proxy", "none", "--user", "bob", "--home", &home];
        arguments.extend(["--password-file", &password, "--fingerprint", self.server.fingerprint(), "--size", "64x48"]);
        arguments.push("--accept-chats");
        headless(&self.namespace, "bob", &arguments).unwrap()
    }

    /// What alice's client keeps of what she has written.
    fn written(&self) -> Option<(PathBuf, String)> {
        let files = std::fs::read_dir(self.place("alice")).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        let is_it = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("written-") && name.ends_with(".json")
        };
        let path = files.into_iter().find(|path| is_it(path))?;
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    }

    fn until_written(&self, text: &str) {
        let has = |_: &Desktop| Ok(self.written().is_some_and(|(_, written)| written.contains(text)));
        self.desktop.until(&format!("\"{text}\" on the disk"), has).unwrap();
    }
}

fn line_of<'a>(text: &'a str) -> impl Fn(&serde_json::Value) -> bool + 'a {
    move |event| event["event"] == "message" && event["message"]["text"] == text
}

#[test]
fn what_was_written_survives_the_end_of_the_client() {
    let mut stage = Stage::set();
    let bob = stage.bob();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.alice(true);
    let chat = stage.desktop.window("bob").unwrap();
    stage.desktop.activate(&chat).unwrap();
    stage.desktop.write("The first line").unwrap();
    stage.desktop.key("Return").unwrap();
    bob.wait_for("the first line", SOON, line_of("The first line")).unwrap();
    // Nothing is kept of what the server has.
    stage.desktop.until("an empty outbox", |_| Ok(stage.written().is_none())).unwrap();

    stage.server.kill().unwrap();
    stage.desktop.write("Written while the server was away").unwrap();
    stage.desktop.key("Return").unwrap();
    stage.until_written("Written while the server was away");
    stage.desktop.write("Half a line").unwrap();
    stage.until_written("Half a line");
    alice.kill().unwrap();

    stage.server.restart().unwrap();
    let _alice = stage.alice(false);
    let late = bob.wait_for("the late line", SOON, line_of("Written while the server was away")).unwrap();
    assert_eq!(late["message"]["from"]["name"], "alice");
    let chat = stage.desktop.window("bob").unwrap();
    stage.desktop.activate(&chat).unwrap();
    stage.desktop.key("Return").unwrap();
    bob.wait_for("the other half", SOON, line_of("Half a line")).unwrap();
    stage.desktop.until("an empty outbox", |_| Ok(stage.written().is_none())).unwrap();
    let events = bob.lines();
    let times = |text: &str| {
        let events = events.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        events.filter(line_of(text)).count()
    };
    for text in ["The first line", "Written while the server was away", "Half a line"] {
        assert_eq!(times(text), 1, "{text}");
    }
}

//! What the window tells through the desktop's notifications, on a real bus, and what a person does with them.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desktop::Desktop;
use komado_tests::namespace::Namespace;
use komado_tests::product::{Server, headless};
use komado_tests::program::{Program, built};
use komado_tests::session_bus::{NotificationService, SessionBus};
use serde_json::Value;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery";

#[test]
fn lines_requests_and_calls_are_told_and_can_be_answered() {
    let namespace = Namespace::new().unwrap();
    namespace.add_host("10.99.0.2".parse().unwrap()).unwrap();
    let server = Server::start(&namespace, "10.99.0.2:80".parse().unwrap(), &[]).unwrap();
    for name in ["alice", "bob"] {
        server.add_user(name, PASSWORD, &[]).unwrap();
    }
    let desktop = Desktop::start(&namespace).unwrap();
    let folder = TempDir::with_prefix("komado-notifications-").unwrap();
    let password = folder.path().join("password").display().to_string();
    std::fs::write(&password, PASSWORD).unwrap();
    let bus = SessionBus::start().unwrap();
    let service = NotificationService::start(&bus).unwrap();

    let home = |name: &str| folder.path().join(name).display().to_string();
    let common = ["--server", "http://10.99.0.2", "--proxy", "none", "--password-file", &password, "--fingerprint"];
    let (bobs_home, alices_home, fingerprint) = (home("bob"), home("alice"), server.fingerprint().to_owned());
    let mut arguments = common.to_vec();
    arguments.extend([&fingerprint, "--user", "bob", "--home", &bobs_home, "--size", "320x180"]);
    let mut bob = headless(&namespace, "bob", &arguments).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut command = desktop.command(&built("komado").unwrap().display().to_string());
    command.args(common).args([&fingerprint, "--user", "alice", "--home", &alices_home, "--size", "320x180"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", bus.address());
    let mut alice = Program::start("alice's window", command).unwrap();
    let main = desktop.window("Komado").unwrap();

    // A request is accepted from the notification, without the window.
    bob.say("contact add alice It is me <bob>").unwrap();
    let request = service.wait("bob's request", |shown| shown.title.contains("bob")).unwrap();
    assert_eq!(request.text, "It is me &lt;bob&gt;", "nobody's words are markup");
    service.choose(request.number, "accept").unwrap();
    bob.wait_event("contact_added", SOON).unwrap();
    service.wait_gone(request.number).unwrap();

    // A line opens its chat, and goes from the screen when it is read there.
    bob.say("chat alice Are you there?").unwrap();
    let line = service.wait("bob's line", |shown| shown.text == "Are you there?").unwrap();
    assert_eq!((line.title.as_str(), line.urgency), ("bob", 1));
    desktop.window("Komado (1)".replace('(', r"\(").replace(')', r"\)").as_str()).unwrap();
    service.choose(line.number, "default").unwrap();
    let chat_window = desktop.window("bob").unwrap();
    desktop.activate(&chat_window).unwrap();
    service.wait_gone(line.number).unwrap();

    // What she looks at needs no notification; once she looks elsewhere, it does.
    let chat = bob.wait_for("the chat", SOON, |event| event["event"] == "chat_opened").unwrap()["chat"]["id"].clone();
    bob.say(&format!("say {chat} This is before your eyes")).unwrap();
    bob.say(&format!("watch {chat}")).unwrap();
    let is_it = |event: &Value| event["message"]["text"] == "This is before your eyes";
    let sequence = bob.wait_for("the line itself", SOON, is_it).unwrap()["message"]["sequence"].as_u64();
    let read = |event: &Value| {
        let marks = &event["signal"];
        marks["signal"] == "marks" && marks["read"].as_u64() >= sequence && event["event"] == "signal"
    };
    bob.wait_for("alice has read it", SOON, read).unwrap();
    assert!(service.seen().is_empty(), "{:?}", service.seen());
    desktop.activate(&main).unwrap();
    bob.say(&format!("say {chat} And this is not")).unwrap();
    service.wait("the line that she does not see", |shown| shown.text == "And this is not").unwrap();

    // A call is urgent, and is declined from where it is told.
    bob.say(&format!("call {chat}")).unwrap();
    let call = service.wait("bob's call", |shown| shown.urgency == 2).unwrap();
    let keys: Vec<_> = call.actions.iter().step_by(2).map(String::as_str).collect();
    assert_eq!(keys, ["default", "accept", "decline"]);
    service.choose(call.number, "decline").unwrap();
    bob.wait_event("call_declined", SOON).unwrap();
    service.wait_gone(call.number).unwrap();
    assert!(alice.is_running(), "{}", alice.log());
}

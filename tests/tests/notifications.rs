//! What the window tells through the desktop's notifications, on a real bus, and what a person does with them.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desk_stage::DeskStage;
use komado_tests::session_bus::{NotificationService, SessionBus};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn lines_requests_and_calls_are_told_and_can_be_answered() {
    let stage = DeskStage::set().unwrap();
    let desktop = &stage.desktop;
    let bus = SessionBus::start().unwrap();
    let service = NotificationService::start(&bus).unwrap();

    let mut bob = stage.headless("bob", "320x180", &[]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let signing_in = [stage.person("alice", "320x180"), stage.proof()].concat();
    let environment = [("DBUS_SESSION_BUS_ADDRESS", bus.address())];
    let mut alice = stage.window_with("alice's window", signing_in, &environment).unwrap();
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

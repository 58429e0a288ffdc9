//! The tray on a real bus: closing the window leaves the icon, which shows it again, tells what is unread, and quits.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desk_stage::DeskStage;
use komado_tests::panel::Panel;
use komado_tests::session_bus::{NotificationService, SessionBus};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_closed_window_goes_on_in_the_tray() {
    let stage = DeskStage::set().unwrap();
    let desktop = &stage.desktop;
    let bus = SessionBus::start().unwrap();
    let told = NotificationService::start(&bus).unwrap();
    let panel = Panel::start(&bus).unwrap();
    let mut bob = stage.headless("bob", "320x180", &["--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let signing_in = [stage.person("alice", "320x180"), stage.proof()].concat();
    let environment = [("DBUS_SESSION_BUS_ADDRESS", bus.address())];
    let mut alice = stage.window_with("alice's window", signing_in, &environment).unwrap();
    let main = desktop.window("Komado").unwrap();
    let icon = panel.wait_icon().unwrap();
    assert_eq!(icon.title().unwrap(), "Komado");
    let words: Vec<String> = icon.entries().unwrap().into_iter().map(|entry| entry.words).collect();
    assert_eq!(words, ["Show Komado", "Do not disturb", "Quit Komado"]);

    // Closed, the program goes on, and says so the first time.
    desktop.activate(&main).unwrap();
    desktop.key("alt+F4").unwrap();
    desktop.wait_gone("Komado").unwrap();
    let goes_on = told.wait("a word about the tray", |shown| shown.title.contains("goes on")).unwrap();
    assert!(goes_on.text.contains("its menu quits"), "{goes_on:?}");
    let plain = icon.pixels().unwrap();
    bob.say("chat alice Are you there?").unwrap();
    icon.until("a badge", |icon| Ok(icon.pixels()? != plain)).unwrap();

    // What a click shows, another start of the program shows as well.
    icon.click().unwrap();
    let unread = r"Komado \(1\)";
    desktop.activate(&desktop.window(unread).unwrap()).unwrap();
    desktop.key("alt+F4").unwrap();
    desktop.wait_gone(unread).unwrap();
    stage.window("a second start", ["--home", &stage.place("alice")]).unwrap().wait_success(SOON).unwrap();
    desktop.window(unread).unwrap();

    // The menu follows what the server knows, and ends the program.
    let ticked = |wanted: bool| {
        icon.until("the tick", |icon| Ok(icon.entries()?.iter().any(|entry| entry.ticked == Some(wanted)))).unwrap();
    };
    ticked(false);
    icon.choose("Do not disturb").unwrap();
    ticked(true);
    icon.choose("Do not disturb").unwrap();
    ticked(false);
    assert!(alice.is_running(), "{}", alice.log());
    icon.choose("Quit Komado").unwrap();
    alice.wait_success(SOON).unwrap();
}

#[test]
fn without_a_tray_closing_the_window_ends_the_program() {
    let stage = DeskStage::set().unwrap();
    let bus = SessionBus::start().unwrap();
    let environment = [("DBUS_SESSION_BUS_ADDRESS", bus.address())];
    let mut alice = stage.window_with("alice's window", stage.person("alice", "320x180"), &environment).unwrap();
    stage.desktop.activate(&stage.desktop.window("Komado").unwrap()).unwrap();
    stage.desktop.key("alt+F4").unwrap();
    alice.wait_success(SOON).unwrap();
}

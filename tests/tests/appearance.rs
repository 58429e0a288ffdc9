//! The window is as light or dark as the desktop, and changes with it.
#![cfg(target_os = "linux")]

use komado_tests::desktop::Desktop;
use komado_tests::namespace::Namespace;
use komado_tests::program::{Program, built};
use komado_tests::session_bus::SessionBus;
use komado_tests::settings_portal::{Scheme, SettingsPortal};
use tempfile::TempDir;

/// The grounds of both themes.
const LIGHT: [u8; 3] = [247, 245, 240];
const DARK: [u8; 3] = [25, 27, 31];

#[test]
fn the_theme_follows_the_desktop() {
    let namespace = Namespace::new().unwrap();
    let desktop = Desktop::start(&namespace).unwrap();
    let bus = SessionBus::start().unwrap();
    let portal = SettingsPortal::start(&bus, Scheme::Dark).unwrap();
    let home = TempDir::with_prefix("komado-appearance-").unwrap();
    let mut command = desktop.command(&built("komado").unwrap().display().to_string());
    command.args(["--size", "320x180", "--home"]).arg(home.path()).env("DBUS_SESSION_BUS_ADDRESS", bus.address());
    let mut window = Program::start("the window", command).unwrap();
    desktop.window("Komado").unwrap();
    let ground = |colour| move |desktop: &Desktop| Ok(desktop.screenshot()?.count(colour, 2) > 100_000);
    desktop.until("a dark window", ground(DARK)).unwrap();
    portal.set(Scheme::Light).unwrap();
    desktop.until("a light window", ground(LIGHT)).unwrap();
    portal.set(Scheme::Dark).unwrap();
    desktop.until("a dark window again", ground(DARK)).unwrap();
    assert!(window.is_running(), "{}", window.log());
}

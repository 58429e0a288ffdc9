//! Where the session is kept from one start of the window to the next: in a real keyring, and in the file where there is
//! none, or it is locked.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use client::home::Remembered;
use komado_tests::desk_stage::DeskStage;
use komado_tests::keyring::Keyring;
use komado_tests::program::Program;
use komado_tests::session_bus::SessionBus;

const SOON: Duration = Duration::from_secs(60);

/// Waits until something is remembered for which this holds.
fn remembered(stage: &DeskStage, wanted: impl Fn(&Remembered) -> bool) -> Remembered {
    let home = stage.place("home");
    let begin = Instant::now();
    loop {
        let now = Remembered::read(Path::new(&home)).unwrap();
        if let Some(remembered) = now.as_ref().filter(|remembered| wanted(remembered)) {
            return remembered.clone();
        }
        assert!(begin.elapsed() < SOON, "remembered: {now:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct House {
    stage: DeskStage,
    bus: SessionBus,
}

impl House {
    /// A window with a home that two people may use one after the other.
    fn window(&self, who: &str, more: &[String]) -> Program {
        let home = self.stage.place("home");
        let person = self.stage.person(who, "320x180");
        let at = person.iter().position(|argument| argument == "--home").unwrap();
        let person = person
            .into_iter()
            .enumerate()
            .map(|(index, argument)| if index == at + 1 { home.clone() } else { argument });
        let arguments: Vec<String> = person.chain(more.iter().cloned()).collect();
        let environment = [("DBUS_SESSION_BUS_ADDRESS", self.bus.address())];
        self.stage.window_with("a window", arguments, &environment).unwrap()
    }

    fn quit(&self, mut window: Program) {
        self.stage.desktop.activate(&self.stage.desktop.window("Komado").unwrap()).unwrap();
        self.stage.desktop.key("alt+F4").unwrap();
        window.wait_success(SOON).unwrap();
        self.stage.desktop.wait_gone("Komado").unwrap();
    }
}

#[test]
fn a_session_is_kept_in_the_keyring_and_found_there_again() {
    let house = House { stage: DeskStage::set().unwrap(), bus: SessionBus::start().unwrap() };
    let keyring = Keyring::start(&house.bus).unwrap();
    let proof = house.stage.proof();
    let alice = house.window("alice", &proof);
    let kept = remembered(&house.stage, |remembered| remembered.in_keyring);
    assert_eq!((kept.user.as_str(), kept.session.as_str()), ("alice", ""));
    assert_eq!(keyring.labels().unwrap(), ["Komado: alice at http://10.99.0.2"]);
    house.quit(alice);

    // The next start needs no password: it is signed in, for it calls.
    let bob = house.stage.headless("bob", "320x180", &["--accept-chats"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let alice = house.window("alice", &["--with".to_owned(), "bob".to_owned(), "--call".to_owned()]);
    bob.wait_event("call_invited", SOON).unwrap();
    assert_eq!(keyring.labels().unwrap(), ["Komado: alice at http://10.99.0.2"]);
    let mut bob = bob;
    bob.say("quit").unwrap();
    bob.wait_success(SOON).unwrap();
    house.quit(alice);

    // Somebody else in her place: nothing of her stays.
    let bob = house.window("bob", &proof);
    remembered(&house.stage, |remembered| remembered.user == "bob" && remembered.in_keyring);
    assert_eq!(keyring.labels().unwrap(), ["Komado: bob at http://10.99.0.2"]);
    house.quit(bob);

    // A keyring that does not open is no reason to be kept out.
    keyring.lock().unwrap();
    let bob = house.window("bob", &proof);
    let kept = remembered(&house.stage, |remembered| !remembered.session.is_empty());
    assert!(!kept.in_keyring);
    house.quit(bob);
}

#[test]
fn without_a_keyring_a_session_is_kept_in_the_file() {
    let house = House { stage: DeskStage::set().unwrap(), bus: SessionBus::start().unwrap() };
    let alice = house.window("alice", &house.stage.proof());
    let kept = remembered(&house.stage, |remembered| !remembered.session.is_empty());
    assert!(!kept.in_keyring && kept.user == "alice");
    house.quit(alice);
}

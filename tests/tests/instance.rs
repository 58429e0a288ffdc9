//! One window for each home: a second start shows the first one's, and opens there the link that it was given.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desk_stage::DeskStage;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_second_start_opens_its_link_in_the_first_window() {
    let stage = DeskStage::set().unwrap();
    let desktop = &stage.desktop;
    let bob = stage.headless("bob", "320x180", &[]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let signing_in = [stage.person("alice", "320x180"), stage.proof()].concat();
    let mut alice = stage.window("alice's window", signing_in).unwrap();
    desktop.window("Komado").unwrap();

    let home = stage.place("alice");
    let later = |link: &str| stage.window("a second start", ["--home", &home, link]).unwrap();
    let mut second = later("komado://10.99.0.2/chat/bob");
    second.wait_success(SOON).unwrap();
    desktop.window("bob").unwrap();
    let mut wrong = later("komado://10.99.0.2/bob");
    assert!(!wrong.wait_end(SOON).unwrap().success(), "a link that leads nowhere is refused at once");
    assert!(wrong.log().contains("leads nowhere"), "{}", wrong.log());
    assert!(alice.is_running(), "{}", alice.log());

    // Once it is gone, however that came about, the next start is the first again.
    alice.kill().unwrap();
    let mut next = stage.window("the next start", ["--home", &home]).unwrap();
    desktop.window("Komado").unwrap();
    assert!(next.is_running(), "{}", next.log());
}

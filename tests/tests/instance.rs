//! One window for each home: a second start shows the first one's, and opens there the link that it was given.
#![cfg(target_os = "linux")]

use std::time::Duration;

use komado_tests::desktop::Desktop;
use komado_tests::namespace::Namespace;
use komado_tests::product::{Server, headless};
use komado_tests::program::{Program, built};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery";

#[test]
fn a_second_start_opens_its_link_in_the_first_window() {
    let namespace = Namespace::new().unwrap();
    namespace.add_host("10.99.0.2".parse().unwrap()).unwrap();
    let server = Server::start(&namespace, "10.99.0.2:80".parse().unwrap(), &[]).unwrap();
    for name in ["alice", "bob"] {
        server.add_user(name, PASSWORD, &[]).unwrap();
    }
    let desktop = Desktop::start(&namespace).unwrap();
    let folder = TempDir::with_prefix("komado-instance-").unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (password, fingerprint) = (place("password"), server.fingerprint().to_owned());
    std::fs::write(&password, PASSWORD).unwrap();
    let who = |name: &str| {
        let fixed = ["--server", "http://10.99.0.2", "--proxy", "none", "--size", "320x180"].map(str::to_owned);
        let own = [("--user", name.to_owned()), ("--home", place(name)), ("--password-file", password.clone())];
        let own = own.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        fixed.into_iter().chain(own).chain(["--fingerprint".to_owned(), fingerprint.clone()]).collect::<Vec<_>>()
    };
    let bobs = who("bob");
    let bob = headless(&namespace, "bob", &bobs.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();

    let komado = built("komado").unwrap().display().to_string();
    let mut command = desktop.command(&komado);
    let mut alice = Program::start("alice's window", {
        command.args(who("alice"));
        command
    })
    .unwrap();
    desktop.window("Komado").unwrap();

    let later = |link: &str| {
        let mut command = desktop.command(&komado);
        command.args(["--home", &place("alice"), link]);
        Program::start("a second start", command).unwrap()
    };
    let mut second = later("komado://10.99.0.2/chat/bob");
    second.wait_success(SOON).unwrap();
    desktop.window("bob").unwrap();
    let mut wrong = later("komado://10.99.0.2/bob");
    assert!(!wrong.wait_end(SOON).unwrap().success(), "a link that leads nowhere is refused at once");
    assert!(wrong.log().contains("leads nowhere"), "{}", wrong.log());
    assert!(alice.is_running(), "{}", alice.log());

    // Once it is gone, however that came about, the next start is the first again.
    alice.kill().unwrap();
    let mut command = desktop.command(&komado);
    command.args(["--home", &place("alice")]);
    let mut next = Program::start("the next start", command).unwrap();
    desktop.window("Komado").unwrap();
    assert!(next.is_running(), "{}", next.log());
}

//! Accounts as people have them: made by an invitation, a forgotten password, sessions that last, what one says of
//! oneself, and leaving.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::Duration;

use client::call::DeviceSetup;
use client::device::DeviceError;
use client::engine::{Command as Ask, ConnectOptions, Credentials, Engine as Client, Event, Proof};
use client::http::ProxyRules;
use komado_tests::on_both_databases;
use komado_tests::postgres::Engine;
use komado_tests::program::Program;
use komado_tests::stage::{Stage, password};
use server::identity::Actor;
use server::{Config, Server};
use tokio::sync::mpsc::Receiver;

const SOON: Duration = Duration::from_secs(60);

/// What `komado-server admin …` prints first.
fn said(stage: &Stage, arguments: &[&str]) -> String {
    let mut program = stage.server.administer(arguments).unwrap();
    let line = program.wait_line("what it prints", SOON, |line| Some(line.to_owned())).unwrap();
    program.wait_success(SOON).unwrap();
    line
}

fn invitation(stage: &Stage) -> String {
    said(stage, &["admin", "invite", "add", "--uses", "1", "--public-address", &stage.url()])
}

/// Waits until a client ends because it was not let in; gives what it says.
fn not_let_in(mut client: Program) -> String {
    assert!(!client.wait_end(SOON).unwrap().success());
    client.log()
}

fn an_invitation_makes_an_account_at_the_server_that_it_names(engine: Engine) {
    let stage = Stage::set(engine, &["alice"], &[]).unwrap();
    let link = invitation(&stage);
    assert!(link.starts_with("komado://10.99.0.2/join/"), "{link}");
    let secret = stage.write("carol.password", &password("carol")).unwrap();
    let join = |name: &str, link: &str| {
        let known = ["--invitation", link, "--user", name, "--password-file", &secret];
        stage.client(name).start_with(&known).unwrap()
    };
    // A server that is another one than the link says is not even asked.
    let (begin, fingerprint) = link.split_once("fingerprint=").unwrap();
    let mut digits: Vec<char> = fingerprint.chars().collect();
    digits[0] = if digits[0] == '0' { '1' } else { '0' };
    let forged = format!("{begin}fingerprint={}", digits.into_iter().collect::<String>());
    assert!(not_let_in(join("mallory", &forged)).contains("certificate"), "the fingerprint is not looked at");
    assert!(not_let_in(join("carol", "komado://10.99.0.2/join/")).contains("copy all of it"));

    let mut carol = join("carol", &link);
    let account = carol.wait_event("logged_in", SOON).unwrap();
    assert_eq!(account["account"]["name"], "carol");
    carol.say("chat alice Hello, I am new here").unwrap();
    carol.wait_event("chat_opened", SOON).unwrap();
    let alice = stage.person("alice", &[]).unwrap();
    let request = alice.wait_event("chat_requested", SOON).unwrap();
    assert_eq!(request["chat"]["request"]["text"], "Hello, I am new here");
    assert!(not_let_in(join("dave", &link)).contains("was used up or withdrawn"));

    // The next time the server is known, and the account is there.
    carol.say("quit").unwrap();
    carol.wait_success(SOON).unwrap();
    let again = ["--server", &stage.url(), "--user", "carol", "--password-file", &secret];
    stage.client("carol").start_with(&again).unwrap().wait_event("logged_in", SOON).unwrap();
    let open = ["--server", &stage.url(), "--fingerprint", stage.server.fingerprint(), "--register", "--user", "erin"];
    let refused = not_let_in(stage.client("erin").with(&["--password-file", &secret]).start_with(&open).unwrap());
    assert!(refused.contains("takes nobody without an invitation"), "{refused}");
}

fn an_account_lives_its_life_without_a_window(engine: Engine) {
    let stage = Stage::set(engine, &["alice", "bob"], &["--registration", "open"]).unwrap();
    let mut alice = stage.person("alice", &[]).unwrap();
    alice.wait_event("logged_in", SOON).unwrap();
    alice.say("me name Alice A.").unwrap();
    assert_eq!(alice.wait_event("me", SOON).unwrap()["me"]["display_name"], "Alice A.");
    alice.say("me language ja").unwrap();
    assert_eq!(alice.wait_event("me", SOON).unwrap()["me"]["language"], "ja");
    let picture = stage.place("me.png");
    let mut draw = Command::new("ffmpeg");
    draw.args(["-v", "error", "-f", "lavfi", "-i", "smptebars=size=320x240", "-frames:v", "1", &picture]);
    assert!(draw.status().unwrap().success());
    alice.say(&format!("me picture {picture}")).unwrap();
    alice.say("me").unwrap();
    let shown = |event: &serde_json::Value| event["event"] == "me" && event["me"]["picture"].is_string();
    // The picture goes on the track of bytes, which does not hold up the question.
    while alice.wait_for("a picture", Duration::from_secs(1), shown).is_err() {
        alice.say("me").unwrap();
    }
    let heavy = stage.write("heavy.png", &"x".repeat(140_000)).unwrap();
    alice.say(&format!("me picture {heavy}")).unwrap();
    let refused = alice.wait_event("refused", SOON).unwrap();
    assert!(refused["problem"]["detail"].as_str().unwrap().contains("Make it smaller"), "{refused}");

    // Two devices: one ends the other, by a new password.
    let laptop = stage.client("alice").device("laptop").start().unwrap();
    laptop.wait_event("logged_in", SOON).unwrap();
    alice.say("sessions").unwrap();
    let sessions = alice.wait_event("sessions", SOON).unwrap()["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let new = stage.write("new.password", "battery staple").unwrap();
    alice.say(&format!("password {} {new}", stage.place("alice.password"))).unwrap();
    laptop.wait_event("disconnected", SOON).unwrap();
    let refused = laptop.wait_event("refused", SOON).unwrap();
    assert_eq!(refused["problem"]["code"], "session_expired", "{refused}");
    alice.say("end-session others").unwrap();
    alice.say("chats").unwrap();
    assert_eq!(alice.wait_event("chats", SOON).unwrap()["chats"], serde_json::json!([]));

    // Forgotten: an administrator's code sets another one, once.
    let code = said(&stage, &["admin", "user", "reset", "bob"]);
    let bob_again = ["--server", &stage.url(), "--fingerprint", stage.server.fingerprint(), "--user", "bob"];
    let reset = || {
        let client = stage.client("bob").with(&["--reset-code", &code, "--password-file", &new]);
        client.start_with(&bob_again).unwrap()
    };
    let mut bob = reset();
    bob.wait_event("logged_in", SOON).unwrap();
    assert!(not_let_in(reset()).contains("code"), "a code is good once");
    bob.say(&format!("remove-account {new}")).unwrap();
    bob.wait_event("logged_out", SOON).unwrap();
    alice.say("logout").unwrap();
    alice.wait_event("logged_out", SOON).unwrap();

    // Where everyone may, no invitation is needed.
    let known =
        ["--server", &stage.url(), "--fingerprint", stage.server.fingerprint(), "--register", "--user", "carol"];
    let carol = stage.client("carol").with(&["--password-file", &new]).start_with(&known).unwrap();
    carol.wait_event("logged_in", SOON).unwrap();
    let taken = ["--server", &stage.url(), "--fingerprint", stage.server.fingerprint(), "--register", "--user", "bob"];
    let refused = not_let_in(stage.client("bob").with(&["--password-file", &new]).start_with(&taken).unwrap());
    assert!(refused.contains("bob"), "the name of who was removed stays reserved: {refused}");
}

on_both_databases!(
    an_invitation_makes_an_account_at_the_server_that_it_names,
    an_account_lives_its_life_without_a_window,
);

/// The next event that `wanted` gives something of.
async fn next<T>(events: &mut Receiver<Event>, wanted: impl Fn(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.recv().await.expect("the engine has ended");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("the event did not come")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_before_its_end_for_as_long_as_the_server_allows() {
    const LIFE: Duration = Duration::from_secs(4);
    const LONGEST: Duration = Duration::from_secs(11);
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::in_folder(folder.path());
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    (config.session, config.longest_session) = (LIFE, LONGEST);
    let running = Server::start(config).unwrap();
    let accounts = &running.state.accounts;
    accounts.add("alice", Some(password("alice")), relay::vocabulary::Role::Member, Actor::console()).await.unwrap();
    let options = ConnectOptions {
        server: format!("http://{}", running.address()).parse().unwrap(),
        proxy: ProxyRules::Direct,
        proof: Proof::Fingerprint(running.state.certificate.fingerprint),
        device: "desk".into(),
    };
    let without = DeviceSetup::new(|_| Err(DeviceError::Picture("nobody calls here".into())));
    let (client, mut events) = Client::start(options, without);
    let login = Credentials::Password { user: "alice".into(), password: password("alice") };
    client.give(Ask::LogIn(login)).await.unwrap();
    let logged_in = |event: &Event| match event {
        Event::LoggedIn { session, expires_at, .. } => Some((session.clone(), *expires_at)),
        _ => None,
    };
    let renewed = |event: &Event| match event {
        Event::SessionRenewed { session, expires_at } => Some((session.clone(), *expires_at)),
        Event::Disconnected { reason } => panic!("the link ended: {reason}"),
        _ => None,
    };
    let first = next(&mut events, logged_in).await;
    let mut last = first.clone();
    // Beyond the end of the first one, and of the second.
    while last.1 < first.1 + 2 * LIFE.as_millis() as u64 - 1_000 {
        let next = next(&mut events, renewed).await;
        assert!(next.0 != last.0 && next.1 >= last.1, "{next:?} after {last:?}");
        last = next;
    }
    // The new token is what counts: a new link shows it.
    running.state.delivery.close_all(server::delivery::CloseReason::Overloaded);
    assert_eq!(next(&mut events, logged_in).await, last);
    // At last the server gives no longer life, and says so.
    let ended = next(&mut events, |event| match event {
        Event::Refused { problem, .. } if problem.code == "session_expired" => Some(problem.clone()),
        _ => None,
    });
    assert!(ended.await.detail.to_lowercase().contains("log in again"), "what to do is said");
    client.give(Ask::Quit).await.unwrap();
    client.ended().await;
    running.stop().await;
}

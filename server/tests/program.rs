//! The program itself: processes, signals, kill -9.

mod world;

use serde_json::json;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use world::Https;
use world::postgres::{Engine, Home, on_both};

const PROGRAM: &str = env!("CARGO_BIN_EXE_komado-server");

fn program(home: &Home) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env("KOMADO_DATA", home.folder.path()).env_remove("KOMADO_CONFIG").stdin(Stdio::null());
    match home.url() {
        Some(url) => command.env("KOMADO_DATABASE", url),
        None => command.env_remove("KOMADO_DATABASE"),
    };
    command
}

/// Runs to the end with `input` on standard input.
fn run(home: &Home, arguments: &[&str], input: &str) -> Output {
    let mut child = program(home)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server process; killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
    fingerprint: relay::seal::Fingerprint,
    line: String,
}

impl Process {
    fn start(home: &Home, listen: &str) -> Self {
        let mut child =
            program(home).args(["--listen", listen, "--log", "warn"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let after = |mark: &str| line.split(mark).nth(1).unwrap().split([' ', ',']).next().unwrap().to_owned();
        let address = after("listens on ").parse().unwrap();
        let fingerprint = after("certificate ").parse().unwrap();
        Self { child, address, fingerprint, line }
    }

    async fn https(&self) -> Https {
        Https::over(world::tls(self.address, self.fingerprint, &[b"http/1.1"]).await).await
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _dead_already = self.child.kill();
        self.child.wait().unwrap();
    }
}

fn two_accounts(home: &Home) {
    for name in ["alice", "bob"] {
        let made = run(home, &["user", "add", name, "--password-stdin"], "correct horse\n");
        assert!(made.status.success(), "{}", text(&made.stderr));
    }
}

async fn accounts_are_kept_on_the_command_line(engine: Engine) {
    let home = Home::of(engine);
    two_accounts(&home);
    let file = home.folder.path().join("password");
    std::fs::write(&file, "battery staple\n").unwrap();
    let made = run(&home, &["user", "add", "studio", "--publisher", "--password-file", file.to_str().unwrap()], "");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let list = text(&run(&home, &["user", "list"], "").stdout);
    assert_eq!(list, "1\talice\n2\tbob\n3\tstudio\tprovider\n");
    assert!(run(&home, &["user", "remove", "bob"], "").status.success());
    assert!(run(&home, &["user", "password", "alice", "--password-stdin"], "another one\n").status.success());

    let fails = |arguments: &[&str], input: &str, says: &str| {
        let output = run(&home, arguments, input);
        let message = text(&output.stderr);
        assert!(!output.status.success() && message.contains(says), "{arguments:?}: {message}");
    };
    fails(&["user", "add", "alice", "--password-stdin"], "correct horse\n", "choose another name");
    fails(&["user", "add", "carol", "--password-stdin"], "short\n", "8 characters");
    fails(&["user", "add", "carol", "--password-stdin"], "", "first line");
    fails(&["user", "add", "carol"], "", "--password-stdin");
    fails(&["user", "remove", "nobody"], "", "user list");
    fails(&["--certificate", "a.pem"], "", "--key");
    fails(&["--config", "/nowhere.toml"], "", "/nowhere.toml");
    fails(&["--log", "a=b=c"], "", "--log");
    let shown = run(&home, &["--database", "postgres://u:hunter2@h:port/d"], "");
    let message = text(&shown.stderr);
    assert!(message.contains("postgres://user:password@host/database") && !message.contains("hunter2"), "{message}");
    let help = program(&home).arg("serve").arg("--help").env("KOMADO_DATABASE", "postgres://u:hunter2@h/d").output();
    assert!(!text(&help.unwrap().stdout).contains("hunter2"));
}

async fn everything_is_administered_on_the_command_line(engine: Engine) {
    let home = Home::of(engine);
    two_accounts(&home);
    let works = |arguments: &[&str]| {
        let output = run(&home, arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let fails = |arguments: &[&str], says: &str| {
        let output = run(&home, arguments, "");
        let message = text(&output.stderr);
        assert!(!output.status.success() && message.contains(says), "{arguments:?}: {message}");
    };
    works(&["admin", "user", "role", "alice", "administrator"]);
    works(&["admin", "user", "lock", "bob"]);
    assert_eq!(works(&["user", "list"]), "1\talice\tadministrator\n2\tbob\tlocked\n");
    fails(&["admin", "user", "role", "alice", "king"], "member, provider, moderator, administrator");

    let process = Process::start(&home, "127.0.0.1:0");
    let mut https = process.https().await;
    let invited = works(&["admin", "invite", "add", "--note", "desk", "--public-address", "https://chat.example"]);
    let link: relay::vocabulary::InvitationLink = invited.parse().unwrap();
    assert_eq!((link.url().as_str(), link.fingerprint), ("https://chat.example", process.fingerprint));
    let join = json!({"code": link.code, "user": "carol", "password": "correct horse", "device": "desk"});
    assert_eq!(https.post("/v1/join", join.clone()).await.0, 201);
    works(&["admin", "invite", "add", "--uses", "3", "--hours", "1"]);
    let list = works(&["admin", "invite", "list"]);
    assert_eq!(list.lines().count(), 1, "{list}");
    let number = list.split('\t').next().unwrap();
    works(&["admin", "invite", "remove", number]);
    fails(&["admin", "invite", "remove", number], "invite list");
    fails(&["admin", "invite", "add", "--hours", "0"], "hours");

    let code = works(&["admin", "user", "reset", "carol"]);
    let reset = json!({"user": "carol", "code": code.trim(), "password": "battery staple"});
    assert_eq!(https.post("/v1/reset", reset).await.0, 204);
    let login = json!({"user": "carol", "password": "battery staple", "device": "phone"});
    assert_eq!(https.post("/v1/login", login).await.0, 201);
    let sessions = works(&["admin", "session", "list", "carol"]);
    assert!(sessions.contains("\tphone\t") && sessions.contains("127.0.0.1"), "{sessions}");
    works(&["admin", "session", "end", "carol"]);
    fails(&["admin", "session", "end", "carol"], "session list carol");

    works(&["admin", "grant", "add", "carol", "write", "channel", "lobby"]);
    assert_eq!(works(&["admin", "grant", "list", "carol"]), "write\tchannel\tlobby\n");
    assert!(works(&["admin", "user", "show", "carol"]).contains("write channel lobby"));
    works(&["admin", "grant", "remove", "carol", "channel", "lobby"]);
    fails(&["admin", "grant", "remove", "carol", "channel", "lobby"], "grant list carol");

    https.session = Some(works(&["admin", "token", "add", "carol", "noodle bot"]).trim().to_owned());
    assert_eq!(https.get("/v1/me").await.1["name"], "carol");
    let tokens = works(&["admin", "token", "list", "carol"]);
    assert!(tokens.contains("\tnoodle bot\t") && !tokens.contains(https.session.as_deref().unwrap()), "{tokens}");
    let token = tokens.split('\t').next().unwrap();
    works(&["admin", "token", "revoke", "carol", token]);
    assert_eq!(https.get("/v1/me").await.1["code"], "session_expired");
    fails(&["admin", "token", "revoke", "carol", token], "token list carol");
    https.session = None;

    works(&["admin", "user", "unlock", "bob"]);
    let login = json!({"user": "bob", "password": "correct horse", "device": "desk"});
    assert_eq!(https.post("/v1/login", login).await.0, 201);
    let log = works(&["admin", "log", "--limit", "100"]);
    for said in ["console\taccount.role\talice", "127.0.0.1\taccount.joined\tcarol", "127.0.0.1\tlogin\tbob"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_eq!(works(&["admin", "log", "--limit", "1"]).lines().count(), 1);
}

async fn a_second_server_says_what_is_in_its_way(engine: Engine) {
    let home = Home::of(engine);
    let first = Process::start(&home, "127.0.0.1:0");
    assert!(first.line.contains(home.folder.path().to_str().unwrap()), "{}", first.line);
    let shown = text(&run(&home, &["fingerprint"], "").stdout);
    assert_eq!(shown.trim().parse(), Ok(first.fingerprint));

    let other = Home::of(engine);
    let port = run(&other, &["--listen", &first.address.to_string()], "");
    assert!(!port.status.success() && text(&port.stderr).contains("taken by another program"));
    let data = run(&home, &["--listen", "127.0.0.1:0"], "");
    let message = text(&data.stderr);
    assert!(!data.status.success() && message.contains(&first.child.id().to_string()), "{message}");

    // Accounts can be made while the server runs, and log in at once.
    two_accounts(&home);
    first.https().await.log_in("alice", "desk").await;
}

#[tokio::test]
async fn a_signal_ends_it_well() {
    let home = Home::of(Engine::Sqlite);
    let mut process = Process::start(&home, "127.0.0.1:0");
    let mut kept = process.https().await;
    assert_eq!(kept.get("/v1/health").await.0, 200);
    process.signal("-TERM");
    let deadline = Instant::now() + Duration::from_secs(12);
    let status = loop {
        if let Some(status) = process.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it did not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(status.success(), "{status}");
    let mut rest = String::new();
    if let Some(mut out) = process.child.stdout.take() {
        out.read_to_string(&mut rest).unwrap();
    }
    assert_eq!(rest, "");
}

async fn what_was_acknowledged_survives_kill_9(engine: Engine) {
    const ENOUGH: usize = 200;
    let home = Home::of(engine);
    two_accounts(&home);
    let process = Process::start(&home, "127.0.0.1:0");
    let mut alice = process.https().await;
    alice.log_in("alice", "desk").await;
    let chat = alice.post("/v1/chats", json!({"with": "bob"})).await.1["id"].clone();
    let path = format!("/v1/chats/{chat}/messages");
    // Eight connections send as fast as they can, until nobody answers any more.
    let (acknowledged, mut acknowledgements) = mpsc::channel(1);
    for sender in 0..8 {
        let (mut https, path, acknowledged) = (process.https().await, path.clone(), acknowledged.clone());
        https.session = alice.session.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let key = format!("{sender}-{n}");
                let body = json!({"text": "under load", "key": key}).to_string().into();
                match https.try_send("POST", &path, body).await {
                    Ok((201, body)) => {
                        if acknowledged.send((body["sequence"].as_u64().unwrap(), key)).await.is_err() {
                            return;
                        }
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => return,
                }
            }
        });
    }
    drop(acknowledged);
    let mut kept = Vec::new();
    while kept.len() < ENOUGH {
        kept.push(acknowledgements.recv().await.unwrap());
    }
    process.signal("-KILL");
    while let Some(late) = acknowledgements.recv().await {
        kept.push(late);
    }
    drop(process);

    let process = Process::start(&home, "127.0.0.1:0");
    let mut again = process.https().await;
    again.session = alice.session;
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let (status, page) = again.get(&format!("{path}?after={after}")).await;
        assert_eq!(status, 200, "{page}");
        for message in page["messages"].as_array().unwrap() {
            after = message["sequence"].as_u64().unwrap();
            found.push((after, message["key"].as_str().unwrap().to_owned()));
        }
        if page["more"] == false {
            break;
        }
    }
    let keys: HashSet<_> = found.iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), found.len(), "a message is there twice");
    assert!(found.iter().map(|(sequence, _)| *sequence).eq(1..=found.len() as u64), "a gap");
    let found: HashSet<_> = found.into_iter().collect();
    assert!(kept.iter().all(|message| found.contains(message)), "an acknowledged message is lost");
    // Whoever got no answer sends again, and nothing is there twice.
    let (sequence, key) = kept[0].clone();
    let (status, repeated) = again.post(&path, json!({"text": "under load", "key": key})).await;
    assert_eq!((status, &repeated["sequence"]), (201, &json!(sequence)));
}

on_both!(
    accounts_are_kept_on_the_command_line,
    everything_is_administered_on_the_command_line,
    a_second_server_says_what_is_in_its_way,
    what_was_acknowledged_survives_kill_9,
);

//! What is promised of chats, held against real programs: clients that write all the time while links are cut, and
//! server and clients killed at any moment. Lost, doubled, reordered: none.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use komado_tests::chance::Chance;
use komado_tests::chat_checker::{Observation, Promise, Seen, judge};
use komado_tests::cutter::Cutter;
use komado_tests::on_both_databases;
use komado_tests::postgres::Engine;
use komado_tests::program::Program;
use komado_tests::stage::Stage;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);
/// After all is calm, everything must have arrived within this time.
const SETTLED: Duration = Duration::from_secs(90);

const SERVER: &str = "10.99.0.2:80";
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
/// A second device of one of them.
const DEVICES: [(&str, &str); 7] = [
    ("alice", "desk"),
    ("bob", "desk"),
    ("carol", "desk"),
    ("dave", "desk"),
    ("erin", "desk"),
    ("alice", "laptop"),
    ("bob", "laptop"),
];

/// A device, run after run.
struct Device {
    person: &'static str,
    name: &'static str,
    cutter: Cutter,
    program: Program,
    /// What was asked to be said in this run.
    said: usize,
    past: Vec<Vec<Value>>,
}

fn client(stage: &Stage, person: &str, device: &str, url: &str) -> Program {
    let client = stage.client(person).device(device).by(url).log("warn");
    client.with(&["--accept-chats"]).start().unwrap()
}

impl Device {
    fn start(stage: &Stage, number: usize, chance: &mut Chance) -> Self {
        let (person, name) = DEVICES[number];
        let listen = format!("127.0.0.1:{}", 9000 + number).parse().unwrap();
        let cutter = Cutter::start(&stage.namespace, listen, SERVER.parse().unwrap(), chance.part()).unwrap();
        let program = client(stage, person, name, &format!("http://{}", cutter.address()));
        Self { person, name, cutter, program, said: 0, past: Vec::new() }
    }

    fn events(&self) -> Vec<Value> {
        self.program.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Kills it as a crash would, and starts it anew.
    fn kill(&mut self, stage: &Stage) {
        self.program.kill().unwrap();
        self.past.push(self.events());
        self.said = 0;
        self.program = client(stage, self.person, self.name, &format!("http://{}", self.cutter.address()));
    }
}

/// What a run of a device saw, and what it was promised; `me` is the account's number.
fn observed(device: &str, events: &[Value], complete: bool) -> (Observation, Vec<Promise>) {
    let me =
        events.iter().find(|event| event["event"] == "logged_in").map_or(0, |event| number(&event["account"]["id"]));
    let mut seen = Vec::new();
    let mut promises = Vec::new();
    for event in events {
        match event["event"].as_str() {
            Some("message") => seen.push(Seen {
                chat: number(&event["chat"]),
                sequence: number(&event["message"]["sequence"]),
                from: number(&event["message"]["from"]["id"]),
                key: event["message"]["key"].as_str().unwrap_or_default().to_owned(),
            }),
            Some("stored") => promises.push(Promise {
                chat: number(&event["chat"]),
                from: me,
                key: event["key"].as_str().unwrap_or_default().to_owned(),
                sequence: number(&event["sequence"]),
            }),
            _ => {}
        }
    }
    (Observation { device: device.to_owned(), seen, complete }, promises)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// How much of what happened during a run.
#[derive(Debug, Default)]
struct Trouble {
    server_kills: u32,
    /// Of PostgreSQL, all its processes.
    database_kills: u32,
    client_kills: u32,
    cuts: u64,
    unplugged: u32,
}

/// Lets everybody write for `duration` while everything goes wrong; then judges.
fn run(engine: Engine, duration: Duration) {
    let mut chance = Chance::of_the_moment();
    let mut stage = Stage::set(engine, &PEOPLE, &["--log", "warn"]).unwrap();
    let mut devices: Vec<Device> =
        (0..DEVICES.len()).map(|number| Device::start(&stage, number, &mut chance)).collect();
    for device in &devices {
        device.program.wait_event("logged_in", SOON).unwrap();
    }
    devices[0].program.say("group-chat bob,carol,dave,erin everybody").unwrap();
    let mine = |event: &Value| event["event"] == "chat_opened" && event["chat"]["role"] == "owner";
    let everybody = number(&devices[0].program.wait_for("the group", SOON, mine).unwrap()["chat"]["id"]);
    devices[1].program.say("group-chat carol,dave some").unwrap();
    let some = number(&devices[1].program.wait_for("the other group", SOON, mine).unwrap()["chat"]["id"]);
    for device in &devices[1..] {
        let chats: &[u64] =
            if matches!(device.person, "bob" | "carol" | "dave") { &[everybody, some] } else { &[everybody] };
        let joined = |event: &Value| {
            event["event"] == "message"
                && event["message"]["notice"]["kind"] == "joined"
                && chats.contains(&number(&event["chat"]))
        };
        device.program.wait_for("somebody who joins", SOON, joined).unwrap();
    }

    let mut trouble = Trouble::default();
    let began = Instant::now();
    let (mut next_trouble, mut plugs): (Instant, HashMap<usize, Instant>) =
        (began + Duration::from_secs(1), HashMap::new());
    let mut line = 0;
    while began.elapsed() < duration {
        let at = chance.below(devices.len() as u64) as usize;
        let device = &mut devices[at];
        let both = matches!(device.person, "bob" | "carol" | "dave");
        let chat = if both && chance.one_in(3) { some } else { everybody };
        line += 1;
        let words = match chance.below(8) {
            0 => format!("react {chat} {} 👍", 1 + chance.below(40)),
            _ => format!("say {chat} line {line} of {}", device.person),
        };
        device.program.say(&words).unwrap();
        device.said += 1;
        std::thread::sleep(Duration::from_millis(10 + chance.below(60)));
        plugs.retain(|at, until| {
            let due = Instant::now() >= *until;
            if due {
                devices[*at].cutter.plug();
            }
            !due
        });
        if Instant::now() < next_trouble {
            continue;
        }
        next_trouble = Instant::now() + Duration::from_millis(200 + chance.below(1500));
        let at = chance.below(devices.len() as u64) as usize;
        match chance.below(10) {
            0..=1 => {
                stage.server.kill().unwrap();
                std::thread::sleep(Duration::from_millis(chance.below(800)));
                stage.server.restart().unwrap();
                trouble.server_kills += 1;
            }
            2 => {
                devices[at].kill(&stage);
                trouble.client_kills += 1;
            }
            3 if stage.cluster.is_some() => {
                let cluster = stage.cluster.as_mut().unwrap();
                cluster.end();
                std::thread::sleep(Duration::from_millis(chance.below(800)));
                cluster.run();
                trouble.database_kills += 1;
            }
            3..=4 => {
                devices[at].cutter.unplug();
                plugs.insert(at, Instant::now() + Duration::from_millis(chance.below(4000)));
                trouble.unplugged += 1;
            }
            _ => devices[at].cutter.cut(),
        }
    }
    trouble.cuts = devices.iter().map(|device| device.cutter.cuts()).sum();
    devices.iter().for_each(|device| device.cutter.calm_down());
    settle(&mut devices, &[everybody, some]);

    let mut observations = Vec::new();
    let mut promises = Vec::new();
    for device in &devices {
        let name = format!("{}'s {}", device.person, device.name);
        let runs = device.past.iter().map(|events| (events.clone(), false)).chain([(device.events(), true)]);
        for (events, complete) in runs {
            let (observation, promised) = observed(&name, &events, complete);
            observations.push(observation);
            promises.extend(promised);
        }
    }
    let verdict = judge(&observations, &promises);
    println!("{engine:?}: {trouble:?}; {} promises; {verdict}", promises.len());
    assert!(verdict.is_clean(), "{trouble:?}; {verdict}");
    assert!(promises.len() > 50 && trouble.server_kills > 0 && trouble.cuts > 0, "{trouble:?}: nothing went wrong");
}

/// A refusal of a line that is not asked for once more.
fn is_last_word(refusal: &Value) -> bool {
    refusal["command"] == "say" && refusal["problem"]["retry_after_ms"].is_null()
}

/// Waits until everything that was said is stored or refused, and everybody has seen the end.
fn settle(devices: &mut [Device], chats: &[u64]) {
    let answered = |event: &Value| event["event"] == "stored" || event["event"] == "refused" && is_last_word(event);
    for device in &*devices {
        for line in 1..=device.said {
            let what = format!("an answer to line {line} of {}", device.said);
            device.program.wait_for(&what, SETTLED, answered).unwrap();
        }
    }
    for chat in chats {
        devices[1].program.say(&format!("say {chat} the end")).unwrap();
    }
    for device in &*devices {
        let both = matches!(device.person, "bob" | "carol" | "dave");
        for _ in if both { chats } else { &chats[..1] } {
            let end = |event: &Value| event["event"] == "message" && event["message"]["text"] == "the end";
            device.program.wait_for("the end", SETTLED, end).unwrap();
        }
    }
}

fn nothing_is_lost_doubled_or_reordered_while_links_are_cut_and_the_server_is_killed(engine: Engine) {
    run(engine, Duration::from_secs(30));
}

on_both_databases!(nothing_is_lost_doubled_or_reordered_while_links_are_cut_and_the_server_is_killed);

#[test]
#[ignore = "takes more than ten minutes: scripts/test.sh --soak runs it"]
fn nothing_is_lost_doubled_or_reordered_for_ten_minutes() {
    run(Engine::Sqlite, Duration::from_secs(630));
}

#[test]
#[ignore = "takes more than ten minutes: scripts/test.sh --soak runs it"]
fn nothing_is_lost_doubled_or_reordered_for_ten_minutes_on_postgres() {
    run(Engine::Postgres, Duration::from_secs(630));
}

//! Two real windows that call, chat and idle in turns for an hour: neither memory nor threads nor open files may grow.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use komado_tests::desk_stage::DeskStage;
use komado_tests::desktop::Desktop;
use komado_tests::program::Program;

const SOON: Duration = Duration::from_secs(60);

/// How long each turn talks, and does nothing.
const TALK: Duration = Duration::from_secs(30);
const REST: Duration = Duration::from_secs(20);

/// Of memory, after the warm-up.
const GROWTH: f64 = 0.05;

/// What a chat's head is drawn with where it acts: its call buttons.
const ACCENT: [u8; 3] = [47, 79, 130];

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Bytes resident.
    memory: u64,
    threads: usize,
    files: usize,
}

fn held(program: &Program) -> Held {
    let process = Path::new("/proc").join(program.id().to_string());
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024;
    let count = |folder: &str| std::fs::read_dir(process.join(folder)).unwrap().count();
    Held { memory, threads: count("task"), files: count("fd") }
}

#[test]
#[ignore = "takes an hour, or KOMADO_SOAK_MINUTES: scripts/test.sh --soak runs it"]
fn two_windows_stay_as_small_as_they_were() {
    let minutes = std::env::var("KOMADO_SOAK_MINUTES").map_or(60, |minutes| minutes.parse::<u64>().unwrap());
    let stage = DeskStage::set().unwrap();
    let desktop = &stage.desktop;
    acquaint(&stage);
    let more = ["--microphone", "tone", "--speaker", "none", "--frame-rate", "15"].map(str::to_owned);
    let window = |name: &str| {
        let arguments = [stage.person(name, "320x180"), stage.proof(), more.to_vec()].concat();
        stage.window(name, arguments).unwrap()
    };
    let (window_of_alice, main_of_alice) = (window("alice"), desktop.window("Komado").unwrap());
    let (window_of_bob, main_of_bob) = (window("bob"), desktop.another_window("Komado", &main_of_alice).unwrap());
    let (alice, bob) = (("alice", window_of_alice), ("bob", window_of_bob));
    for (name, other) in [("alice", "bob"), ("bob", "alice")] {
        let link = format!("komado://10.99.0.2/chat/{other}");
        stage.window("a link", ["--home", &stage.place(name), &link]).unwrap().wait_success(SOON).unwrap();
    }
    let chat_of_alice = desktop.window("bob").unwrap();
    let chat_of_bob = desktop.window("alice").unwrap();

    let until = Instant::now() + Duration::from_secs(minutes * 60);
    let mut seen: [Vec<Held>; 2] = [Vec::new(), Vec::new()];
    while Instant::now() < until {
        let turn = seen[0].len();
        call(desktop, &chat_of_alice, &main_of_bob);
        std::thread::sleep(TALK);
        hang_up(desktop, &chat_of_alice);
        for chat in [&chat_of_alice, &chat_of_bob] {
            desktop.activate(chat).unwrap();
            for line in 0..5 {
                desktop.write(&format!("Line {line} of turn {turn}")).unwrap();
                desktop.key("Return").unwrap();
            }
        }
        std::thread::sleep(REST);
        for (seen, (name, program)) in seen.iter_mut().zip([&alice, &bob]) {
            let held = held(program);
            println!("turn {turn}, {name}: {held:?}");
            seen.push(held);
        }
    }
    for (seen, (name, _)) in seen.iter().zip([&alice, &bob]) {
        assert_flat(name, seen);
    }
}

/// Makes both contacts of each other.
fn acquaint(stage: &DeskStage) {
    let mut bob = stage.headless("bob", "320x180", &["--accept-contacts"]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice = stage.headless("alice", "320x180", &[]).unwrap();
    alice.wait_event("logged_in", SOON).unwrap();
    alice.say("contact add bob It is me").unwrap();
    alice.wait_event("contact_added", SOON).unwrap();
    for program in [&mut alice, &mut bob] {
        program.say("quit").unwrap();
        program.wait_success(SOON).unwrap();
    }
}

/// Calls from a chat's window, and takes the call in the other's main window.
fn call(desktop: &Desktop, chat: &str, other: &str) {
    desktop.activate(chat).unwrap();
    let place = desktop.place(chat).unwrap();
    let mut button = None;
    desktop
        .until("the call buttons", |desktop| {
            let screen = desktop.screenshot()?;
            // In the head, right of the name; the rightmost of them is the one with picture.
            let across = (place.x + place.width / 2..place.x + place.width).rev();
            let down = || place.y + 10..place.y + 46;
            let near = |x: usize, y: usize| screen.pixel(x, y).iter().zip(ACCENT).all(|(a, b)| a.abs_diff(b) < 12);
            button = across.flat_map(|x| down().map(move |y| (x, y))).find(|(x, y)| near(*x, *y));
            Ok(button.is_some())
        })
        .unwrap();
    let (x, y) = button.unwrap();
    desktop.click(x - 4, y).unwrap();
    // While it rings it can be taken; a chat's window shows a bar in every state of a call.
    desktop.until("a call", |desktop| has_bar(desktop, chat)).unwrap();
    desktop.activate(other).unwrap();
    desktop.key("Return").unwrap();
}

/// The button at the right of the bar in the chat's window.
fn hang_up(desktop: &Desktop, chat: &str) {
    desktop.activate(chat).unwrap();
    let place = desktop.place(chat).unwrap();
    desktop.click(place.x + place.width - 42, place.y + 75).unwrap();
    desktop.until("the end of the call", |desktop| Ok(!has_bar(desktop, chat)?)).unwrap();
}

fn has_bar(desktop: &Desktop, chat: &str) -> Result<bool, komado_tests::failure::RigError> {
    const BAR: [u8; 3] = [46, 120, 86];
    let (place, screen) = (desktop.place(chat)?, desktop.screenshot()?);
    Ok(screen.pixel(place.x + 4, place.y + 75).iter().zip(BAR).all(|(a, b)| a.abs_diff(b) < 4))
}

/// Compares the last third with the one after the warm-up.
fn assert_flat(name: &str, seen: &[Held]) {
    let third = seen.len() / 3;
    assert!(third > 0, "{name}: {} turns are too few to tell", seen.len());
    let (then, now) = (&seen[third..2 * third], &seen[seen.len() - third..]);
    let median = |part: &[Held], what: fn(&Held) -> u64| {
        let mut values: Vec<u64> = part.iter().map(what).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let (before, after) = (median(then, |held| held.memory), median(now, |held| held.memory));
    let growth = after as f64 / before as f64 - 1.0;
    println!("{name}: memory {before} to {after} bytes, {:+.1} %", growth * 100.0);
    assert!(growth < GROWTH, "{name}'s window grew by {:.1} %: {seen:?}", growth * 100.0);
    for (what, count) in
        [("threads", (|held| held.threads as u64) as fn(&Held) -> u64), ("files", |held| held.files as u64)]
    {
        let (before, after) = (median(then, count), median(now, count));
        assert!(after <= before, "{name}'s window has {after} {what} instead of {before}: {seen:?}");
    }
}

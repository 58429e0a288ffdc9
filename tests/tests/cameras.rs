//! Calls with a camera as the system has them, through its own interface for cameras: what it shows arrives, it can be
//! unplugged and plugged in again, and where there is none, or none for us, a person hears why.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use komado_tests::postgres::Engine;
use komado_tests::program::Program;
use komado_tests::stage::{Client, Stage};
use komado_tests::virtual_camera::{Layout, VirtualCamera};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

/// A picture with hard edges, soft ramps and all colours, one second of it.
const SOURCE: [&str; 6] =
    ["-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30:duration=1,trim=end_frame=1", "-frames:v", "30"];

fn stage() -> Stage {
    Stage::set(Engine::Sqlite, &["alice", "bob"], &[]).unwrap()
}

/// A client that sees by the camera.
fn seeing<'a>(stage: &'a Stage, name: &str, camera: &'a VirtualCamera, source: &str) -> Client<'a> {
    let quality = ["--video-kbps", "2000", "--microphone", "tone"];
    stage.client(name).with(&quality).with(&["--camera", source]).seeing(camera.environment())
}

fn wait_camera(person: &Program, state: &str) {
    let so = |event: &Value| event["event"] == "call_report" && event["report"]["video"]["camera"] == state;
    person.wait_for(&format!("a camera that is {state}"), SOON, so).unwrap();
}

fn newest(folder: &str) -> Option<PathBuf> {
    let all = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    all.filter(|path| path.extension().is_some_and(|extension| extension == "png")).max()
}

/// How alike two pictures are, as peak signal to noise ratio in decibels.
fn likeness(one: &Path, source: &[&str]) -> f64 {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.arg("-i").arg(one).args(source).args(["-frames:v", "1"]);
    ffmpeg.args([
        "-lavfi",
        "[0]scale=1280:720,format=rgb24[a];[1]scale=1280:720,format=rgb24[b];[a][b]psnr",
        "-f",
        "null",
        "-",
    ]);
    let said = String::from_utf8_lossy(&ffmpeg.output().unwrap().stderr).into_owned();
    let (_, rest) = said.rsplit_once("average:").unwrap_or_else(|| panic!("{said}"));
    rest.split_whitespace().next().unwrap().parse().unwrap_or(f64::INFINITY)
}

/// Waits until the other side sees the camera's picture.
fn wait_likeness(seen: &str) {
    let deadline = std::time::Instant::now() + SOON;
    let mut best = 0.0_f64;
    while best < 28.0 {
        assert!(std::time::Instant::now() < deadline, "the nearest snapshot has {best:.1} dB");
        std::thread::sleep(Duration::from_millis(100));
        best = newest(seen).map_or(0.0, |picture| likeness(&picture, &SOURCE[..4]));
    }
}

fn what_a_camera_shows_arrives_at_the_other_side(layout: Layout) {
    let stage = stage();
    let camera = VirtualCamera::new("Virtual Camera", &SOURCE, (1280, 720), layout).unwrap();
    let (seen, arrivals) = (stage.place("seen"), stage.place("arrivals.csv"));
    let watches = ["--answer", "--snapshots", &seen, "--snapshot-every", "0.5", "--arrivals", &arrivals];
    let mut bob = stage.client("bob").with(&watches).start().unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let mut alice =
        seeing(&stage, "alice", &camera, "device:Virtual").with(&["--with", "bob", "--call"]).start().unwrap();
    alice.wait_event("call_accepted", SOON).unwrap();
    wait_likeness(&seen);
    let rate = |event: &Value| event["event"] == "call_report" && event["report"]["video"]["sent"].as_u64() > Some(60);
    let report = alice.wait_for("two seconds of pictures", SOON, rate).unwrap()["report"]["video"].clone();
    assert_eq!((report["sent_width"].as_u64(), report["sent_height"].as_u64()), (Some(1280), Some(720)));

    // Unplugged, the call goes on with a test picture; plugged in again, the camera serves again.
    camera.unplug().unwrap();
    wait_camera(&alice, "absent");
    camera.plug().unwrap();
    wait_camera(&alice, "fine");
    let before = newest(&seen).unwrap();
    let deadline = std::time::Instant::now() + SOON;
    while newest(&seen).unwrap() <= before {
        assert!(std::time::Instant::now() < deadline, "no snapshot comes any more");
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_likeness(&seen);
    for one in [&mut alice, &mut bob] {
        one.say("quit").unwrap();
        one.wait_success(SOON).unwrap();
    }
    let gap = longest_gap(Path::new(&arrivals));
    println!("{gap:?} without a picture at most, while the camera went and came");
    assert!(gap < Duration::from_secs(1), "{gap:?}");
}

/// The longest time between two pictures, by the clock of who captured them.
fn longest_gap(arrivals: &Path) -> Duration {
    let text = std::fs::read_to_string(arrivals).unwrap();
    let videos = text.lines().filter_map(|line| line.strip_prefix("video,"));
    let mut times: Vec<u64> = videos.map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    times.sort_unstable();
    Duration::from_micros(times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap())
}

#[test]
fn what_a_raw_camera_shows_arrives_at_the_other_side() {
    what_a_camera_shows_arrives_at_the_other_side(Layout::Yuyv);
}

#[test]
fn what_a_compressing_camera_shows_arrives_at_the_other_side() {
    what_a_camera_shows_arrives_at_the_other_side(Layout::Mjpeg);
}

#[test]
fn a_camera_that_cannot_be_had_says_why() {
    let stage = stage();
    let camera = VirtualCamera::new("Virtual Camera", &SOURCE, (640, 480), Layout::Yuyv).unwrap();
    let refused = |source: &str| {
        let mut client = seeing(&stage, "alice", &camera, source).start().unwrap();
        assert!(!client.wait_end(SOON).unwrap().success());
        client.log()
    };
    let unknown = refused("device:Telescope");
    assert!(unknown.contains("there is no camera named \"Telescope\"; there are: Virtual Camera"), "{unknown}");
    camera.busy(true).unwrap();
    let busy = refused("device");
    assert!(busy.contains("the camera is used by another program: close that one"), "{busy}");
    camera.busy(false).unwrap();
    camera.forbidden(true).unwrap();
    let forbidden = refused("device");
    assert!(forbidden.contains("does not let this program use the camera: allow it"), "{forbidden}");
    camera.forbidden(false).unwrap();
    camera.unplug().unwrap();
    let absent = refused("device");
    assert!(absent.contains("this computer has no camera: connect one"), "{absent}");
}

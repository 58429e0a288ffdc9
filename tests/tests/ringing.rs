//! What is heard outside of talking, on a real sound system: a call rings at the one who is called, softly at the one who
//! calls, at nobody once it is declined; a new line makes a short sound.
#![cfg(target_os = "linux")]

#[path = "../../client/tests/sound_system/mod.rs"]
mod sound_system;

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use komado_tests::desk_stage::DeskStage;
use sound_system::{PulseAudio, amplitude, null_sink};

const SOON: Duration = Duration::from_secs(60);

const RATE: usize = 48_000;

/// The last note of a call that comes in, the first one of a call that rings elsewhere, the last one of a new line.
const INCOMING: f32 = 987.8;
const RINGBACK: f32 = 440.0;
const LINE: f32 = 880.0;

/// Sound is looked at in pieces of 50 ms.
const PIECE: usize = RATE / 20;

/// Everything that a sink plays, from the beginning.
struct Recording {
    sound: Arc<Mutex<Vec<f32>>>,
    recorder: Child,
}

impl Recording {
    fn of(sink: &str) -> Self {
        let mut recorder = Command::new("parec")
            .args(["--raw", "--format=float32le", "--rate=48000", "--channels=1", "--latency-msec=20"])
            .arg(format!("--device={sink}.monitor"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("parec is installed (scripts/prerequisites.sh tests)");
        let mut heard = recorder.stdout.take().unwrap();
        let sound = Arc::new(Mutex::new(Vec::new()));
        let kept = sound.clone();
        std::thread::spawn(move || {
            let mut piece = vec![0; 4 * PIECE];
            while heard.read_exact(&mut piece).is_ok() {
                let samples = piece.chunks_exact(4).map(|sample| f32::from_le_bytes(sample.try_into().unwrap()));
                kept.lock().unwrap().extend(samples);
            }
        });
        Self { sound, recorder }
    }

    fn length(&self) -> usize {
        self.sound.lock().unwrap().len()
    }

    /// Samples, from one on.
    fn since(&self, begin: usize) -> Vec<f32> {
        self.sound.lock().unwrap()[begin..].to_vec()
    }

    /// Waits until what is heard from a sample on is as wanted.
    fn until(&self, what: &str, begin: usize, so: impl Fn(&[f32]) -> bool) {
        let deadline = Instant::now() + SOON;
        while !so(&self.since(begin)) {
            assert!(Instant::now() < deadline, "{what} is not heard");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Err(error) = self.recorder.kill().and_then(|()| self.recorder.wait()) {
            eprintln!("a recording could not be ended: {error}");
        }
    }
}

/// Where a note is struck, in samples: it is loud in a piece and in none of the four before.
fn struck(sound: &[f32], hertz: f32, least: f32) -> Vec<usize> {
    let loud: Vec<bool> = sound.chunks_exact(PIECE).map(|piece| amplitude(piece, hertz) > least).collect();
    let begins = (4..loud.len()).filter(|&at| loud[at] && !loud[at - 4..at].contains(&true));
    begins.map(|at| at * PIECE).collect()
}

/// Whether it is struck again after so many seconds.
fn comes_again(sound: &[f32], hertz: f32, least: f32, seconds: f32) -> bool {
    let apart = |pair: &[usize]| (pair[1] - pair[0]) as f32 / RATE as f32;
    struck(sound, hertz, least).windows(2).any(|pair| (apart(pair) - seconds).abs() < 0.2)
}

#[test]
fn a_call_rings_at_both_ends_until_it_is_declined_and_a_line_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    // The sound system and what records it go before all that is in no hurry; the windows do not.
    let starting = std::thread::spawn(move || {
        sound_system::before_others();
        let sound_system = PulseAudio::start(&place, &(null_sink("hall", "Hall") + &null_sink("attic", "Attic")));
        (sound_system, Recording::of("hall"), Recording::of("attic"))
    });
    let (_sound_system, hall, attic) = starting.join().unwrap();
    let stage = DeskStage::set().unwrap();
    let mut bob = stage.headless("bob", "320x180", &[]).unwrap();
    bob.wait_event("logged_in", SOON).unwrap();
    let place = stage.place("bob's desk");
    let desk = ["--home", &place, "--microphone", "tone", "--speaker", "device:Attic"].map(str::to_owned);
    let mut bobs = [stage.person("bob", "320x180"), stage.proof()].concat();
    let home = bobs.iter().position(|argument| argument == "--home").unwrap();
    bobs.drain(home..home + 2);
    let mut bobs = stage.window("bob's window", [bobs, desk.to_vec()].concat()).unwrap();
    stage.desktop.window("Komado").unwrap();
    let alice = ["--microphone", "tone", "--speaker", "device:Hall", "--with", "bob", "--call"].map(str::to_owned);
    let alice = [stage.person("alice", "320x180"), stage.proof(), alice.to_vec()].concat();
    let mut alice = stage.window("alice's window", alice).unwrap();

    let call = bob.wait_event("call_invited", SOON).unwrap()["call"].clone();
    attic.until("the call", 0, |sound| comes_again(sound, INCOMING, 0.1, 2.4));
    hall.until("that it rings there", 0, |sound| comes_again(sound, RINGBACK, 0.05, 3.0));
    assert!(struck(&hall.since(0), INCOMING, 0.02).is_empty(), "the caller hears what only the called is to hear");
    assert!(struck(&attic.since(0), RINGBACK, 0.02).is_empty());

    bob.say("decline").unwrap();
    bob.wait_event("call_declined", SOON).unwrap();
    for (who, heard) in [("bob", &attic), ("alice", &hall)] {
        // Longer than the pause of either tune.
        let quiet = |sound: &[f32]| sound.len() > 4 * RATE;
        let begin = heard.length() + 2 * RATE;
        heard.until("the silence", heard.length(), |sound| sound.len() > 2 * RATE);
        heard.until("the silence", begin, quiet);
        let loudest = heard.since(begin).iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest < 0.01, "{who} hears {loudest} after the call was declined");
    }

    // One window is left, and it does not look at the chat.
    bobs.kill().unwrap();
    drop(bobs);
    let main = stage.desktop.window("Komado.*").unwrap();
    stage.desktop.activate(&main).unwrap();
    let begin = hall.length();
    bob.say(&format!("say {} Another time, please", call["chat"])).unwrap();
    hall.until("a new line", begin, |sound| sound.chunks_exact(PIECE).any(|piece| amplitude(piece, LINE) > 0.03));
    assert!(struck(&hall.since(begin), INCOMING, 0.02).is_empty());
    assert!(alice.is_running(), "{}", alice.log());
}

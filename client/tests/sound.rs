//! A real sound system (PulseAudio with a sink into nothing): what the speaker plays, the microphone hears.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use client::{
    device::{BLOCK, DeviceError, Microphone, Played, SoundMicrophone, SoundSpeaker, Speaker},
    link::Clock,
};

/// A sound system of its own, in a folder. Dropping it ends it.
struct PulseAudio(Child);

impl PulseAudio {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("native");
        let script = folder.join("default.pa");
        let mut file = std::fs::File::create(&script).unwrap();
        writeln!(
            file,
            "load-module module-null-sink sink_name=hall rate=48000 channels=2 sink_properties=device.description=Hall\n\
             load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
             set-default-sink hall\nset-default-source hall.monitor",
            socket.display()
        )
        .unwrap();
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"])
            .args(["--realtime=no", "--high-priority=no", "-F"])
            .arg(&script)
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .env("PULSE_RUNTIME_PATH", folder)
            .env("PULSE_STATE_PATH", folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed (scripts/prerequisites.sh tests)");
        // SAFETY: the one test of this program, before it has any thread that looks at the environment.
        unsafe {
            std::env::set_var("PULSE_SERVER", format!("unix:{}", socket.display()));
            std::env::set_var("PULSE_COOKIE", folder.join("cookie"));
        }
        let until = Instant::now() + Duration::from_secs(20);
        while !pactl(&["info"]) {
            assert!(Instant::now() < until, "PulseAudio does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(child)
    }
}

impl Drop for PulseAudio {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("PulseAudio could not be ended: {error}");
        }
    }
}

fn pactl(arguments: &[&str]) -> bool {
    Command::new("pactl").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// How much of `block` is a tone of this frequency: its amplitude.
fn amplitude(sound: &[f32], hertz: f32) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in sound.iter().enumerate() {
        let (sine, cosine) = (std::f32::consts::TAU * hertz * at as f32 / 48_000.0).sin_cos();
        real += sample * cosine;
        imaginary += sample * sine;
    }
    2.0 * (real * real + imaginary * imaginary).sqrt() / sound.len() as f32
}

#[test]
fn what_the_speaker_plays_the_microphone_hears_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let _sound_system = PulseAudio::start(folder.path());
    let clock = Clock::start();
    let unknown = SoundMicrophone::open("no such thing", clock).err().unwrap();
    assert!(matches!(&unknown, DeviceError::UnknownSound { known, .. } if known.contains("Hall")), "{unknown}");

    let mut speaker = SoundSpeaker::open("Hall", clock).unwrap();
    let mut microphone = SoundMicrophone::open("", clock).unwrap();
    let player = std::thread::spawn(move || {
        for number in 0..200 {
            let at = speaker.wait();
            let block: [f32; BLOCK] = std::array::from_fn(|sample| {
                0.4 * (std::f32::consts::TAU * 600.0 * (number * BLOCK + sample) as f32 / 48_000.0).sin()
            });
            speaker.play(&Played { block: &block, media_time: None, at }).unwrap();
        }
    });
    let began = clock.now();
    let (mut heard, mut times) = (Vec::new(), Vec::new());
    let mut block = [0.0; BLOCK];
    for _ in 0..200 {
        times.push(microphone.capture(&mut block).unwrap().unwrap());
        heard.extend_from_slice(&block);
    }
    let took = clock.now() - began;
    player.join().unwrap();
    // Two seconds of sound come in two seconds, and each block is younger than the one before.
    assert!((1_500_000..4_000_000).contains(&took), "{took} µs");
    assert!(times.windows(2).filter(|pair| pair[1] <= pair[0]).count() < 20, "{times:?}");
    let second = &heard[heard.len() / 2..];
    let tenths: Vec<f32> = second.chunks_exact(4_800).map(|tenth| amplitude(tenth, 600.0)).collect();
    let clean = tenths.iter().filter(|loud| (0.3..0.5).contains(*loud)).count();
    assert!(clean >= 7, "{tenths:?}");
    assert!(amplitude(second, 1_700.0) < 0.05);
}

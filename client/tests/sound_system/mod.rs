//! A sound system for tests: PulseAudio with sinks into nothing, whose monitors hear what they are given.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Whatever this thread starts from now on, programs too, runs before all that is in no hurry, as a sound system's own
/// threads do; if the system allows it.
pub fn before_others() {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: the pointer is to a value that lives longer than the call.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &priority) } != 0 {
        eprintln!("no priority is given: {}", std::io::Error::last_os_error());
    }
}

/// A sound system of its own, in a folder. Dropping it ends it.
pub struct PulseAudio(Child);

impl PulseAudio {
    /// Starts it with what `script` loads (commands of its `default.pa`).
    pub fn start(folder: &Path, load: &str) -> Self {
        let socket = folder.join("native");
        let script = folder.join("default.pa");
        let mut file = std::fs::File::create(&script).unwrap();
        writeln!(file, "{load}\nload-module module-native-protocol-unix socket={} auth-anonymous=1", socket.display())
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
        // SAFETY: each program that starts one has one test, and this comes it has any thread that looks at the environment.
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

/// Whether a command to it succeeds.
pub fn pactl(arguments: &[&str]) -> bool {
    Command::new("pactl").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A sink into nothing with this name, and this description for people.
pub fn null_sink(name: &str, description: &str) -> String {
    format!(
        "load-module module-null-sink sink_name={name} rate=48000 channels=2 sink_properties=device.description={description}\n"
    )
}

/// How much of `block` is a tone of this frequency: its amplitude.
pub fn amplitude(sound: &[f32], hertz: f32) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in sound.iter().enumerate() {
        let (sine, cosine) = (std::f32::consts::TAU * hertz * at as f32 / 48_000.0).sin_cos();
        real += sample * cosine;
        imaginary += sample * sine;
    }
    2.0 * (real * real + imaginary * imaginary).sqrt() / sound.len() as f32
}

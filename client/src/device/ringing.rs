//! The sounds of a telephone, made by arithmetic: a call that comes in, one that rings at the other end, a line that has come.

use std::{
    f32::consts::TAU,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{BLOCK, DeviceControls, Played, Speaker, TelephoneSpeaker};
use crate::link::Clock;

const RATE: f32 = 48_000.0;

/// How long a tune waits for its speaker, in blocks.
const OPENS: u32 = 100;

/// What is to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// Someone calls: three rising notes, and again.
    Incoming,
    /// It rings at the other end: a soft tone, and again.
    Ringback,
    /// Somebody has written: two soft notes, once.
    Line,
}

/// A note: when it begins and how long it takes to fade, in seconds, its frequency and its loudness.
struct Note(f32, f32, f32, f32);

impl Tune {
    /// After so many seconds it begins again.
    fn period(self) -> f32 {
        match self {
            Self::Incoming => 2.4,
            Self::Ringback => 3.0,
            Self::Line => 0.8,
        }
    }

    fn notes(self) -> &'static [Note] {
        match self {
            // E, G sharp, B: a chord in its major third and fifth.
            Self::Incoming => {
                &[Note(0.0, 0.5, 659.3, 0.22), Note(0.16, 0.5, 830.6, 0.22), Note(0.32, 0.9, 987.8, 0.25)]
            }
            Self::Ringback => &[Note(0.0, 1.4, 440.0, 0.10), Note(0.0, 1.4, 554.4, 0.06)],
            // A fourth upwards.
            Self::Line => &[Note(0.0, 0.3, 659.3, 0.10), Note(0.09, 0.4, 880.0, 0.12)],
        }
    }

    /// The sample at a time after the beginning, in samples.
    fn sample(self, at: usize) -> f32 {
        let time = at as f32 / RATE % self.period();
        self.notes().iter().map(|note| note.sample(time)).sum()
    }
}

impl Note {
    fn sample(&self, time: f32) -> f32 {
        let &Self(begin, fades, hertz, loudness) = self;
        let since = time - begin;
        if since < 0.0 {
            return 0.0;
        }
        // Struck in 5 ms, so that nothing clicks, then fading by 40 dB; with a little of its octave, as wood has.
        let course = (since / 0.005).min(1.0) * 10.0_f32.powf(-2.0 * since / fades);
        let wave = (TAU * hertz * since).sin() + 0.3 * (TAU * 2.0 * hertz * since).sin();
        loudness * course * wave
    }
}

/// Plays a tune again and again through the chosen speaker until it is dropped.
#[derive(Debug)]
pub struct Ringing {
    tune: Tune,
    stop: Arc<AtomicBool>,
}

impl Ringing {
    pub fn start(tune: Tune, controls: DeviceControls, clock: Clock) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        play(tune, controls, clock, move |_| !stopped.load(Ordering::Relaxed))?;
        Ok(Self { tune, stop })
    }

    /// Plays a tune through the chosen speaker, once.
    pub fn once(tune: Tune, controls: DeviceControls, clock: Clock) -> std::io::Result<()> {
        let last = (tune.period() * RATE) as usize;
        play(tune, controls, clock, move |at| at < last)
    }

    pub fn tune(&self) -> Tune {
        self.tune
    }
}

/// Plays from the tune's beginning on, on a thread of its own, while `goes_on` at a time in samples.
fn play(
    tune: Tune,
    controls: DeviceControls,
    clock: Clock,
    goes_on: impl Fn(usize) -> bool + Send + 'static,
) -> std::io::Result<()> {
    let play = move || {
        let mut speaker = TelephoneSpeaker::new(controls, clock);
        let (mut at, mut patience) = (0, OPENS);
        while goes_on(at) {
            let when = speaker.wait();
            let mut block = [0.0; BLOCK];
            // A device that is still being opened would swallow the beginning.
            if patience == 0 || speaker.serves() {
                patience = 0;
                block = std::array::from_fn(|n| tune.sample(at + n));
                at += BLOCK;
            } else {
                patience -= 1;
            }
            if let Err(error) = speaker.play(&Played { block: &block, media_time: None, at: when }) {
                return tracing::warn!(%error, "nothing rings");
            }
        }
    };
    std::thread::Builder::new().name("ringing".to_owned()).spawn(play).map(drop)
}

impl Drop for Ringing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunes_are_heard_have_pauses_and_neither_click_nor_clip() {
        for tune in [Tune::Incoming, Tune::Ringback, Tune::Line] {
            let length = (tune.period() * RATE) as usize;
            let sound: Vec<f32> = (0..2 * length).map(|at| tune.sample(at)).collect();
            let peak = sound.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!((0.1..0.9).contains(&peak), "{tune:?}: {peak}");
            assert!(sound.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.12), "{tune:?} clicks");
            let quiet = sound[length * 9 / 10..length].iter().all(|sample| sample.abs() < 0.01);
            assert!(quiet, "{tune:?} has no pause");
            assert!((sound[1_000] - sound[length + 1_000]).abs() < 0.02, "{tune:?} does not come again");
        }
    }
}

//! Chirps in the sound, and the matched filter that says to the millisecond when one arrived.
//!
//! A chirp is 40 ms of a tone that rises from 800 Hz to 4 kHz under a Hann window: every voice codec carries that band,
//! and correlated with itself it has one sharp peak. Detection is normalised, so loudness does not matter.

use std::collections::VecDeque;
use std::f64::consts::TAU;

/// One chirp, mono, peak 0.5 of full scale.
pub fn samples(rate: u32) -> Vec<f32> {
    let length = length(rate);
    let slope = (HIGH - LOW) / SECONDS;
    (0..length)
        .map(|n| {
            let t = n as f64 / f64::from(rate);
            let window = 0.5 - 0.5 * (TAU * n as f64 / (length - 1) as f64).cos();
            let phase = TAU * (LOW * t + slope * t * t / 2.0);
            (0.5 * window * phase.sin()) as f32
        })
        .collect()
}

/// A sound that repeats a chirp each `PERIOD` seconds, silence between: fill buffers with it one after another.
#[derive(Debug)]
pub struct Source {
    chirp: Vec<f32>,
    period: u64,
    at: u64,
}

impl Source {
    /// The first chirp begins at sample 0.
    pub fn new(rate: u32) -> Self {
        Self { chirp: samples(rate), period: (PERIOD * f64::from(rate)) as u64, at: 0 }
    }

    pub fn fill(&mut self, buffer: &mut [f32]) {
        for sample in buffer {
            let place = (self.at % self.period) as usize;
            *sample = self.chirp.get(place).copied().unwrap_or(0.0);
            self.at += 1;
        }
    }
}

/// A chirp that was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// Where it begins, in samples since the first one given to the detector; fractions come from interpolation.
    pub begins: f64,
    /// How alike it is to a clean one, 0.0 to 1.0.
    pub likeness: f32,
}

/// Listens for chirps in a stream of mono samples.
#[derive(Debug)]
pub struct Detector {
    template: Vec<f32>,
    history: VecDeque<f32>,
    /// Number of the first sample in `history`.
    first: u64,
    energy: f64,
    /// The last likenesses, to see a peak and interpolate it.
    before: [f32; 2],
    best: Option<Arrival>,
    /// Samples in which a greater peak than the best may still come.
    patience: u64,
}

impl Detector {
    pub fn new(rate: u32) -> Self {
        let mut template = samples(rate);
        let norm = template.iter().map(|sample| sample * sample).sum::<f32>().sqrt();
        template.iter_mut().for_each(|sample| *sample /= norm);
        Self {
            patience: template.len() as u64,
            history: VecDeque::with_capacity(template.len() + 1),
            template,
            first: 0,
            energy: 0.0,
            before: [0.0; 2],
            best: None,
        }
    }

    /// Takes the next samples; returns the chirps that are certain by now (40 ms after their end).
    pub fn push(&mut self, samples: &[f32]) -> Vec<Arrival> {
        samples.iter().filter_map(|sample| self.step(*sample)).collect()
    }

    fn step(&mut self, sample: f32) -> Option<Arrival> {
        let length = self.template.len();
        self.history.push_back(sample);
        self.energy += f64::from(sample * sample);
        if self.history.len() > length
            && let Some(old) = self.history.pop_front()
        {
            self.energy -= f64::from(old * old);
            self.first += 1;
        }
        if self.history.len() < length {
            return None;
        }
        let likeness = self.likeness();
        let [older, middle] = self.before;
        self.before = [middle, likeness];
        if middle >= LEAST_LIKENESS && middle > older && middle >= likeness {
            let begins = self.first as f64 - 1.0 + peak_offset(older, middle, likeness);
            if self.best.is_none_or(|best| middle > best.likeness) {
                self.best = Some(Arrival { begins, likeness: middle });
            }
        }
        let best = self.best?;
        if self.first as f64 - best.begins < self.patience as f64 {
            return None;
        }
        self.best.take()
    }

    fn likeness(&self) -> f32 {
        if self.energy < QUIET {
            return 0.0;
        }
        let (front, back) = self.history.as_slices();
        let (first, second) = self.template.split_at(front.len());
        ((dot(front, first) + dot(back, second)) / self.energy.sqrt() as f32).abs()
    }
}

fn length(rate: u32) -> usize {
    (SECONDS * f64::from(rate)).round() as usize
}

/// Eight sums side by side, so that the compiler may use vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0f32; 8];
    for (a, b) in left.zip(right) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    rest + sums.iter().sum::<f32>()
}

/// Where between three neighbours the peak of the parabola through them lies, relative to the middle one.
fn peak_offset(before: f32, peak: f32, after: f32) -> f64 {
    let bend = f64::from(before - 2.0 * peak + after);
    if bend.abs() < f64::EPSILON { 0.0 } else { (f64::from(before - after) / (2.0 * bend)).clamp(-0.5, 0.5) }
}

/// Seconds between the beginnings of two chirps of a [`Source`].
pub const PERIOD: f64 = 1.0;
const SECONDS: f64 = 0.040;
const LOW: f64 = 800.0;
const HIGH: f64 = 4_000.0;
/// Below this a peak may be speech or noise.
const LEAST_LIKENESS: f32 = 0.6;
/// Energy of a window in which there is nothing to hear.
const QUIET: f64 = 1e-5;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const MILLISECOND: f64 = 48.0;

    /// Three chirps, one a second, the first after 7,000 samples.
    fn sound() -> Vec<f32> {
        let mut sound = vec![0.0; 7_000 + 3 * RATE as usize];
        Source::new(RATE).fill(&mut sound[7_000..]);
        sound
    }

    fn arrivals(sound: &[f32], block: usize) -> Vec<Arrival> {
        let mut detector = Detector::new(RATE);
        sound.chunks(block).flat_map(|block| detector.push(block)).collect()
    }

    fn assert_found(sound: &[f32], within: f64) {
        let found = arrivals(sound, 960);
        let begins: Vec<f64> = found.iter().map(|arrival| arrival.begins).collect();
        assert_eq!(found.len(), 3, "{begins:?}");
        for (number, begins) in begins.iter().enumerate() {
            let expected = 7_000.0 + number as f64 * f64::from(RATE);
            assert!((begins - expected).abs() <= within, "chirp {number} at {begins}, expected {expected}");
        }
    }

    fn noise(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    #[test]
    fn clean_chirps_are_found_to_the_sample_in_any_blocks() {
        assert_found(&sound(), 1.0);
        assert_eq!(arrivals(&sound(), 960), arrivals(&sound(), 77));
        let rate_16 = {
            let mut sound = vec![0.0; 16_000];
            Source::new(16_000).fill(&mut sound[4_000..]);
            Detector::new(16_000).push(&sound)
        };
        assert!((rate_16[0].begins - 4_000.0).abs() <= 1.0);
    }

    #[test]
    fn loudness_and_polarity_do_not_matter() {
        let quiet: Vec<f32> = sound().iter().map(|sample| sample * -0.02).collect();
        assert_found(&quiet, 1.0);
    }

    #[test]
    fn noise_as_loud_as_the_chirp_moves_it_by_less_than_a_millisecond() {
        let mut noise = noise(1);
        let noisy: Vec<f32> = sound().iter().map(|sample| sample + 0.2 * noise()).collect();
        assert_found(&noisy, MILLISECOND);
    }

    #[test]
    fn a_low_pass_and_a_coarse_codec_move_it_by_less_than_a_millisecond() {
        // A one-pole low-pass at 3.4 kHz, then 5-bit steps: harsher than Opus at 16 kb/s.
        let share = 1.0 - (-TAU * 3_400.0 / f64::from(RATE)).exp();
        let mut held = 0.0;
        let dull: Vec<f32> = sound()
            .iter()
            .map(|sample| {
                held += share * (f64::from(*sample) - held);
                ((held * 32.0).round() / 32.0) as f32
            })
            .collect();
        assert_found(&dull, MILLISECOND);
    }

    #[test]
    fn noise_tones_and_steps_are_no_chirps() {
        let mut noise = noise(2);
        let hiss: Vec<f32> = (0..RATE * 2).map(|_| noise()).collect();
        assert_eq!(arrivals(&hiss, 960), []);
        for tone in [440.0, 1_000.0, 2_400.0] {
            let hum: Vec<f32> = (0..RATE).map(|n| (TAU * tone * f64::from(n) / f64::from(RATE)).sin() as f32).collect();
            assert_eq!(arrivals(&hum, 960), [], "{tone} Hz");
        }
        let clicks: Vec<f32> = (0..RATE).map(|n| if n % 4_800 < 2_400 { 0.3 } else { -0.3 }).collect();
        assert_eq!(arrivals(&clicks, 960), []);
    }
}

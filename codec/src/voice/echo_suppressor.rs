//! The second part of the echo canceller: takes out what the linear filter leaves (late reverberation, what a small
//! loudspeaker distorts) by weighing each frequency, as a Wiener filter with over-subtraction.
//!
//! How much is left of the echo is learnt for each band as a quantile of what is left over what was expected: a near voice
//! is in the way only here and there, and moves it little. Where nothing but echo is there, everything is closed.

use super::{
    BLOCK,
    spectrum::{BINS, FFT, Spectrum, Transform, ZERO},
};

/// The residual echo is taken for so many times louder than it was learnt to be.
const OVER: f32 = 2.0;

/// No frequency is weighed less than this while a near voice is there.
const LEAST_WITH_VOICE: f32 = 0.1;

/// How far everything is closed while there is nothing but echo.
const CLOSED: f32 = 0.01;

/// Step of what is learnt, in decibels a block.
const STEP: f32 = 0.15;

/// Bounds of what is learnt, in decibels over the expected echo.
const LEAST_LEFT: f32 = -40.0;
const MOST_LEFT: f32 = 0.0;

/// How much of an echo's power is still about a block later: reverberation.
const DECAY: f32 = 0.6;

/// An echo must be so many times stronger than the room's noise to be learnt from.
const OVER_NOISE: f32 = 10.0;

/// A near voice of this strength over the residual echo begins to open; twice of it opens wholly.
const OPENS: f32 = 0.6;

/// An expected echo below this (sum over the bands of a voice) is none.
const NO_ECHO: f32 = 0.01;

/// The bins by which a near voice is told: 200 Hz to 6 kHz.
const VOICE: std::ops::Range<usize> = 4..120;

/// A near voice is heard at once, and for a while after it.
const RISE: f32 = 0.5;
const FALL: f32 = 0.2;

struct Band {
    bins: std::ops::Range<usize>,
    /// Residual echo over the expected one, in decibels.
    left: f32,
    /// Power of the room's noise.
    noise: f32,
}

pub(super) struct EchoSuppressor {
    transform: Transform,
    window: [f32; FFT],
    rest: [f32; FFT],
    echo: [f32; FFT],
    /// What overlaps with the next block.
    tail: [f32; BLOCK],
    bands: Vec<Band>,
    echo_power: [f32; BINS],
    rest_power: [f32; BINS],
    gains: [f32; BINS],
    /// Strength of a near voice over the residual echo.
    near: f32,
}

impl EchoSuppressor {
    pub fn new() -> Self {
        Self {
            transform: Transform::new(),
            window: std::array::from_fn(|n| (std::f32::consts::PI * (n as f32 + 0.5) / FFT as f32).sin()),
            rest: [0.0; FFT],
            echo: [0.0; FFT],
            tail: [0.0; BLOCK],
            bands: bands(),
            echo_power: [0.0; BINS],
            rest_power: [0.0; BINS],
            gains: [1.0; BINS],
            near: 0.0,
        }
    }

    /// The filter has lost what it knew.
    pub fn forget(&mut self) {
        self.bands.iter_mut().for_each(|band| band.left = MOST_LEFT);
    }

    /// Weighs `rest`, in which `echo` was expected; `shut` closes it whatever is in it. What is written to `out` is a
    /// block behind.
    pub fn process(&mut self, echo: &[f32; BLOCK], rest: &[f32; BLOCK], shut: bool, out: &mut [f32; BLOCK]) {
        let mut left = Self::analyse(&mut self.transform, &self.window, &mut self.rest, rest);
        let expected = Self::analyse(&mut self.transform, &self.window, &mut self.echo, echo);
        for bin in 0..BINS {
            self.echo_power[bin] = expected[bin].norm_sqr().max(DECAY * self.echo_power[bin]);
            self.rest_power[bin] = 0.3 * self.rest_power[bin] + 0.7 * left[bin].norm_sqr();
        }
        let open = self.look_for_voice(&left);
        for band in &self.bands {
            let residual = OVER * decibels(band.left);
            for bin in band.bins.clone() {
                let power = self.rest_power[bin].max(1e-12);
                let wiener = (1.0 - residual * self.echo_power[bin] / power).max(LEAST_WITH_VOICE * LEAST_WITH_VOICE);
                let gain = if shut { CLOSED } else { open * wiener.sqrt() };
                // Closed at once, opened softly.
                let before = self.gains[bin];
                self.gains[bin] = if gain < before { gain } else { 0.5 * (before + gain) };
                left[bin] *= self.gains[bin];
            }
        }
        let mut time = [0.0; FFT];
        self.transform.backward(&mut left, &mut time);
        for at in 0..BLOCK {
            out[at] = self.tail[at] + time[at] * self.window[at];
            self.tail[at] = time[BLOCK + at] * self.window[BLOCK + at];
        }
    }

    fn analyse(transform: &mut Transform, window: &[f32; FFT], kept: &mut [f32; FFT], new: &[f32; BLOCK]) -> Spectrum {
        kept.copy_within(BLOCK.., 0);
        kept[BLOCK..].copy_from_slice(new);
        let (mut time, mut spectrum) = (*kept, [ZERO; BINS]);
        time.iter_mut().zip(window).for_each(|(sample, weight)| *sample *= weight);
        transform.forward(&mut time, &mut spectrum);
        spectrum
    }

    /// Learns what is left of the echo, and says how far to open for a near voice: from [`CLOSED`] to 1.
    fn look_for_voice(&mut self, left: &Spectrum) -> f32 {
        let (mut voice, mut echo) = (0.0, 1e-9);
        for band in &mut self.bands {
            let width = band.bins.len() as f32;
            let there = left[band.bins.clone()].iter().map(|bin| bin.norm_sqr()).sum::<f32>() / width;
            let expected = self.echo_power[band.bins.clone()].iter().sum::<f32>() / width;
            // The quietest moments are the room's noise.
            band.noise = if there < band.noise { 0.7 * band.noise + 0.3 * there } else { band.noise * 1.005 }.max(1e-9);
            let residual = expected * decibels(band.left);
            if VOICE.contains(&band.bins.start) {
                voice += (there - residual - band.noise).max(0.0).sqrt();
                echo += residual.sqrt();
            }
            if expected > OVER_NOISE * band.noise {
                let step = if there > residual { STEP } else { -STEP };
                band.left = (band.left + step).clamp(LEAST_LEFT, MOST_LEFT);
            }
        }
        let strength = voice / echo;
        self.near += (strength - self.near) * if strength > self.near { RISE } else { FALL };
        if echo < NO_ECHO {
            return 1.0;
        }
        CLOSED + (1.0 - CLOSED) * ((self.near - OPENS) / OPENS).clamp(0.0, 1.0)
    }
}

/// Narrow at low frequencies, an eighth of their frequency at high ones.
fn bands() -> Vec<Band> {
    let mut edges = vec![0];
    let mut edge = 2.0_f32;
    while edge < BINS as f32 {
        edges.push(edge as usize);
        edge += (0.12 * edge).max(2.0);
    }
    edges.push(BINS);
    edges.windows(2).map(|pair| Band { bins: pair[0]..pair[1], left: MOST_LEFT, noise: 1e-3 }).collect()
}

/// A ratio of powers.
fn decibels(value: f32) -> f32 {
    10.0_f32.powf(value / 10.0)
}

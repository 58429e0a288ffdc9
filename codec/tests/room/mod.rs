//! A simulated room: a far voice from a loudspeaker, its echo in the microphone, a near voice, and a little noise.

use std::f32::consts::{PI, TAU};

use realfft::RealFftPlanner;

pub const RATE: usize = 48_000;

/// Seconds at which the near voice begins, the far voice ends, and everything ends.
pub const DOUBLE_TALK: usize = 16;
pub const NEAR_ALONE: usize = 24;
pub const END: usize = 28;

/// When a room changes.
pub const CHANGE: usize = 6;

#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub name: &'static str,
    /// From the loudspeaker's digits to the microphone's.
    pub delay_ms: f64,
    /// In which an echo loses 60 dB.
    pub reverberation_ms: usize,
    /// What is added to the delay at [`CHANGE`].
    pub jump_ms: f64,
    /// How much faster the loudspeaker's clock runs than the microphone's, in millionths.
    pub drift_ppm: f64,
    /// How far the loudspeaker bends what it plays (even and odd).
    pub distortion: f32,
    /// The near voice's power over the echo's, in decibels.
    pub near_db: f32,
}

/// What comes of it, as long as [`END`].
pub struct Scene {
    pub far: Vec<f32>,
    pub heard: Vec<f32>,
    /// The near voice alone.
    pub near: Vec<f32>,
}

impl Room {
    pub fn scene(&self, far: &[f32], near: &[f32]) -> Scene {
        let length = END * RATE;
        let mut noise = Noise(7);
        let far: Vec<f32> = (0..length).map(|n| if n < NEAR_ALONE * RATE { far[n % far.len()] } else { 0.0 }).collect();
        let loudspeaker = |x: &f32| x.clamp(-0.9, 0.9) + self.distortion * (x * x * x.signum() - x * x * x);
        let wet = convolve(&far.iter().map(loudspeaker).collect::<Vec<_>>(), &self.impulse_response(&mut noise));
        let mut echo: Vec<f32> = (0..length).map(|n| at(&wet, self.source_of(n))).collect();
        let factor = 0.6 * power(&far).sqrt() / power(&echo).sqrt();
        echo.iter_mut().for_each(|sample| *sample *= factor);
        let talked = &echo[RATE..DOUBLE_TALK * RATE];
        let loudness = (power(talked) / power(near)).sqrt() * 10.0_f32.powf(self.near_db / 20.0);
        let begin = DOUBLE_TALK * RATE;
        let near: Vec<f32> =
            (0..length).map(|n| if n < begin { 0.0 } else { near[(n - begin) % near.len()] * loudness }).collect();
        let heard = echo.iter().zip(&near).map(|(echo, near)| echo + near + 0.0005 * noise.next()).collect();
        Scene { far, heard, near }
    }

    /// A direct sound of half a millisecond, then reverberation that decays.
    fn impulse_response(&self, noise: &mut Noise) -> Vec<f32> {
        let length = self.reverberation_ms * RATE / 1_000;
        let tap = |n: usize| {
            let decay = 10.0_f32.powf(-3.0 * n as f32 / length as f32);
            noise.next() * decay * if n < 24 { 2.0 } else { 0.25 }
        };
        (0..length).map(tap).collect()
    }

    /// Where in the loudspeaker's sound sample `n` of the microphone comes from.
    fn source_of(&self, n: usize) -> f64 {
        let delay = self.delay_ms + if n > CHANGE * RATE { self.jump_ms } else { 0.0 };
        n as f64 * (1.0 + self.drift_ppm * 1e-6) - delay * RATE as f64 / 1_000.0
    }
}

pub struct Noise(pub u64);

impl Noise {
    /// −1 to 1.
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

pub fn power(sound: &[f32]) -> f32 {
    (sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / sound.len() as f64) as f32
}

fn convolve(sound: &[f32], response: &[f32]) -> Vec<f32> {
    let length = (sound.len() + response.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, backward) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let spectrum = |sound: &[f32]| {
        let (mut time, mut spectrum) = (vec![0.0; length], forward.make_output_vec());
        time[..sound.len()].copy_from_slice(sound);
        forward.process(&mut time, &mut spectrum).unwrap();
        spectrum
    };
    let (mut product, response) = (spectrum(sound), spectrum(response));
    product.iter_mut().zip(&response).for_each(|(a, b)| *a *= b);
    let mut time = vec![0.0; length];
    backward.process(&mut product, &mut time).unwrap();
    time.truncate(sound.len());
    time.iter_mut().for_each(|sample| *sample /= length as f32);
    time
}

/// The sound between its samples, by a windowed sinc.
fn at(sound: &[f32], place: f64) -> f32 {
    if place < 8.0 || place + 9.0 > sound.len() as f64 {
        return 0.0;
    }
    let whole = place as usize;
    let part = (place - whole as f64) as f32;
    if part < 1e-6 {
        return sound[whole];
    }
    (-8..=8)
        .map(|step| {
            let x = step as f32 - part;
            let sinc = if x.abs() < 1e-6 { 1.0 } else { (PI * x).sin() / (PI * x) };
            sound[whole.saturating_add_signed(step)] * sinc * (0.5 + 0.5 * (TAU * x / 18.0).cos())
        })
        .sum()
}

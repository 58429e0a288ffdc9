//! The linear part of the echo canceller: a filter that learns the way from the loudspeaker to the microphone.
//!
//! It is the partitioned-block frequency-domain Kalman filter of Kuech, Mabande and Enzner ("State-space architecture of
//! the partitioned-block-based acoustic echo controller", ICASSP 2014). How far it learns from a block follows from how
//! unsure it is of each weight and how loud everything but the echo is; so it needs no detector of double talk.

use super::{
    BLOCK,
    spectrum::{BINS, FFT, Spectrum, Transform, ZERO, energy},
};

/// Blocks of 10 ms over which an echo may be spread, its delay included.
const PARTS: usize = 45;

/// How much of what is known is still true a block later.
const KEPT: f32 = 0.998;

/// How unsure it is of each weight at the beginning.
const UNKNOWN: f32 = 0.1;

/// A weight may change in a block as if it had this much of the energy of all weights of its frequency: so an echo that
/// comes at another time is found.
const ELSEWHERE: f32 = 0.1 / PARTS as f32;

/// How many parts are brought back to one block of time each time.
const CONSTRAINED: usize = 8;

/// Smoothing of the energies by which it is judged, per block.
const JUDGED: f32 = 0.9;

/// What is left may be so much louder than what was heard before the filter counts as wrong.
const WORSE: f32 = 1.25;

/// Echoes quieter than this (energy of a block) are judged by nobody.
const QUIET: f32 = 1e-4;

pub(super) struct EchoFilter {
    transform: Transform,
    far: [f32; FFT],
    /// Of the far end's last blocks, a ring: the newest is at `newest`, older ones follow.
    spectra: Vec<Spectrum>,
    newest: usize,
    weights: Vec<Spectrum>,
    /// The variance of each weight's error.
    doubt: Vec<[f32; BINS]>,
    /// Power of everything but the echo.
    others: [f32; BINS],
    constrained: usize,
    judged: Judged,
}

/// Smoothed energies of a block.
#[derive(Default)]
struct Judged {
    heard: f32,
    echo: f32,
    rest: f32,
}

impl EchoFilter {
    pub fn new() -> Self {
        Self {
            transform: Transform::new(),
            far: [0.0; FFT],
            spectra: vec![[ZERO; BINS]; PARTS],
            newest: 0,
            weights: vec![[ZERO; BINS]; PARTS],
            doubt: vec![[UNKNOWN; BINS]; PARTS],
            others: [0.0; BINS],
            constrained: 0,
            judged: Judged::default(),
        }
    }

    /// Without `far` the last block of the far end counts once more: what the weights stand for comes a block sooner
    /// after the newest one from now on.
    ///
    /// Writes the echo that is expected in `heard`, and what is left of `heard` without it. Says whether all that was
    /// learnt has been given up, because the echo goes another way now.
    pub fn process(
        &mut self,
        far: Option<&[f32; BLOCK]>,
        heard: &[f32; BLOCK],
        echo: &mut [f32; BLOCK],
        rest: &mut [f32; BLOCK],
    ) -> bool {
        match far {
            Some(far) => self.take_far(far),
            None => self.wait_for_far(),
        }
        let mut time = [0.0; FFT];
        let mut expected = [ZERO; BINS];
        for (part, weights) in self.weights.iter().enumerate() {
            let spectrum = &self.spectra[(self.newest + part) % PARTS];
            for ((sum, x), weight) in expected.iter_mut().zip(spectrum).zip(weights) {
                *sum += x * weight;
            }
        }
        self.transform.backward(&mut expected, &mut time);
        echo.copy_from_slice(&time[BLOCK..]);
        for ((rest, heard), echo) in rest.iter_mut().zip(heard).zip(echo.iter()) {
            *rest = heard - echo;
        }
        if self.is_wrong(heard, echo, rest) {
            self.forget();
            echo.fill(0.0);
            rest.copy_from_slice(heard);
            return true;
        }
        self.learn(rest);
        self.constrain();
        false
    }

    /// Takes a block of the far end beside which nothing was heard: what the weights stand for comes a block later after
    /// the newest one from now on.
    pub fn skip(&mut self, far: &[f32; BLOCK]) {
        self.take_far(far);
        self.weights.rotate_right(1);
        self.doubt.rotate_right(1);
        self.weights[0].fill(ZERO);
    }

    fn wait_for_far(&mut self) {
        self.weights.rotate_left(1);
        self.doubt.rotate_left(1);
        self.weights[PARTS - 1].fill(ZERO);
    }

    fn take_far(&mut self, far: &[f32; BLOCK]) {
        self.far.copy_within(BLOCK.., 0);
        self.far[BLOCK..].copy_from_slice(far);
        self.newest = (self.newest + PARTS - 1) % PARTS;
        let mut time = self.far;
        self.transform.forward(&mut time, &mut self.spectra[self.newest]);
    }

    fn is_wrong(&mut self, heard: &[f32; BLOCK], echo: &[f32; BLOCK], rest: &[f32; BLOCK]) -> bool {
        let judge = |so_far: &mut f32, block: &[f32]| *so_far = JUDGED * *so_far + (1.0 - JUDGED) * energy(block);
        judge(&mut self.judged.heard, heard);
        judge(&mut self.judged.echo, echo);
        judge(&mut self.judged.rest, rest);
        let Judged { heard, echo, rest } = self.judged;
        let worse = rest > WORSE * heard && echo > QUIET && echo > 0.2 * heard;
        worse || !rest.is_finite() || !heard.is_finite()
    }

    fn forget(&mut self) {
        self.judged = Judged::default();
        self.weights.iter_mut().for_each(|weights| weights.fill(ZERO));
        self.doubt.iter_mut().for_each(|doubt| doubt.fill(UNKNOWN));
        self.others.fill(0.0);
    }

    fn learn(&mut self, rest: &[f32; BLOCK]) {
        let mut time = [0.0; FFT];
        time[BLOCK..].copy_from_slice(rest);
        let mut error = [ZERO; BINS];
        self.transform.forward(&mut time, &mut error);
        let (mut unsure, mut elsewhere) = ([0.0; BINS], [0.0; BINS]);
        for (part, (weights, doubt)) in self.weights.iter().zip(&self.doubt).enumerate() {
            let spectrum = &self.spectra[(self.newest + part) % PARTS];
            for bin in 0..BINS {
                unsure[bin] += spectrum[bin].norm_sqr() * doubt[bin];
                elsewhere[bin] += ELSEWHERE * weights[bin].norm_sqr();
            }
        }
        let mut gain = [0.0; BINS];
        for bin in 0..BINS {
            let power = error[bin].norm_sqr();
            self.others[bin] = 0.5 * (self.others[bin] + power);
            gain[bin] = 1.0 / (unsure[bin] + self.others[bin] + 1e-6);
        }
        for (part, (weights, doubt)) in self.weights.iter_mut().zip(&mut self.doubt).enumerate() {
            let spectrum = &self.spectra[(self.newest + part) % PARTS];
            for bin in 0..BINS {
                let step = doubt[bin] * gain[bin];
                weights[bin] += spectrum[bin].conj() * error[bin] * step;
                // Half of a transform is new sound, so a step tells half of what a whole one would.
                let still = (1.0 - 0.5 * step * spectrum[bin].norm_sqr()).max(0.0);
                doubt[bin] = KEPT * still * doubt[bin] + (1.0 - KEPT) * (weights[bin].norm_sqr() + elsewhere[bin]);
            }
        }
    }

    /// Weights stand for one block of time each; learning by products of spectra lets them grow out of it.
    fn constrain(&mut self) {
        let mut time = [0.0; FFT];
        for _ in 0..CONSTRAINED {
            let weights = &mut self.weights[self.constrained];
            self.constrained = (self.constrained + 1) % PARTS;
            self.transform.backward(weights, &mut time);
            time[BLOCK..].fill(0.0);
            self.transform.forward(&mut time, weights);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, and its echo through three taps after `delay` samples.
    fn noise_and_echo(blocks: usize, delay: usize) -> (Vec<f32>, Vec<f32>) {
        let mut seed = 1_u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let sound: Vec<f32> = (0..blocks * BLOCK).map(|_| 0.2 * next()).collect();
        let at = |n: usize| sound.get(n).copied().unwrap_or(0.0);
        let taps = [(delay, 0.5), (delay + 37, -0.3), (delay + 700, 0.1)];
        let echo = (0..sound.len()).map(|n| taps.map(|(late, tap)| tap * at(n.wrapping_sub(late))).iter().sum());
        (sound.clone(), echo.collect())
    }

    fn block(sound: &[f32], number: usize) -> &[f32; BLOCK] {
        sound[number * BLOCK..][..BLOCK].try_into().unwrap()
    }

    /// How much of the echo is left in decibels, in blocks `from` to `to` of the microphone. `far` says what is done with
    /// the far end before each of them, and which of its blocks goes with it.
    fn left(
        delay: usize,
        (from, to): (usize, usize),
        far: impl Fn(&mut EchoFilter, usize, &[f32]) -> Option<usize>,
    ) -> f32 {
        let (sound, echo) = noise_and_echo(to + 2, delay);
        let mut filter = EchoFilter::new();
        let (mut heard, mut rest, mut expected, mut out) = (0.0, 0.0, [0.0; BLOCK], [0.0; BLOCK]);
        for number in 0..to {
            let far = far(&mut filter, number, &sound).map(|number| block(&sound, number));
            filter.process(far, block(&echo, number), &mut expected, &mut out);
            if number >= from {
                (heard, rest) = (heard + energy(block(&echo, number)), rest + energy(&out));
            }
        }
        10.0 * (rest / heard).log10()
    }

    #[test]
    fn an_echo_is_learnt_whenever_it_comes() {
        for delay in [480, 5_000, 15_000] {
            let left = left(delay, (400, 430), |_, number, _| Some(number));
            assert!(left < -20.0, "{delay}: {left} dB");
        }
    }

    #[test]
    fn a_block_that_is_skipped_costs_nothing_that_was_learnt() {
        let skipping = |told: bool| {
            left(5_000, (400, 420), move |filter, number, sound| {
                if number == 400 && told {
                    filter.skip(block(sound, number));
                }
                Some(if number < 400 { number } else { number + 1 })
            })
        };
        assert!(skipping(true) < -20.0, "{} dB", skipping(true));
        assert!(skipping(false) > -3.0, "{} dB", skipping(false));
    }

    #[test]
    fn a_block_that_is_waited_for_costs_nothing_that_was_learnt() {
        let left = left(5_000, (400, 430), |_, number, _| match number {
            0..400 => Some(number),
            400 => None,
            _ => Some(number - 1),
        });
        assert!(left < -20.0, "{left} dB");
    }
}

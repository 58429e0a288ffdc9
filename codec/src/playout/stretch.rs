//! Making sound shorter or longer by whole periods of its pitch, so that it keeps its pitch (waveform similarity
//! overlap-add, Verhelst and Roelands 1993).

/// Sound may be shortened when this many samples per channel are at hand: a period and the overlap behind it.
pub(super) const NEEDED_TO_SHORTEN: usize = LONGEST + COMPARED;

/// Sound may be lengthened when this many samples per channel were played before, …
pub(super) const NEEDED_BEHIND: usize = LONGEST + COMPARED;

/// … and this many are at hand.
pub(super) const NEEDED_TO_LENGTHEN: usize = OVERLAP;

/// How alike the two courses of a wave must be that are faded into one another (their correlation).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Likeness(f32);

impl Likeness {
    /// Nothing is heard of it. A voice gives the occasion several times a second.
    pub const UNHEARD: Likeness = Likeness(0.9);
    /// Something may be heard, where much delay must go.
    pub const HASTY: Likeness = Likeness(0.6);
}

/// Takes one period, at most `most` samples per channel, out of the beginning of `ahead` (interleaved) and gives its
/// length; 0 where nothing is alike enough.
pub(super) fn shorten(ahead: &mut Vec<f32>, channels: usize, most: usize, wanted: Likeness) -> usize {
    if ahead.len() < NEEDED_TO_SHORTEN * channels || most < SHORTEST {
        return 0;
    }
    let mono = to_mono(&ahead[..NEEDED_TO_SHORTEN * channels], channels);
    let found = best(most, wanted, |lag| (&mono[..COMPARED], &mono[lag..lag + COMPARED]));
    let Some(lag) = found else { return 0 };
    for n in 0..OVERLAP {
        let weight = n as f32 / OVERLAP as f32;
        for k in 0..channels {
            let late = ahead[(n + lag) * channels + k];
            let sample = &mut ahead[n * channels + k];
            *sample += (late - *sample) * weight;
        }
    }
    ahead.drain(OVERLAP * channels..(OVERLAP + lag) * channels);
    lag
}

/// Puts one period, at most `most` samples per channel, before `ahead`, a repetition of the end of `behind` (both
/// interleaved), and gives its length; 0 where nothing is alike enough.
pub(super) fn lengthen(behind: &[f32], ahead: &mut Vec<f32>, channels: usize, most: usize, wanted: Likeness) -> usize {
    let enough = behind.len() >= NEEDED_BEHIND * channels && ahead.len() >= NEEDED_TO_LENGTHEN * channels;
    if !enough || most < OVERLAP {
        return 0;
    }
    let mono = to_mono(&behind[behind.len() - NEEDED_BEHIND * channels..], channels);
    let end = mono.len();
    // A period must hold the whole overlap.
    let found = best(most, wanted, |lag| {
        let lag = lag.max(OVERLAP);
        (&mono[end - COMPARED..], &mono[end - COMPARED - lag..end - lag])
    });
    let Some(lag) = found.map(|lag| lag.max(OVERLAP)) else { return 0 };
    let mut period = behind[behind.len() - lag * channels..].to_vec();
    for n in 0..OVERLAP {
        let weight = n as f32 / OVERLAP as f32;
        for k in 0..channels {
            let direct = ahead[n * channels + k];
            let sample = &mut period[n * channels + k];
            *sample = direct + (*sample - direct) * weight;
        }
    }
    ahead.splice(0..0, period);
    lag
}

/// Periods from 400 Hz down to 67 Hz, in samples.
const SHORTEST: usize = 120;
const LONGEST: usize = 720;

/// Over so many samples one course of the wave is faded into the other.
const OVERLAP: usize = 240;

/// So many samples must be alike.
const COMPARED: usize = 480;

/// Below this mean square (−60 dB) nobody hears a cut.
const SILENT: f32 = 1e-6;

/// The lag whose two courses are most alike, if any are alike enough.
fn best<'a>(most: usize, wanted: Likeness, courses: impl Fn(usize) -> (&'a [f32], &'a [f32])) -> Option<usize> {
    let most = most.min(LONGEST);
    let (first, _) = courses(SHORTEST);
    let energy = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
    let (_, farthest) = courses(most);
    if energy(first).max(energy(farthest)) < SILENT * COMPARED as f32 {
        return Some(most);
    }
    let alike = |lag: usize| {
        let (a, b) = courses(lag);
        let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        product / (energy(a) * energy(b)).sqrt().max(f32::MIN_POSITIVE)
    };
    // Coarse first, then every lag around the best.
    const COARSE: usize = 6;
    let by_likeness = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1);
    let (near, _) = (SHORTEST..=most).step_by(COARSE).map(|lag| (lag, alike(lag))).max_by(by_likeness)?;
    let around = near.saturating_sub(COARSE).max(SHORTEST)..=(near + COARSE).min(most);
    let (lag, likeness) = around.map(|lag| (lag, alike(lag))).max_by(by_likeness)?;
    (likeness >= wanted.0).then_some(lag)
}

fn to_mono(samples: &[f32], channels: usize) -> Vec<f32> {
    samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(count: usize, hz: f64) -> Vec<f32> {
        let wave = |n: usize, k: f64| (n as f64 * hz * k / 48_000.0 * std::f64::consts::TAU).sin() / k;
        (0..count).map(|n| (wave(n, 1.0) + wave(n, 2.0) + wave(n, 3.0)) as f32 * 0.2).collect()
    }

    /// The largest step from sample to sample: a click would make one.
    fn roughest(samples: &[f32]) -> f32 {
        samples.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_voice_loses_and_gains_whole_periods_without_a_click() {
        for hz in [80.0, 120.0, 233.0, 390.0] {
            let whole = voice(4_800, hz);
            let mut shorter = whole.clone();
            let lag = shorten(&mut shorter, 1, 720, Likeness::UNHEARD);
            assert!(lag > 0, "{hz} Hz");
            assert_eq!(shorter.len() + lag, whole.len());
            let period = 48_000.0 / hz;
            let periods = lag as f64 / period;
            assert!((periods - periods.round()).abs() * period < 3.0, "{lag} samples of {hz} Hz");
            assert!(roughest(&shorter) < 1.2 * roughest(&whole));

            let (behind, rest) = whole.split_at(2_400);
            let mut ahead = rest.to_vec();
            let lag = lengthen(behind, &mut ahead, 1, 720, Likeness::UNHEARD);
            assert!(lag >= OVERLAP, "{hz} Hz");
            assert_eq!(ahead.len(), rest.len() + lag);
            let joined = [behind, &ahead[..]].concat();
            assert!(roughest(&joined) < 1.2 * roughest(&whole), "{hz} Hz");
        }
    }

    #[test]
    fn silence_is_cut_freely_and_noise_not_at_all() {
        let mut silence = vec![0.0; 2_400];
        assert_eq!(shorten(&mut silence, 1, 500, Likeness::UNHEARD), 500);
        let mut seed = 1u32;
        let mut noise: Vec<f32> = (0..4_800)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect();
        assert_eq!(shorten(&mut noise, 1, 720, Likeness::HASTY), 0);
    }

    #[test]
    fn stereo_stays_in_step_and_too_little_sound_is_left_alone() {
        let mut stereo: Vec<f32> = voice(2_400, 120.0).iter().flat_map(|&s| [s, -0.5 * s]).collect();
        assert!(shorten(&mut stereo, 2, 720, Likeness::UNHEARD) > 0);
        assert!(stereo.chunks(2).all(|frame| (frame[1] + 0.5 * frame[0]).abs() < 1e-6));
        let mut short = voice(NEEDED_TO_SHORTEN - 1, 120.0);
        assert_eq!(shorten(&mut short, 1, 720, Likeness::UNHEARD), 0);
        assert!(shorten(&mut voice(NEEDED_TO_SHORTEN, 120.0), 1, 720, Likeness::UNHEARD) > 0);
        assert_eq!(lengthen(&short, &mut voice(240, 120.0), 1, 720, Likeness::UNHEARD), 0);
    }
}

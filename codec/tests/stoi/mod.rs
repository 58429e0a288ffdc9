//! How well speech is understood: the short-time objective intelligibility (Taal, Hendriks, Heusdens, Jensen: "An algorithm
//! for intelligibility prediction of time–frequency weighted noisy speech", 2011), from about 0 to 1.

use std::f64::consts::{PI, TAU};

use realfft::RealFftPlanner;

const RATE: f64 = 10_000.0;
const FRAME: usize = 256;
const HOP: usize = FRAME / 2;
const BANDS: usize = 15;
/// Frames that are compared together: 384 ms.
const SEGMENT: usize = 30;
/// Frames this far below the loudest are silence, in decibels.
const RANGE: f64 = 40.0;
/// The lowest signal-to-distortion ratio that still counts, in decibels.
const CLIPPED: f64 = -15.0;

/// Of `heard` against what was said, both at 48 kHz, as long as one another and in step.
pub fn stoi(said: &[f32], heard: &[f32]) -> f64 {
    let (said, heard) = (frames(&at_10_khz(said)), frames(&at_10_khz(heard)));
    let loudness: Vec<f64> = said.iter().map(|frame| 20.0 * (norm(frame) + 1e-12).log10()).collect();
    let loudest = loudness.iter().copied().fold(f64::MIN, f64::max);
    let spoken: Vec<usize> = (0..said.len()).filter(|frame| loudness[*frame] > loudest - RANGE).collect();
    let (said, heard) = (bands(&joined(&said, &spoken)), bands(&joined(&heard, &spoken)));
    let most = 1.0 + 10.0_f64.powf(-CLIPPED / 20.0);
    let (mut sum, mut count) = (0.0, 0);
    for end in SEGMENT..=said.len() {
        for band in 0..BANDS {
            let course = |frames: &[[f64; BANDS]]| -> Vec<f64> {
                frames[end - SEGMENT..end].iter().map(|frame| frame[band]).collect()
            };
            let (said, mut heard) = (course(&said), course(&heard));
            let factor = norm(&said) / (norm(&heard) + 1e-15);
            heard.iter_mut().zip(&said).for_each(|(heard, said)| *heard = (*heard * factor).min(said * most));
            sum += correlation(&said, &heard);
            count += 1;
        }
    }
    sum / f64::from(count)
}

fn at_10_khz(sound: &[f32]) -> Vec<f64> {
    const HALF: isize = 48;
    let ratio = 48_000.0 / RATE;
    let sample = |n: usize| {
        let centre = n as f64 * ratio;
        let taps = (centre as isize - HALF)..=(centre as isize + HALF);
        let inside = taps.filter_map(|tap| Some((tap, *sound.get(usize::try_from(tap).ok()?)?)));
        let weighed = inside.map(|(tap, sample)| {
            let x = tap as f64 - centre;
            let phase = PI * x / ratio;
            let sinc = if phase.abs() < 1e-9 { 1.0 } else { phase.sin() / phase };
            f64::from(sample) * sinc * (0.5 + 0.5 * (PI * x / (HALF as f64 + 1.0)).cos())
        });
        weighed.sum::<f64>() / ratio
    };
    (0..(sound.len() as f64 / ratio) as usize).map(sample).collect()
}

fn frames(sound: &[f64]) -> Vec<Vec<f64>> {
    let window = |n: usize| 0.5 - 0.5 * (TAU * (n + 1) as f64 / (FRAME + 1) as f64).cos();
    let frame = |at: usize| (0..FRAME).map(|n| sound[at * HOP + n] * window(n)).collect();
    (0..=(sound.len() - FRAME) / HOP).map(frame).collect()
}

/// The frames that were `spoken`, overlapped again.
fn joined(frames: &[Vec<f64>], spoken: &[usize]) -> Vec<f64> {
    let mut sound = vec![0.0; spoken.len() * HOP + HOP];
    for (place, frame) in spoken.iter().enumerate() {
        sound[place * HOP..][..FRAME].iter_mut().zip(&frames[*frame]).for_each(|(sum, sample)| *sum += sample);
    }
    sound
}

/// Amplitudes in thirds of octaves from 150 Hz on, for each frame.
fn bands(sound: &[f64]) -> Vec<[f64; BANDS]> {
    const FFT: usize = 512;
    let bin = |hertz: f64| (hertz * FFT as f64 / RATE).round() as usize;
    let edges: [_; BANDS] = std::array::from_fn(|band| {
        let centre = 150.0 * 2.0_f64.powf(band as f64 / 3.0);
        bin(centre * 2.0_f64.powf(-1.0 / 6.0))..bin(centre * 2.0_f64.powf(1.0 / 6.0))
    });
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
    let analysed = frames(sound).into_iter().map(|frame| {
        let (mut time, mut spectrum) = (vec![0.0; FFT], transform.make_output_vec());
        time[..FRAME].copy_from_slice(&frame);
        transform.process(&mut time, &mut spectrum).unwrap();
        edges.clone().map(|band| spectrum[band].iter().map(|bin| bin.norm_sqr()).sum::<f64>().sqrt())
    });
    analysed.collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).map(|(a, b)| (a - mean_a, b - mean_b)).unzip();
    let product: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    product / (norm(&a) * norm(&b) + 1e-15)
}

//! Speech in simulated rooms: how much of its echo goes, what a near voice loses when both speak, and how well it is
//! understood then; noise and loudness.

mod room;
mod stoi;

use codec::{
    container::mp4::Clip,
    opus::Channels,
    voice::{BLOCK, EchoCanceller, NoiseSuppressor, VoiceParts, VoiceProcessing},
};
use room::{CHANGE, DOUBLE_TALK, NEAR_ALONE, Noise, RATE, Room, Scene, power};

const FAR: &[u8] = include_bytes!("media/far-voice.mp4");
const NEAR: &[u8] = include_bytes!("media/near-voice.mp4");

fn speech(clip: &[u8]) -> Vec<f32> {
    let clip = Clip::from_bytes(clip.to_vec()).unwrap();
    let mut audio = clip.audio(Channels::Mono).unwrap().expect("it has sound");
    let mut samples = Vec::new();
    while audio.read(&mut samples).unwrap() {}
    samples
}

fn decibels(ratio: f32) -> f32 {
    10.0 * ratio.log10()
}

const QUIET_ROOM: Room = Room {
    name: "a small room, near",
    delay_ms: 20.0,
    reverberation_ms: 150,
    jump_ms: 0.0,
    drift_ppm: 0.0,
    distortion: 0.05,
    near_db: 0.0,
};

const ROOMS: [Room; 7] = [
    QUIET_ROOM,
    Room { name: "a hall", delay_ms: 120.0, reverberation_ms: 300, ..QUIET_ROOM },
    Room { name: "far away, a bad loudspeaker", delay_ms: 200.0, reverberation_ms: 200, distortion: 0.1, ..QUIET_ROOM },
    Room { name: "a delay that grows", delay_ms: 40.0, reverberation_ms: 200, jump_ms: 60.0, ..QUIET_ROOM },
    Room { name: "a delay that shrinks", delay_ms: 90.0, reverberation_ms: 200, jump_ms: -50.0, ..QUIET_ROOM },
    Room { name: "clocks that drift", delay_ms: 40.0, reverberation_ms: 200, drift_ppm: 30.0, ..QUIET_ROOM },
    Room { name: "a soft near voice", delay_ms: 60.0, reverberation_ms: 200, near_db: -4.0, ..QUIET_ROOM },
];

/// What came of a scene.
#[derive(Debug)]
struct Outcome {
    /// Echo return loss enhancement in decibels: in the first 3 s, after the room's change, and once converged.
    early: f32,
    changed: f32,
    erle: f32,
    /// What the near voice gained in double talk, and alone, in decibels.
    near_gain: f32,
    alone_gain: f32,
    /// How well it is understood in double talk: at the microphone, and at the end.
    heard_stoi: f64,
    stoi: f64,
}

fn outcome(scene: &Scene, delay: usize, mut process: impl FnMut(&[f32; BLOCK], &mut [f32; BLOCK])) -> Outcome {
    let mut out = Vec::with_capacity(scene.heard.len());
    for (far, heard) in scene.far.chunks_exact(BLOCK).zip(scene.heard.chunks_exact(BLOCK)) {
        let mut block: [f32; BLOCK] = heard.try_into().unwrap();
        process(far.try_into().unwrap(), &mut block);
        out.extend_from_slice(&block);
    }
    out.drain(..delay);
    let erle = |from: usize, to: usize| {
        decibels(power(&scene.heard[from * RATE..to * RATE]) / power(&out[from * RATE..to * RATE]))
    };
    let gain = |from: usize, to: usize| {
        let (near, out) = (&scene.near[from * RATE..to * RATE], &out[from * RATE..to * RATE]);
        let common: f64 = near.iter().zip(out).map(|(near, out)| f64::from(near * out)).sum();
        let whole: f64 = near.iter().map(|near| f64::from(near * near)).sum();
        2.0 * decibels((common / whole).abs() as f32)
    };
    let talk = DOUBLE_TALK * RATE..NEAR_ALONE * RATE;
    let near = &scene.near[talk.clone()];
    Outcome {
        early: erle(0, 3),
        changed: erle(CHANGE, CHANGE + 3),
        erle: erle(12, DOUBLE_TALK),
        near_gain: gain(DOUBLE_TALK, NEAR_ALONE),
        alone_gain: gain(NEAR_ALONE + 1, NEAR_ALONE + 3),
        heard_stoi: stoi::stoi(near, &scene.heard[talk.clone()]),
        stoi: stoi::stoi(near, &out[talk]),
    }
}

#[test]
fn echo_goes_and_the_near_voice_stays() {
    let (female, male) = (speech(FAR), speech(NEAR));
    for (voices, far, near) in [("her echo", &female, &male), ("his echo", &male, &female)] {
        for room in ROOMS {
            let scene = room.scene(far, near);
            let mut canceller = EchoCanceller::new();
            let outcome = outcome(&scene, BLOCK, |far, heard| canceller.process(Some(far), heard));
            println!("{voices}, {}: {outcome:.2?}", room.name);
            let Outcome { early, changed, erle, near_gain, alone_gain, heard_stoi, stoi } = outcome;
            assert!(erle >= 30.0, "{voices}, {}: {outcome:?}", room.name);
            assert!(early >= 15.0 && changed >= 10.0, "{voices}, {}: {outcome:?}", room.name);
            assert!(near_gain >= -4.0 && alone_gain.abs() < 0.5, "{voices}, {}: {outcome:?}", room.name);
            assert!(stoi >= 0.75 && stoi > heard_stoi, "{voices}, {}: {outcome:?}", room.name);
        }
    }
}

#[test]
fn with_headphones_the_canceller_is_not_heard() {
    let (far, near) = (speech(FAR), speech(NEAR));
    let scene = QUIET_ROOM.scene(&far, &near);
    let mut canceller = EchoCanceller::new();
    let alone = Scene { heard: scene.near.clone(), ..scene };
    let outcome = outcome(&alone, BLOCK, |far, heard| canceller.process(Some(far), heard));
    println!("{outcome:.2?}");
    assert!(outcome.near_gain > -0.5 && outcome.stoi > 0.97, "{outcome:?}");
}

#[test]
fn the_whole_way_keeps_the_targets() {
    let (far, near) = (speech(FAR), speech(NEAR));
    let scene = ROOMS[1].scene(&far, &near);
    let mut voice = VoiceProcessing::new(VoiceParts { gain: false, ..VoiceParts::ALL });
    let outcome = outcome(&scene, voice.delay(), |far, heard| voice.process(Some(far), heard));
    println!("{outcome:.2?}");
    let Outcome { erle, near_gain, stoi, .. } = outcome;
    assert!(erle >= 30.0 && near_gain >= -4.0 && stoi >= 0.75, "{outcome:?}");
}

#[test]
fn noise_goes_and_speech_is_told_from_it() {
    let clean = speech(NEAR);
    let (mut noise, mut low) = (Noise(3), 0.0);
    // A fan: noise with less of it the higher it is.
    let fan: Vec<f32> = (0..clean.len())
        .map(|_| {
            low += 0.3 * (noise.next() - low);
            low
        })
        .collect();
    // 10 dB below the voice.
    let factor = (power(&clean) / power(&fan) / 10.0).sqrt();
    let mut suppressor = NoiseSuppressor::new();
    let (mut out, mut voices) = (Vec::new(), 0);
    for (clean, fan) in clean.chunks_exact(BLOCK).zip(fan.chunks_exact(BLOCK)) {
        let mut block: [f32; BLOCK] = std::array::from_fn(|n| clean[n] + factor * fan[n]);
        voices += usize::from(suppressor.process(&mut block) > 0.6);
        out.extend_from_slice(&block);
    }
    let end = out.len();
    let distortion = |sound: &[f32], clean: &[f32]| {
        let error: Vec<f32> = sound.iter().zip(clean).map(|(a, b)| a - b).collect();
        decibels(power(clean) / power(&error))
    };
    let after = distortion(&out[BLOCK..], &clean[..end - BLOCK]);
    println!("10 dB become {after:.1} dB, voice in {voices} of {} blocks", end / BLOCK);
    assert!(after > 12.0, "{after} dB");
    assert!(voices * BLOCK * 2 > end, "voice in {voices} of {} blocks", end / BLOCK);
    let mut found = 0;
    for fan in fan.chunks_exact(BLOCK) {
        let mut block: [f32; BLOCK] = std::array::from_fn(|n| factor * fan[n]);
        found += usize::from(suppressor.process(&mut block) > 0.6);
    }
    assert!(found * BLOCK * 10 < end, "a fan was taken for a voice {found} times");
}

#[test]
fn soft_speech_becomes_as_loud_as_loud_speech() {
    let speech = speech(NEAR);
    let level = |factor: f32| {
        let mut voice = VoiceProcessing::new(VoiceParts { echo: false, ..VoiceParts::ALL });
        let mut out = Vec::new();
        for block in speech.chunks_exact(BLOCK).chain(speech.chunks_exact(BLOCK)) {
            let mut block: [f32; BLOCK] = std::array::from_fn(|n| block[n] * factor);
            voice.process(Some(&[0.0; BLOCK]), &mut block);
            out.extend_from_slice(&block);
        }
        assert!(out.iter().all(|sample| sample.abs() <= 1.0));
        decibels(power(&out[out.len() / 2..]))
    };
    let (soft, loud) = (level(0.15), level(1.2));
    println!("soft {soft:.1} dB, loud {loud:.1} dB");
    assert!((soft - loud).abs() < 4.0, "{soft} dB and {loud} dB, from 18 dB apart");
}

//! A real sound system (PulseAudio with a sink into nothing): what the speaker plays, the microphone hears.

mod sound_system;

use client::{
    device::{BLOCK, DeviceError, Microphone, Played, SoundMicrophone, SoundNames, SoundSpeaker, Speaker},
    link::Clock,
};
use sound_system::{PulseAudio, amplitude, null_sink};

#[test]
fn what_the_speaker_plays_the_microphone_hears_in_time() {
    sound_system::before_others();
    let folder = tempfile::tempdir().unwrap();
    let _sound_system = PulseAudio::start(
        folder.path(),
        &(null_sink("hall", "Hall") + "set-default-sink hall\nset-default-source hall.monitor"),
    );
    let clock = Clock::start();
    let unknown = SoundMicrophone::open("no such thing", clock).err().unwrap();
    assert!(matches!(&unknown, DeviceError::Unknown { known, .. } if known.contains("Hall")), "{unknown}");

    let names = SoundNames { speakers: vec!["Hall".into()], ..SoundNames::default() };
    assert_eq!(SoundNames::ask().unwrap(), names);

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

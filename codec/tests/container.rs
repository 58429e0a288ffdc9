//! Clips are read in the right order, size and loudness; recordings hold what was received, whole or cut off.

mod scene;

use std::io::Cursor;

use codec::container::matroska::{AudioTrack, MatroskaWriter, RecordError, VideoTrack};
use codec::container::mp4::{Clip, ClipError};
use codec::h264::{Encoded, Encoder, EncoderConfig};
use codec::opus::{self, Channels};

const SURROUND: &[u8] = include_bytes!("media/surround.mp4");
const OPUS: &[u8] = include_bytes!("media/opus.mp4");
const MONO: &[u8] = include_bytes!("media/mono44.mp4");

fn sound(clip: &Clip, channels: Channels) -> Vec<f32> {
    let mut audio = clip.audio(channels).unwrap().expect("it has sound");
    let mut samples = Vec::new();
    while audio.read(&mut samples).unwrap() {}
    samples
}

/// How strong a tone is in the middle of the sound, 0 to 1 (Goertzel).
fn strength(samples: &[f32], hz: f64) -> f64 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in middle.iter().enumerate() {
        let angle = n as f64 * hz / 48_000.0 * std::f64::consts::TAU;
        re += f64::from(sample) * angle.cos();
        im += f64::from(sample) * angle.sin();
    }
    (re * re + im * im).sqrt() * 2.0 / middle.len() as f64
}

#[test]
fn pictures_come_in_the_order_of_presentation_all_of_them() {
    let clip = Clip::from_bytes(SURROUND.to_vec()).unwrap();
    let mut video = clip.video().unwrap().expect("it has pictures");
    assert_eq!((video.width(), video.height(), video.len()), (96, 64, 20));
    assert!((video.frame_rate() - 25.0).abs() < 0.01);
    let mut first = None;
    for round in 0..2 {
        for n in 0..20u64 {
            let timed = video.next_picture().unwrap().expect("twenty pictures");
            assert_eq!(timed.time_us, n * 40_000);
            assert_eq!((timed.picture.width(), timed.picture.height()), (96, 64));
            if n == 0 {
                assert_eq!(*first.get_or_insert(timed.picture.clone()), timed.picture, "round {round}");
            } else {
                assert_ne!(first.as_ref(), Some(&timed.picture));
            }
        }
        assert_eq!(video.next_picture().unwrap(), None);
        assert_eq!(video.next_picture().unwrap(), None);
        video.rewind().unwrap();
    }
}

#[test]
fn five_and_one_channels_become_two_and_one() {
    let clip = Clip::from_bytes(SURROUND.to_vec()).unwrap();
    let stereo = sound(&clip, Channels::Stereo);
    assert!((stereo.len() / 2).abs_diff(38_400) < 2_048, "{} frames", stereo.len() / 2);
    let side = |k: usize| stereo.iter().skip(k).step_by(2).copied().collect::<Vec<_>>();
    // 440 Hz is left front, 1 kHz the centre: ffmpeg's sine has an amplitude of 1/8, halved, and scaled by 0.414 (0.293).
    for (hz, left, right) in [(440.0, 0.0259, 0.0), (1_000.0, 0.0183, 0.0183)] {
        assert!((strength(&side(0), hz) - left).abs() < 0.003, "{hz} Hz left: {}", strength(&side(0), hz));
        assert!((strength(&side(1), hz) - right).abs() < 0.003, "{hz} Hz right: {}", strength(&side(1), hz));
    }
    let mono = sound(&clip, Channels::Mono);
    assert!((strength(&mono, 1_000.0) - 0.0183).abs() < 0.003);
    assert!((strength(&mono, 440.0) - 0.0130).abs() < 0.003);
}

#[test]
fn opus_and_other_rates_play_too() {
    for (file, name) in [(OPUS, "opus"), (MONO, "44.1 kHz AAC")] {
        let clip = Clip::from_bytes(file.to_vec()).unwrap();
        assert!(clip.video().unwrap().is_none());
        let mono = sound(&clip, Channels::Mono);
        assert!(mono.len().abs_diff(24_000) < 2_400, "{name}: {} samples", mono.len());
        assert!((strength(&mono, 440.0) - 0.125).abs() < 0.02, "{name}: {}", strength(&mono, 440.0));
        assert_eq!(sound(&clip, Channels::Stereo).len(), 2 * mono.len());
    }
}

#[test]
fn damaged_files_are_refused_or_read_as_far_as_they_go() {
    let refused = |bytes: &[u8]| {
        matches!(Clip::from_bytes(bytes.to_vec()), Err(ClipError::Damaged(_) | ClipError::Unsupported(_)))
    };
    assert!(refused(b""));
    assert!(refused(b"this is no film"));
    let mut seed = 3u32;
    for round in 0..300usize {
        let mut file = SURROUND.to_vec();
        for _ in 0..1 + round % 20 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (seed >> 4) as usize % file.len();
            file[at] ^= 1 << (seed >> 29);
        }
        file.truncate(if round % 4 == 0 { (seed >> 3) as usize % file.len() } else { file.len() });
        let Ok(clip) = Clip::from_bytes(file) else { continue };
        if let Ok(Some(mut video)) = clip.video() {
            let mut count = 0;
            while let Ok(Some(_)) = video.next_picture() {
                count += 1;
                assert!(count <= 1_000, "it ends");
            }
        }
        if let Ok(Some(mut audio)) = clip.audio(Channels::Mono) {
            let mut out = Vec::new();
            while let Ok(true) = audio.read(&mut out) {
                out.clear();
            }
        }
    }
}

/// Ids, contents and places of the elements of one level; unknown sizes reach to the end.
fn elements(bytes: &[u8]) -> Vec<(u32, &[u8], usize)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let start = at;
        let length = bytes[at].leading_zeros() as usize + 1;
        let Some(id) = bytes.get(at..at + length) else { break };
        let id = id.iter().fold(0, |n, &byte| n << 8 | u32::from(byte));
        at += length;
        let Some(&first) = bytes.get(at) else { break };
        let length = first.leading_zeros() as usize + 1;
        let Some(size) = bytes.get(at..at + length) else { break };
        let value =
            size[1..].iter().fold(u64::from(first) & ((1 << (8 - length)) - 1), |n, &byte| n << 8 | u64::from(byte));
        let unknown = value == (1 << (7 * length)) - 1;
        at += length;
        let end = if unknown { bytes.len() } else { at + value as usize };
        let Some(content) = bytes.get(at..end) else { break };
        found.push((id, content, start));
        at = end;
    }
    found
}

const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const SIMPLE_BLOCK: u32 = 0xa3;

/// Track, time in ticks of 100 µs, key flag and length of every block.
fn blocks(file: &[u8]) -> Vec<(u8, i64, bool, usize)> {
    let top = elements(file);
    let segment = top.iter().find(|element| element.0 == SEGMENT).expect("a segment").1;
    let mut found = Vec::new();
    for (_, cluster, _) in elements(segment).into_iter().filter(|element| element.0 == CLUSTER) {
        let inner = elements(cluster);
        let time = inner[0].1.iter().fold(0i64, |n, &byte| n << 8 | i64::from(byte));
        for (_, block, _) in inner.iter().filter(|element| element.0 == SIMPLE_BLOCK) {
            let relative = i64::from(i16::from_be_bytes([block[1], block[2]]));
            found.push((block[0] & 0x7f, time + relative, block[3] & 0x80 != 0, block.len() - 4));
        }
    }
    found
}

fn record(seconds: u32, finish: bool) -> (Vec<u8>, usize) {
    let mut video = Encoder::new(EncoderConfig::new(160, 96, 25.0, 200_000)).unwrap();
    let mut audio = opus::Encoder::new(opus::EncoderConfig::default()).unwrap();
    let mut writer: Option<MatroskaWriter<Cursor<&mut Vec<u8>>>> = None;
    let mut file = Vec::new();
    let mut written = 0;
    let start = 5_000_000_000;
    let mut out = Some(Cursor::new(&mut file));
    for n in 0..seconds * 25 {
        let time = start + u64::from(n) * 40_000;
        if let Encoded::Packet(packet) = video.encode(&scene::picture(160, 96, n), time).unwrap() {
            if let Some(out) = out.take() {
                let track = VideoTrack::from_keyframe(&packet.bytes).unwrap();
                writer = Some(MatroskaWriter::new(out, Some(track), Some(AudioTrack::new(Channels::Mono))).unwrap());
            }
            let writer = writer.as_mut().unwrap();
            writer.write_video(&packet.bytes, time, packet.keyframe).unwrap();
            written += 1;
            for k in 0..2 {
                let packet = audio.encode(&[0.1; 960]).unwrap();
                writer.write_audio(&packet, time + k * 20_000).unwrap();
                written += 1;
            }
        }
    }
    if finish {
        writer.unwrap().finish().unwrap();
    } else {
        drop(writer);
    }
    (file, written)
}

#[test]
fn a_finished_recording_has_everything_where_its_seek_table_says() {
    let (file, written) = record(5, true);
    let blocks = blocks(&file);
    assert_eq!(blocks.len(), written);
    let times = |track: u8| blocks.iter().filter(move |block| block.0 == track).map(|block| block.1);
    assert!(times(1).eq((0..125).map(|n| n * 400)));
    assert!(times(2).eq((0..250).map(|n| n * 200)));
    assert_eq!(blocks.iter().filter(|block| block.0 == 1 && block.2).count(), 1);

    let top = elements(&file);
    assert_eq!(top.len(), 2, "the segment's size is known, and it is the last");
    let segment = top[1].1;
    let inner = elements(segment);
    let place = |id: u32| inner.iter().find(|element| element.0 == id).map(|element| element.2 as u64);
    let seek_head = inner.iter().find(|element| element.0 == SEEK_HEAD).expect("a seek table").1;
    let mut seeks = 0;
    for (_, seek, _) in elements(seek_head) {
        let parts = elements(seek);
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        assert_eq!(place(number(parts[0].1) as u32), Some(number(parts[1].1)));
        seeks += 1;
    }
    assert_eq!(seeks, 3);
    assert!(place(CUES).is_some() && place(TRACKS).is_some());
    let info = inner.iter().find(|element| element.0 == INFO).unwrap().1;
    let duration = elements(info).into_iter().find(|element| element.0 == 0x4489).unwrap().1;
    assert_eq!(f64::from_be_bytes(duration.try_into().unwrap()), 50_000.0);
}

#[test]
fn a_recording_that_breaks_off_keeps_all_but_its_last_second() {
    let (file, written) = record(5, false);
    let kept = blocks(&file).len();
    assert!(kept >= written - 80 && kept < written, "{kept} of {written}");
    // Cut anywhere behind the head, what is whole stays readable.
    for cut in (1_000..file.len()).step_by(997) {
        assert!(blocks(&file[..cut]).len() <= kept);
    }
}

#[test]
fn a_recording_begins_with_a_keyframe_and_knows_its_tracks() {
    assert!(matches!(VideoTrack::from_keyframe(&[0, 0, 1, 0x41, 7]), Err(RecordError::Parameters(_))));
    let nothing = MatroskaWriter::new(Cursor::new(Vec::new()), None, None);
    assert!(matches!(nothing, Err(RecordError::NoTracks)));
    let audio = Some(AudioTrack::new(Channels::Stereo));
    let mut writer = MatroskaWriter::new(Cursor::new(Vec::new()), None, audio).unwrap();
    assert!(matches!(writer.write_video(&[], 0, true), Err(RecordError::NoTrack("video"))));
    writer.write_audio(&[0xfc, 0xff, 0xfe], 10).unwrap();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(blocks(&file), [(2, 0, true, 3)]);
}

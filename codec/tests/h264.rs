//! H.264 from end to end: what goes in comes out alike, at the rate asked for, and nothing broken is ever shown.

mod scene;

use codec::Picture;
use codec::h264::{
    Content, Decoded, Decoder, EncodeError, Encoded, Encoder, EncoderConfig, Incoming, Packet, nal, sps::Sps,
};
use codec::{Colour, Matrix, Range};

const W: u32 = 320;
const H: u32 = 180;

fn config() -> EncoderConfig {
    EncoderConfig::new(W, H, 30.0, 300_000)
}

fn encode(encoder: &mut Encoder, n: u32) -> Option<Packet> {
    let config = *encoder.config();
    let picture = scene::picture(config.width, config.height, n);
    match encoder.encode(&picture, u64::from(n) * 1_000_000 / 30).expect("encodes") {
        Encoded::Packet(packet) => Some(packet),
        Encoded::Skipped => None,
    }
}

fn stream(config: EncoderConfig, count: u32) -> Vec<Packet> {
    let mut encoder = Encoder::new(config).expect("an encoder");
    (0..count).filter_map(|n| encode(&mut encoder, n)).collect()
}

fn incoming(sequence: u64, packet: &Packet) -> Incoming<'_> {
    let Packet { bytes, keyframe, layer, depends, .. } = packet;
    Incoming { sequence, keyframe: *keyframe, layer: *layer, depends: *depends, bytes }
}

fn decode_all(packets: &[Packet]) -> Vec<Picture> {
    let mut decoder = Decoder::new().unwrap();
    let decoded = packets.iter().enumerate().map(|(n, packet)| decoder.decode(incoming(n as u64, packet)).unwrap());
    decoded
        .map(|decoded| match decoded {
            Decoded::Picture(picture) => picture,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn pictures_come_out_alike_and_at_once() {
    let packets = stream(config(), 30);
    assert_eq!(packets.len(), 30);
    for (n, picture) in decode_all(&packets).iter().enumerate() {
        let psnr = scene::psnr(picture, &scene::picture(W, H, n as u32));
        assert!(psnr > 30.0, "picture {n}: {psnr} dB");
    }
}

#[test]
fn layers_and_references_are_marked() {
    for (layers, expected) in [
        (1u8, vec![(0, 0), (0, 1), (0, 1), (0, 1), (0, 1)]),
        (2, vec![(0, 0), (1, 1), (0, 2), (1, 1), (0, 2)]),
        (3, vec![(0, 0), (2, 1), (1, 2), (2, 1), (0, 4)]),
    ] {
        let packets = stream(EncoderConfig { temporal_layers: layers, ..config() }, 5);
        let marks: Vec<_> = packets.iter().map(|packet| (packet.layer, packet.depends)).collect();
        assert_eq!(marks, expected, "{layers} layers");
    }
}

/// The one proof that `depends` is true: whatever is left out, what the marks call decodable comes out bit for bit as in
/// the whole stream.
#[test]
fn whatever_is_dropped_the_marks_say_what_decodes() {
    let mut seed = 7u32;
    for layers in 1..=3 {
        for content in [Content::Camera, Content::Screen] {
            if (content, layers) == (Content::Screen, 3) {
                continue;
            }
            let packets = stream(EncoderConfig { temporal_layers: layers, content, ..config() }, 40);
            let whole = decode_all(&packets);
            for round in 0..8 {
                let mut decoder = Decoder::new().unwrap();
                let mut shown = 0;
                for (n, packet) in packets.iter().enumerate() {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Rounds 0–3 drop higher layers only, the others anything but the first.
                    let dropped = n > 0 && seed >> 16 & 7 == 0 && (packet.layer > 0 || round >= 4);
                    if dropped {
                        continue;
                    }
                    match decoder.decode(incoming(n as u64, packet)).unwrap() {
                        Decoded::Picture(picture) => {
                            assert_eq!(picture, whole[n], "{layers} layers, round {round}, picture {n}");
                            shown += 1;
                        }
                        Decoded::Orphan => assert!(packet.layer > 0),
                        Decoded::NeedKeyframe => assert!(round >= 4, "round {round} keeps the base layer"),
                        Decoded::Stale => panic!("nothing came twice"),
                    }
                }
                assert!(shown > 0);
            }
        }
    }
}

#[test]
fn a_lost_base_picture_asks_for_a_keyframe_and_recovers_there() {
    let mut encoder = Encoder::new(config()).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut wanted = false;
    let mut recovered = false;
    for n in 0..12 {
        if n == 8 {
            encoder.request_keyframe();
        }
        let packet = encode(&mut encoder, n).unwrap();
        assert_eq!(packet.keyframe, n == 0 || n == 8);
        if n == 4 {
            continue;
        }
        match decoder.decode(incoming(u64::from(n), &packet)).unwrap() {
            Decoded::Picture(picture) => {
                assert!(!(4..8).contains(&n), "picture {n} has no whole reference");
                assert!(scene::psnr(&picture, &scene::picture(W, H, n)) > 28.0);
                recovered |= n >= 8;
            }
            Decoded::NeedKeyframe => wanted = true,
            Decoded::Orphan => assert_eq!(packet.layer, 1),
            Decoded::Stale => panic!("nothing came twice"),
        }
    }
    assert!(wanted && recovered);
}

#[test]
fn repeated_and_overtaken_packets_are_passed_over() {
    let packets = stream(config(), 6);
    let mut decoder = Decoder::new().unwrap();
    let mut take = |n: usize| decoder.decode(incoming(n as u64, &packets[n])).unwrap();
    assert!(matches!(take(0), Decoded::Picture(_)));
    assert_eq!(take(0), Decoded::Stale);
    assert!(matches!(take(2), Decoded::Picture(_)));
    assert_eq!(take(1), Decoded::Stale);
    assert_eq!(take(5), Decoded::Orphan);
    assert!(matches!(take(4), Decoded::Picture(_)));
    assert!(matches!(take(5), Decoded::Picture(_)));
}

#[test]
fn a_reader_that_starts_in_the_middle_waits_for_a_keyframe() {
    let packets = stream(config(), 3);
    let mut decoder = Decoder::new().unwrap();
    assert!(decoder.needs_keyframe());
    assert_eq!(decoder.decode(incoming(2, &packets[2])).unwrap(), Decoded::NeedKeyframe);
}

#[test]
fn garbage_shows_nothing_and_the_next_keyframe_cures_it() {
    let packets = stream(config(), 4);
    let mut decoder = Decoder::new().unwrap();
    let mut seed = 1u32;
    let mut sequence = 0;
    for round in 0..400usize {
        assert!(
            matches!(decoder.decode(incoming(sequence, &packets[0])).unwrap(), Decoded::Picture(_)),
            "round {round}"
        );
        let mut damaged = packets[1 + round % 3].clone();
        damaged.depends = 1;
        damaged.layer = 0;
        let mut bytes = damaged.bytes.to_vec();
        for _ in 0..1 + round % 40 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (seed >> 8) as usize % bytes.len();
            bytes[at] = seed as u8;
        }
        bytes.truncate(if round % 3 == 0 { (seed >> 4) as usize % bytes.len() } else { bytes.len() });
        damaged.bytes = bytes.into();
        if !matches!(decoder.decode(incoming(sequence + 1, &damaged)).unwrap(), Decoded::Picture(_)) {
            assert!(decoder.needs_keyframe());
            assert_eq!(decoder.decode(incoming(sequence + 2, &packets[1])).unwrap(), Decoded::NeedKeyframe);
        }
        sequence += 3;
    }
    for rubbish in [&[][..], &[0; 100], &[0, 0, 0, 1, 0x65], &[0, 0, 1, 0x67, 0xff, 0xff], b"GET / HTTP/1.1"] {
        let packet = Incoming { sequence, keyframe: true, layer: 0, depends: 0, bytes: rubbish };
        assert_eq!(decoder.decode(packet).unwrap(), Decoded::NeedKeyframe);
        sequence += 1;
    }
}

#[test]
fn bitrate_and_frame_rate_change_while_running() {
    let mut encoder = Encoder::new(EncoderConfig::new(W, H, 30.0, 600_000)).unwrap();
    let rate = |encoder: &mut Encoder, from: u32, frames: u32| {
        let bytes: usize = (from..from + frames)
            .filter_map(|n| encode(encoder, n))
            .map(|packet| {
                assert_eq!(packet.keyframe, packet.depends == 0);
                packet.bytes.len()
            })
            .sum();
        bytes as f64 * 8.0 * 30.0 / f64::from(frames)
    };
    rate(&mut encoder, 0, 30);
    let before = rate(&mut encoder, 30, 60);
    encoder.set_bitrate(150_000, 200_000).unwrap();
    rate(&mut encoder, 90, 30);
    let lower = rate(&mut encoder, 120, 60);
    assert!((450_000.0..750_000.0).contains(&before), "{before}");
    assert!((100_000.0..200_000.0).contains(&lower), "{lower}");
    encoder.set_bitrate(600_000, 700_000).unwrap();
    rate(&mut encoder, 180, 30);
    let again = rate(&mut encoder, 210, 60);
    assert!((450_000.0..750_000.0).contains(&again), "{again}");
    // At half the frame rate each picture may have twice the bits.
    encoder.set_frame_rate(15.0).unwrap();
    rate(&mut encoder, 270, 30);
    let doubled = rate(&mut encoder, 300, 60);
    assert!(doubled > 1.2 * again, "{again} to {doubled}");
}

#[test]
fn an_encoder_that_began_or_was_resized_at_a_low_rate_is_raised_to_a_high_one() {
    let mut encoder = Encoder::new(EncoderConfig::new(W, H, 30.0, 50_000)).unwrap();
    for (bitrate, size) in [(4_000_000, (160, 90)), (60_000, (W, H)), (20_000_000, (W, H)), (50_000, (W, H))] {
        encoder.set_bitrate(bitrate, bitrate + bitrate / 4).unwrap();
        encoder.resize(size.0, size.1).unwrap();
        encoder.set_bitrate(bitrate, bitrate + bitrate / 4).unwrap();
    }
}

#[test]
fn what_cannot_be_kept_to_the_rate_is_skipped() {
    let mut encoder = Encoder::new(EncoderConfig::new(W, H, 30.0, 100_000)).unwrap();
    let mut seed = 1u32;
    let (mut skipped, mut bytes, mut decoder, mut sequence) = (0, 0, Decoder::new().unwrap(), 0);
    for n in 0..90u64 {
        let mut noise = codec::PictureMut::black(W, H).unwrap();
        for sample in noise.planes_mut().y {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (seed >> 24) as u8;
        }
        match encoder.encode(&noise.freeze(), n * 33_333).unwrap() {
            Encoded::Skipped => skipped += 1,
            Encoded::Packet(packet) => {
                bytes += packet.bytes.len();
                assert!(matches!(decoder.decode(incoming(sequence, &packet)).unwrap(), Decoded::Picture(_)));
                sequence += 1;
            }
        }
    }
    assert!(skipped > 30, "{skipped} skipped");
    // Three seconds, one of slack, and the last picture may be as large as it is.
    assert!(bytes * 8 < 125_000 * 5, "{bytes} bytes");
}

#[test]
fn layers_size_and_content_change_with_a_keyframe() {
    let mut encoder = Encoder::new(config()).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut sequence = 0;
    let mut take = |encoder: &mut Encoder, keyframe: bool| {
        let packet = encode(encoder, 3).unwrap();
        assert_eq!(packet.keyframe, keyframe);
        let decoded = decoder.decode(incoming(sequence, &packet)).unwrap();
        sequence += 1;
        match decoded {
            Decoded::Picture(picture) => picture,
            other => panic!("{other:?}"),
        }
    };
    take(&mut encoder, true);
    take(&mut encoder, false);
    encoder.set_temporal_layers(3).unwrap();
    take(&mut encoder, true);
    encoder.resize(176, 100).unwrap();
    assert_eq!((take(&mut encoder, true).width(), take(&mut encoder, false).height()), (176, 100));
    assert!(encoder.set_content(Content::Screen).is_err(), "three layers do not go with a screen");
    encoder.set_temporal_layers(2).unwrap();
    encoder.set_content(Content::Screen).unwrap();
    take(&mut encoder, true);
    let full = Colour { matrix: Matrix::Bt709, range: Range::Full };
    encoder.set_colour(full).unwrap();
    assert_eq!(take(&mut encoder, true).colour(), full);
    encoder.set_colour(full).unwrap();
    assert_eq!(take(&mut encoder, false).colour(), full);
}

/// Bytes that this process holds in memory.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

#[test]
#[cfg(target_os = "linux")]
fn sizes_that_change_all_the_time_leave_nothing_behind() {
    let mut encoder = Encoder::new(config()).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let pictures = [(640, 360), (W, H), (480, 270)].map(|(width, height)| scene::picture(width, height, 1));
    let mut before = 0;
    for n in 0..360u32 {
        let picture = &pictures[n as usize % pictures.len()];
        encoder.resize(picture.width(), picture.height()).unwrap();
        let Encoded::Packet(packet) = encoder.encode(picture, u64::from(n) * 1_000_000).unwrap() else {
            panic!("picture {n} was left out");
        };
        let Decoded::Picture(seen) = decoder.decode(incoming(n.into(), &packet)).unwrap() else {
            panic!("picture {n} was not decoded");
        };
        assert_eq!((seen.width(), seen.height()), (picture.width(), picture.height()));
        if n == 60 {
            before = resident();
        }
    }
    // Even one in a hundred encoders that stayed would show.
    let grown = resident().saturating_sub(before);
    println!("{before} bytes, {grown} more after 300 changes of size");
    assert!(grown < 4 << 20, "{grown} bytes more than {before}");
}

#[test]
fn a_keyframe_tells_its_size_and_colours() {
    let packet = &stream(config(), 1)[0];
    let unit = nal::units(&packet.bytes).find(|unit| unit.kind() == nal::kind::SPS).unwrap();
    let sps = Sps::parse(unit.bytes).unwrap();
    assert_eq!((sps.profile, sps.width, sps.height), (66, W, H));
    assert_eq!((sps.matrix, sps.range), (Some(Matrix::Bt601), Some(Range::Limited)));
}

#[test]
fn impossible_settings_are_refused_and_possible_ones_beside_them_taken() {
    let try_config = |change: fn(&mut EncoderConfig)| {
        let mut config = config();
        change(&mut config);
        Encoder::new(config).map(|_| ())
    };
    assert!(try_config(|c| c.width = 16).is_ok());
    assert!(matches!(try_config(|c| c.width = 14), Err(EncodeError::Config { .. })));
    assert!(matches!(try_config(|c| c.width = 321), Err(EncodeError::Config { .. })));
    assert!(matches!(try_config(|c| c.height = 181), Err(EncodeError::Config { .. })));
    assert!(try_config(|c| c.temporal_layers = 3).is_ok());
    assert!(try_config(|c| c.temporal_layers = 4).is_err());
    assert!(try_config(|c| c.temporal_layers = 0).is_err());
    assert!(try_config(|c| (c.content, c.temporal_layers) = (Content::Screen, 2)).is_ok());
    assert!(try_config(|c| (c.content, c.temporal_layers) = (Content::Screen, 3)).is_err());
    assert!(try_config(|c| c.frame_rate = 60.0).is_ok());
    assert!(try_config(|c| c.frame_rate = f32::NAN).is_err());
    assert!(try_config(|c| c.max_bitrate = c.bitrate).is_ok());
    assert!(try_config(|c| c.max_bitrate = c.bitrate - 1).is_err());
    let mut encoder = Encoder::new(config()).unwrap();
    assert!(encoder.set_bitrate(1, 2).is_err());
    let other_size = encoder.encode(&scene::picture(W + 2, H, 0), 0);
    assert!(matches!(other_size, Err(EncodeError::Size { .. })));
}

//! The jitter buffer and the playout of pictures against traces of arrivals: steady, jittery, bursty, drifting, broken off.

use bytes::Bytes;
use codec::opus::{self, Channels, EncoderConfig};
use codec::playout::{AudioPlayout, AudioStats, BLOCK, BLOCK_US, Offset, SoundPacket, Source, VideoPlayout};
use proptest::prelude::*;

const FRAME_US: u64 = 20_000;
/// The publisher's clock shows something quite different from the listener's.
const MEDIA_START: u64 = 900_000_000;
const LOCAL_START: u64 = 5_000_000;

/// Half a second of a voice-like sound whose loop is smooth, encoded.
fn packets() -> Vec<Bytes> {
    let mut encoder = opus::Encoder::new(EncoderConfig { expected_loss: 10, ..EncoderConfig::default() }).unwrap();
    let wave = |n: usize, k: f64| (n as f64 * 150.0 * k / 48_000.0 * std::f64::consts::TAU).sin() / k;
    let sound: Vec<f32> = (0..24_000).map(|n| (wave(n, 1.0) + wave(n, 2.0) + wave(n, 3.0)) as f32 * 0.2).collect();
    let encode = |samples: &[f32]| encoder.encode(samples).unwrap();
    let packets: Vec<Bytes> = sound.chunks_exact(960).chain(sound.chunks_exact(960)).map(encode).collect();
    packets[25..].to_vec()
}

fn dice(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// What a listener got.
struct Heard {
    /// Delay behind the fastest packet at each second, µs.
    delays: Vec<u64>,
    /// Each block: where it came from, and the delay since its sound was sent (drift not counted).
    blocks: Vec<(Source, Option<i64>)>,
    stats: AudioStats,
    /// The largest step between two samples.
    roughest: f32,
}

impl Heard {
    /// Blocks of a time (seconds) that were not played from packets.
    fn gaps(&self, from: f64, to: f64) -> usize {
        let blocks = &self.blocks[(from * 100.0) as usize..((to * 100.0) as usize).min(self.blocks.len())];
        blocks.iter().filter(|(source, _)| *source != Source::Packets).count()
    }

    /// The longest delay at a second from this one on, ms.
    fn worst(&self, from: usize) -> u64 {
        self.delays[from..].iter().max().copied().unwrap_or(0) / 1_000
    }
}

/// Plays `seconds` of packets, each of which arrives as long after it was sent as `way` says (none: never, several: more
/// than once), with a publisher's clock that runs `ppm` too fast.
fn listen<W: IntoIterator<Item = u64>>(seconds: u64, ppm: i64, mut way: impl FnMut(u64) -> W) -> Heard {
    let payloads = packets();
    let mut arrivals = Vec::new();
    for n in 0..(seconds + 2) * 50 {
        let sent = LOCAL_START + (n * FRAME_US).saturating_add_signed(-(n as i64 * FRAME_US as i64 * ppm / 1_000_000));
        arrivals.extend(way(n).into_iter().map(|transit| (sent + transit, n)));
    }
    arrivals.sort();
    let mut playout = AudioPlayout::new(Channels::Mono).unwrap();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut heard = Heard { delays: Vec::new(), blocks: Vec::new(), stats: playout.stats(), roughest: 0.0 };
    let (mut block, mut last) = ([0f32; BLOCK], 0f32);
    // Blocks are fetched at times of their own.
    for k in 0..seconds * 100 {
        let now = LOCAL_START + 3_700 + k * BLOCK_US;
        while let Some((at, n)) = arrivals.next_if(|(at, _)| *at <= now) {
            let payload = payloads[n as usize % payloads.len()].clone();
            playout.push(SoundPacket { sequence: 100 + n, media_time_us: MEDIA_START + n * FRAME_US, payload }, at);
        }
        let got = playout.pull(now, &mut block);
        let behind = got.media_time_us.map(|media| {
            let elapsed = (now - LOCAL_START) as i64;
            elapsed + elapsed * ppm / 1_000_000 - (media as i64 - MEDIA_START as i64)
        });
        heard.blocks.push((got.source, behind));
        for &sample in &block {
            assert!(sample.is_finite());
            heard.roughest = heard.roughest.max((sample - last).abs());
            last = sample;
        }
        if k % 100 == 99 {
            heard.delays.push(playout.stats().delay_us);
        }
    }
    heard.stats = playout.stats();
    heard
}

#[test]
fn a_steady_path_adds_a_block_and_no_gap() {
    let heard = listen(20, 0, |_| [40_000]);
    assert_eq!(heard.gaps(0.1, 20.0), 0, "{:?}", heard.stats);
    assert!(heard.worst(3) <= 25, "{:?}", heard.delays);
    assert!(heard.worst(0) <= 45, "it begins with about a frame: {:?}", heard.delays);
    assert!(heard.roughest < 0.1, "no clicks: {}", heard.roughest);
    // What is heard was sent that long ago, and the way took 40 ms.
    let (_, behind) = heard.blocks[1_900];
    assert!((40_000..=65_000).contains(&behind.unwrap()), "{behind:?}");
}

#[test]
fn jitter_is_measured_and_covered() {
    let mut seed = 1;
    let heard = listen(60, 0, |_| [20_000 + dice(&mut seed) % 60_000]);
    let gaps = heard.gaps(5.0, 60.0);
    assert!(gaps < 55, "{gaps} of 5500 blocks: {:?}", heard.stats);
    assert!(heard.worst(5) <= 100, "{:?}", heard.delays);
}

#[test]
fn a_recorded_way_is_covered() {
    let recorded = include_str!("media/long-lossy-line.csv").lines().filter(|line| !line.starts_with('#'));
    let transits: Vec<Option<u64>> = recorded.map(|line| line.parse().ok()).collect();
    let seconds = transits.len() as u64 / 50 - 2;
    let heard = listen(seconds, 0, |n| transits.get(n as usize).copied().flatten());
    let gaps = heard.gaps(2.0, seconds as f64);
    assert!(gaps * 100 < seconds as usize * 100 * 2, "under 2 %: {gaps} blocks in {seconds} s, {:?}", heard.stats);
    // The longest of its packets were 170 ms late: nobody should be made to wait for those.
    assert!(heard.worst(5) <= 130, "{:?}", heard.delays);
    assert!(heard.roughest < 0.2, "no clicks: {}", heard.roughest);
}

#[test]
fn bursts_of_a_proxy_are_smoothed() {
    for hold in [100_000, 200_000] {
        // The proxy passes on what it has each `hold`.
        let heard = listen(40, 0, |n| [10_000 + hold - (n * FRAME_US) % hold]);
        assert!(heard.gaps(4.0, 40.0) <= 10, "{hold}: {} gaps, {:?}", heard.gaps(4.0, 40.0), heard.stats);
        assert!(heard.worst(5) <= hold / 1_000 + 40, "{hold}: {:?}", heard.delays);
    }
}

#[test]
fn after_jitter_the_delay_goes_back() {
    let mut seed = 2;
    let heard = listen(60, 0, |n| [20_000 + if n < 500 { dice(&mut seed) % 100_000 } else { 0 }]);
    assert!(heard.worst(40) <= 25, "{:?}", heard.delays);
}

#[test]
fn a_spike_costs_a_gap_and_no_lasting_delay() {
    // Each ten seconds the path stands still for 300 ms; everything comes afterwards.
    let heard = listen(60, 0, |n| [20_000 + (15 - (n % 500).min(15)) * FRAME_US]);
    for spike in 1..6usize {
        assert!(heard.delays[spike * 10 + 2] <= 60_000, "{spike}: {:?}", heard.delays);
        let gaps = heard.gaps(spike as f64 * 10.0, spike as f64 * 10.0 + 9.9);
        assert!(gaps <= 32, "{spike}: {gaps} blocks of 300 ms");
    }
    assert_eq!(heard.stats.dropped, 0, "nothing said is lost: {:?}", heard.stats);
}

/// An hour of a publisher whose clock is off by so much.
fn drift(ppm: i64) -> AudioStats {
    let heard = listen(3_600, ppm, |_| [20_000]);
    assert!(heard.worst(3) <= 30, "{ppm} ppm: {} ms", heard.worst(3));
    let gaps = heard.gaps(1.0, 3_600.0);
    assert!(gaps <= 36, "{ppm} ppm: {gaps} gaps, {:?}", heard.stats);
    heard.stats
}

#[test]
fn an_hour_with_a_fast_publisher_builds_up_no_delay() {
    let stats = drift(300);
    assert!(stats.shortened.abs_diff(51_840) < 2_000, "{stats:?}");
}

#[test]
fn an_hour_with_a_slow_publisher_tears_no_gaps() {
    let stats = drift(-300);
    assert!(stats.lengthened.abs_diff(51_840) < 2_000, "{stats:?}");
}

#[test]
fn after_ten_seconds_without_a_path_it_goes_on_at_once() {
    for (name, mode) in [("lost", 0u64), ("all late at once", 1), ("all late, 1 ms apart", 2)] {
        let heard = listen(40, 0, |n| match (n, mode) {
            (500..1_000, 0) => None,
            (500..1_000, 1) => Some((1_000 - n) * FRAME_US + 20_000),
            (500..1_000, _) => Some((1_000 - n) * FRAME_US + 20_000 - (1_000 - n) * 1_000),
            _ => Some(20_000),
        });
        let rest = if mode == 2 { 0.6 } else { 0.0 };
        assert_eq!(heard.gaps(20.15 + rest, 40.0), 0, "{name}: {:?}", heard.stats);
        assert!(heard.blocks[2_015 + (rest * 100.0) as usize..].iter().all(|(_, behind)| behind.unwrap() < 500_000));
        assert!(heard.delays[23] <= 30_000, "{name}: {:?}", heard.delays);
        assert!(heard.stats.dropped <= 500);
    }
}

#[test]
fn lost_packets_are_recovered_and_repeated_ones_ignored() {
    let mut seed = 3;
    // With this jitter the packet behind a lost one is mostly there in time.
    let heard = listen(60, 0, |n| match dice(&mut seed) % 20 {
        0 => vec![],
        1 => vec![20_000, 25_000],
        _ => vec![20_000 + n % 3 * 20_000],
    });
    assert!(heard.stats.recovered > 80, "{:?}", heard.stats);
    assert!(heard.stats.repeated + heard.stats.late > 80);
    assert!(heard.worst(5) <= 80, "{:?}", heard.delays);
    assert!(heard.stats.concealed < 48_000 * 60 / 100, "{:?}", heard.stats);
}

#[test]
fn overtaking_packets_are_put_in_order() {
    // Every tenth packet takes 50 ms longer and is overtaken by two.
    let heard = listen(60, 0, |n| [20_000 + if n % 10 == 7 { 50_000 } else { 0 }]);
    assert!(heard.gaps(5.0, 60.0) <= 5, "{:?}", heard.stats);
    assert!(heard.worst(5) <= 85, "{:?}", heard.delays);
}

#[test]
fn a_path_that_becomes_longer_is_followed() {
    for longer in [150_000, 900_000] {
        let heard = listen(30, 0, |n| [20_000 + if n < 500 { 0 } else { longer }]);
        assert_eq!(heard.gaps(17.0, 30.0), 0, "{longer}: {:?}", heard.stats);
        assert!(heard.delays[29] <= 40_000, "{longer}: {:?}", heard.delays);
    }
}

#[test]
fn a_publisher_that_begins_anew_is_followed() {
    let payloads = packets();
    let mut playout = AudioPlayout::new(Channels::Stereo).unwrap();
    let mut block = [0f32; 2 * BLOCK];
    let mut played = 0;
    for n in 0..200u64 {
        let now = LOCAL_START + n * FRAME_US;
        let media_time_us = if n < 100 { MEDIA_START + n * FRAME_US } else { (n - 100) * FRAME_US };
        playout.push(SoundPacket { sequence: n, media_time_us, payload: payloads[n as usize % 25].clone() }, now);
        for k in 0..2 {
            let got = playout.pull(now + k * BLOCK_US, &mut block);
            played += usize::from(n >= 105 && got.source == Source::Packets);
        }
    }
    assert_eq!(played, 190, "{:?}", playout.stats());
}

#[test]
fn packets_that_are_no_opus_and_too_many_packets_are_left_out() {
    let mut playout = AudioPlayout::new(Channels::Mono).unwrap();
    let packet = |sequence: u64, payload: &Bytes| SoundPacket {
        sequence,
        media_time_us: sequence * FRAME_US,
        payload: payload.clone(),
    };
    playout.push(packet(0, &Bytes::new()), 0);
    assert_eq!(playout.stats().damaged, 1);
    let payload = &packets()[0];
    for n in 0..5_000 {
        playout.push(packet(n, payload), 0);
    }
    assert!(playout.stats().dropped >= 4_400);
    let mut short = [0f32; 7];
    assert_eq!(playout.pull(1_000_000_000, &mut short).source, Source::Packets);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever a path does, no sample is wild, memory is bounded, and once it is steady again so is the sound.
    #[test]
    fn any_path_is_survived(seed in any::<u64>(), loss in 0u64..60, jitter in 1u64..700_000, ppm in -300i64..300) {
        let mut state = seed;
        let heard = listen(20, ppm, |n| {
            let lost = dice(&mut state) % 100 < loss;
            let transit = 20_000 + dice(&mut state) % jitter;
            match n {
                0..300 if lost => vec![],
                0..300 if transit.is_multiple_of(7) => vec![transit, transit / 2],
                0..300 => vec![transit],
                _ => vec![20_000],
            }
        });
        prop_assert!(heard.gaps(12.0, 20.0) <= 4, "{:?}", heard.stats);
        prop_assert!(heard.blocks[1_200..].iter().all(|(_, behind)| behind.is_none_or(|us| us < 1_200_000)));
    }
}

/// Shows `seconds` of 30 pictures a second on a screen that looks each 2 ms; gives for each its number, and how long after
/// it was taken it was shown, µs.
fn watch(
    seconds: u64,
    sound: Option<Offset>,
    mut way: impl FnMut(u64) -> Option<u64>,
) -> (Vec<(u64, u64)>, VideoPlayout<u64>) {
    let mut arrivals: Vec<(u64, u64)> = (0..seconds * 30)
        .filter_map(|n| way(n).map(|transit| (LOCAL_START + n * 1_000_000 / 30 + transit, n)))
        .collect();
    arrivals.sort();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut playout = VideoPlayout::new();
    let mut shown = Vec::new();
    for k in 0..seconds * 500 {
        let now = LOCAL_START + k * 2_000;
        while let Some((at, n)) = arrivals.next_if(|(at, _)| *at <= now) {
            playout.push(n, MEDIA_START + n * 1_000_000 / 30, at);
        }
        if let Some(picture) = playout.take(now, sound) {
            shown.push((picture.picture, now - LOCAL_START - picture.picture * 1_000_000 / 30));
        }
    }
    (shown, playout)
}

#[test]
fn without_jitter_pictures_are_shown_at_once() {
    let (shown, playout) = watch(300, None, |_| Some(30_000));
    assert_eq!(shown.len(), 9_000);
    assert!(shown.iter().all(|(_, delay)| *delay < 32_500));
    let stats = playout.stats();
    assert_eq!((stats.dropped, stats.freezes, stats.target_us), (0, 0, 0));
}

#[test]
fn bursts_of_pictures_are_spread_out() {
    let (shown, playout) = watch(30, None, |n| Some(20_000 + 150_000 - (n * 1_000_000 / 30) % 150_000));
    let late: Vec<_> = shown.iter().filter(|(n, _)| *n > 300).collect();
    assert!(late.len() >= 590, "{} of 599", late.len());
    assert!(late.iter().all(|(_, delay)| *delay < 190_000));
    assert_eq!(playout.stats().freezes, 0);
}

#[test]
fn late_pictures_are_left_out_and_freezes_counted() {
    let (shown, playout) = watch(20, None, |n| match n {
        300..330 => None,
        450 => Some(2_000_000),
        _ => Some(10_000),
    });
    assert!(shown.windows(2).all(|two| two[0].0 < two[1].0), "always forward");
    assert!(shown.iter().all(|(_, delay)| *delay < 60_000));
    let stats = playout.stats();
    assert_eq!((stats.freezes, stats.dropped), (1, 1));
    assert!((1_000_000..1_100_000).contains(&stats.frozen_us), "{}", stats.frozen_us);
}

#[test]
fn pictures_wait_for_sound_and_not_longer_than_needed() {
    let sound = |behind: u64| Some(Offset::of(MEDIA_START, LOCAL_START + behind));
    // Sound 40 ms after the pictures is in step; 120 ms after is not: pictures wait until it is 45 ms.
    for (behind, least, most) in [(50_000, 10_000, 12_500), (130_000, 85_000, 87_500), (5_000_000, 410_000, 412_500)] {
        let (shown, _) = watch(10, sound(behind), |_| Some(10_000));
        let steady = &shown[30..];
        assert!(steady.iter().all(|(_, delay)| (least..=most).contains(delay)), "{behind}: {:?}", steady[0]);
    }
}

#[test]
fn sound_waits_for_pictures() {
    let payloads = packets();
    let mut playout = AudioPlayout::new(Channels::Mono).unwrap();
    let mut block = [0f32; BLOCK];
    let video = Offset::of(MEDIA_START, LOCAL_START + 150_000);
    for n in 0..500u64 {
        let now = LOCAL_START + 20_000 + n * FRAME_US;
        let media_time_us = MEDIA_START + n * FRAME_US;
        playout.push(SoundPacket { sequence: n, media_time_us, payload: payloads[n as usize % 25].clone() }, now);
        playout.keep_with((n >= 100).then_some(video));
        for k in 0..2 {
            playout.pull(now + k * BLOCK_US, &mut block);
        }
    }
    let behind = playout.offset().unwrap().behind(video);
    assert!((-22_000..=0).contains(&behind), "sound is {behind} µs behind the picture");
    assert!(playout.stats().lengthened + playout.stats().concealed > 0);
}

#[test]
fn a_new_clock_of_the_publisher_is_followed_by_pictures() {
    let mut playout = VideoPlayout::new();
    for n in 0..60u64 {
        let media = if n < 30 { MEDIA_START + n * 33_000 } else { n * 33_000 };
        playout.push(n, media, LOCAL_START + n * 33_000);
        assert_eq!(playout.take(LOCAL_START + n * 33_000, None).map(|shown| shown.picture), Some(n));
    }
}

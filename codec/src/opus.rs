//! Opus at 48 kHz: sound to packets of 10 or 20 ms and back, with what helps against loss: forward error correction in
//! the next packet, and concealment (RFC 6716, RFC 7587).

use bytes::Bytes;

/// Samples per second and channel, everywhere in this crate.
pub const SAMPLE_RATE: u32 = 48_000;

/// How many channels, interleaved left, right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Channels {
    /// One.
    #[default]
    Mono,
    /// Two.
    Stereo,
}

impl Channels {
    /// 1 or 2.
    pub fn count(self) -> usize {
        match self {
            Channels::Mono => 1,
            Channels::Stereo => 2,
        }
    }

    fn native(self) -> opus::Channels {
        match self {
            Channels::Mono => opus::Channels::Mono,
            Channels::Stereo => opus::Channels::Stereo,
        }
    }
}

/// How much sound goes into one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FrameLength {
    /// 10 ms: less delay, a fifth more bits.
    Ms10,
    /// 20 ms.
    #[default]
    Ms20,
}

impl FrameLength {
    /// Samples per channel.
    pub fn samples(self) -> usize {
        match self {
            FrameLength::Ms10 => 480,
            FrameLength::Ms20 => 960,
        }
    }

    /// Microseconds.
    pub fn us(self) -> u64 {
        match self {
            FrameLength::Ms10 => 10_000,
            FrameLength::Ms20 => 20_000,
        }
    }
}

/// What is to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Content {
    /// A voice.
    #[default]
    Speech,
    /// Music, or anything with it.
    Music,
}

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Channels of the input and of the packets.
    pub channels: Channels,
    /// How much sound goes into one packet.
    pub frame: FrameLength,
    /// Bits per second to aim at, 6 000 to 510 000.
    pub bitrate: u32,
    /// Packets lost of a hundred. From 1 on, a packet carries a coarse copy of the one before (forward error correction),
    /// as good as the bitrate allows.
    pub expected_loss: u8,
    /// What is to be heard.
    pub content: Content,
    /// Whether silence is sent as next to nothing. Keep it off where music may come: it takes quiet passages for silence.
    pub discontinuous: bool,
}

impl Default for EncoderConfig {
    /// One channel of speech at 32 kb/s in 20 ms packets.
    fn default() -> EncoderConfig {
        EncoderConfig {
            channels: Channels::Mono,
            frame: FrameLength::Ms20,
            bitrate: 32_000,
            expected_loss: 0,
            content: Content::Speech,
            discontinuous: false,
        }
    }
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// Not one frame of samples.
    #[error("{got} samples given where a frame has {frame} in all channels: cut the sound into frames")]
    Samples {
        /// Samples given.
        got: usize,
        /// Samples of a frame, all channels.
        frame: usize,
    },
    /// The bitrate is out of bounds.
    #[error("a bitrate of {0} is not possible: it must be from 6 000 to 510 000 bits per second")]
    Bitrate(u32),
    /// The packet cannot be decoded.
    #[error("the packet is no Opus packet: drop it and conceal the gap")]
    Packet,
    /// libopus refused.
    #[error("libopus could not {doing}: {why}")]
    Library {
        /// What it was asked to do.
        doing: &'static str,
        /// What it said.
        why: String,
    },
}

/// Encodes one stream of sound.
pub struct Encoder {
    native: opus::Encoder,
    config: EncoderConfig,
}

impl Encoder {
    /// An encoder of this configuration.
    ///
    /// # Errors
    /// [`OpusError::Bitrate`], [`OpusError::Library`] when memory is short.
    pub fn new(config: EncoderConfig) -> Result<Encoder, OpusError> {
        // `Audio` for voice too: `Voip` is no better (PESQ-WB of three recorded voices at 32 kb/s 4.42, `Audio` 4.44), and
        // filters what is not voice.
        let native = opus::Encoder::new(SAMPLE_RATE, config.channels.native(), opus::Application::Audio)
            .map_err(library("start an encoder"))?;
        let mut encoder = Encoder { native, config };
        let signal = match config.content {
            Content::Speech => opus::Signal::Voice,
            Content::Music => opus::Signal::Music,
        };
        encoder.native.set_signal(signal).map_err(library("set the kind of sound"))?;
        encoder.native.set_complexity(COMPLEXITY).map_err(library("set the complexity"))?;
        encoder.native.set_vbr(true).map_err(library("set a variable bitrate"))?;
        encoder.native.set_dtx(config.discontinuous).map_err(library("set discontinuous transmission"))?;
        encoder.set_bitrate(config.bitrate)?;
        encoder.set_expected_loss(config.expected_loss)?;
        Ok(encoder)
    }

    /// What the encoder is set to.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Encodes one frame of interleaved samples in −1 to 1.
    ///
    /// # Errors
    /// [`OpusError::Samples`] when it is not exactly one frame.
    pub fn encode(&mut self, samples: &[f32]) -> Result<Bytes, OpusError> {
        let frame = self.config.frame.samples() * self.config.channels.count();
        if samples.len() != frame {
            return Err(OpusError::Samples { got: samples.len(), frame });
        }
        let mut packet = [0; MAX_PACKET];
        let length = self.native.encode_float(samples, &mut packet).map_err(library("encode a frame"))?;
        Ok(Bytes::copy_from_slice(&packet[..length]))
    }

    /// Changes the bitrate in bits per second from the next frame on.
    ///
    /// # Errors
    /// [`OpusError::Bitrate`]; the old one stays.
    pub fn set_bitrate(&mut self, bitrate: u32) -> Result<(), OpusError> {
        let allowed = i32::try_from(bitrate).ok().filter(|bps| (6_000..=510_000).contains(bps));
        let bps = allowed.ok_or(OpusError::Bitrate(bitrate))?;
        self.native.set_bitrate(opus::Bitrate::Bits(bps)).map_err(library("set the bitrate"))?;
        self.config.bitrate = bitrate;
        Ok(())
    }

    /// Says how many packets of a hundred get lost (more than 100 counts as 100); 0 ends forward error correction.
    ///
    /// # Errors
    /// [`OpusError::Library`].
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), OpusError> {
        let percent = percent.min(100);
        self.native.set_inband_fec(percent > 0).map_err(library("set error correction"))?;
        self.native.set_packet_loss_perc(i32::from(percent)).map_err(library("set the expected loss"))?;
        self.config.expected_loss = percent;
        Ok(())
    }

    /// Samples per channel by which what comes out of a decoder lies behind what went in.
    ///
    /// # Errors
    /// [`OpusError::Library`].
    pub fn lookahead(&mut self) -> Result<usize, OpusError> {
        let samples = self.native.get_lookahead().map_err(library("tell its delay"))?;
        Ok(usize::try_from(samples).unwrap_or(0))
    }
}

/// Decodes one stream of sound. Packets of any length and channel count come out as asked for.
pub struct Decoder {
    native: opus::Decoder,
    channels: Channels,
}

impl Decoder {
    /// A decoder that gives this many channels.
    ///
    /// # Errors
    /// [`OpusError::Library`] when memory is short.
    pub fn new(channels: Channels) -> Result<Decoder, OpusError> {
        let native = opus::Decoder::new(SAMPLE_RATE, channels.native()).map_err(library("start a decoder"))?;
        Ok(Decoder { native, channels })
    }

    /// How many channels come out.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// Appends the sound of a packet to `out`, interleaved, and says how many samples per channel it was.
    ///
    /// # Errors
    /// [`OpusError::Packet`]; nothing is appended.
    pub fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> Result<usize, OpusError> {
        let samples = packet_samples(packet).ok_or(OpusError::Packet)?;
        self.run(packet, samples, false, out)
    }

    /// Appends what stood in a lost packet of `samples` per channel, from the coarse copy in the packet after it. Where
    /// that has none, it is a guess as by [`Decoder::conceal`].
    ///
    /// # Errors
    /// [`OpusError::Packet`]; nothing is appended.
    pub fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> Result<usize, OpusError> {
        packet_samples(next).ok_or(OpusError::Packet)?;
        self.run(next, whole_steps(samples), true, out)
    }

    /// Appends a guess of `samples` per channel (rounded to 2.5 ms) that goes on from what was decoded last and fades.
    ///
    /// # Errors
    /// [`OpusError::Library`]; nothing is appended.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> Result<usize, OpusError> {
        self.run(&[], whole_steps(samples), false, out)
    }

    fn run(&mut self, packet: &[u8], samples: usize, fec: bool, out: &mut Vec<f32>) -> Result<usize, OpusError> {
        let (start, count) = (out.len(), self.channels.count());
        out.resize(start + samples * count, 0.0);
        match self.native.decode_float(packet, &mut out[start..], fec) {
            Ok(decoded) => {
                out.truncate(start + decoded * count);
                Ok(decoded)
            }
            Err(error) => {
                out.truncate(start);
                if packet.is_empty() { Err(library("conceal a gap")(error)) } else { Err(OpusError::Packet) }
            }
        }
    }
}

/// How many samples per channel a packet holds; none when it is no Opus packet.
pub fn packet_samples(packet: &[u8]) -> Option<usize> {
    let samples = opus::packet::get_nb_samples(packet, SAMPLE_RATE).ok()?;
    (1..=MAX_SAMPLES).contains(&samples).then_some(samples)
}

/// Highest effort: 0.15 ms for 20 ms of sound on one core.
const COMPLEXITY: i32 = 10;

/// No packet is longer: 20 ms at 510 kb/s are 1275 bytes (RFC 6716 section 3.2).
const MAX_PACKET: usize = 1_500;

/// The most that one packet may hold: 120 ms.
const MAX_SAMPLES: usize = 5_760;

/// Concealment goes by 2.5 ms and at most 120 ms.
fn whole_steps(samples: usize) -> usize {
    const STEP: usize = 120;
    (samples / STEP * STEP).clamp(STEP, MAX_SAMPLES)
}

fn library(doing: &'static str) -> impl Fn(opus::Error) -> OpusError {
    move |error| OpusError::Library { doing, why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like tone: harmonics of a pitch that glides.
    fn voice(count: usize) -> Vec<f32> {
        let mut phase = 0.0f64;
        (0..count)
            .map(|n| {
                phase += (150.0 + 40.0 * (n as f64 / 30_000.0).sin()) / f64::from(SAMPLE_RATE);
                (1..12).map(|k| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k)).sum::<f64>() as f32
                    * 0.2
            })
            .collect()
    }

    /// Signal to error in dB at the delay that fits best.
    fn likeness(sent: &[f32], got: &[f32]) -> f64 {
        (0..1_000)
            .map(|delay| {
                let pairs = sent.iter().zip(&got[delay..]).skip(4_800);
                let (signal, error) = pairs
                    .fold((0f64, 1e-9f64), |(s, e), (&a, &b)| (s + f64::from(a).powi(2), e + f64::from(a - b).powi(2)));
                10.0 * (signal / error).log10()
            })
            .fold(f64::MIN, f64::max)
    }

    #[test]
    fn sound_comes_back_alike_in_both_frame_lengths_and_channel_counts() {
        for (frame, channels) in [
            (FrameLength::Ms10, Channels::Mono),
            (FrameLength::Ms20, Channels::Mono),
            (FrameLength::Ms20, Channels::Stereo),
        ] {
            let config = EncoderConfig {
                frame,
                channels,
                bitrate: 48_000 * channels.count() as u32,
                ..EncoderConfig::default()
            };
            let mut encoder = Encoder::new(config).unwrap();
            let mut decoder = Decoder::new(channels).unwrap();
            let sent: Vec<f32> = voice(48_000).iter().flat_map(|&s| std::iter::repeat_n(s, channels.count())).collect();
            let (mut got, mut bytes) = (Vec::new(), 0);
            for samples in sent.chunks_exact(frame.samples() * channels.count()) {
                let packet = encoder.encode(samples).unwrap();
                bytes += packet.len();
                assert_eq!(packet_samples(&packet), Some(frame.samples()));
                assert_eq!(decoder.decode(&packet, &mut got).unwrap(), frame.samples());
            }
            assert!(likeness(&sent, &got) > 12.0, "{frame:?} {channels:?}: {} dB", likeness(&sent, &got));
            let rate = bytes * 8;
            assert!(rate < 60_000 * channels.count(), "{rate} b/s");
        }
    }

    #[test]
    fn error_correction_beats_concealment() {
        let config = EncoderConfig { expected_loss: 20, bitrate: 32_000, ..EncoderConfig::default() };
        let mut encoder = Encoder::new(config).unwrap();
        let packets: Vec<_> = voice(96_000).chunks_exact(960).map(|samples| encoder.encode(samples).unwrap()).collect();
        let run = |mode: u8| {
            let (mut decoder, mut got) = (Decoder::new(Channels::Mono).unwrap(), Vec::new());
            for (n, packet) in packets.iter().enumerate().take(packets.len() - 1) {
                match (n % 10 == 5, mode) {
                    (true, 1) => decoder.conceal(960, &mut got).unwrap(),
                    (true, 2) => decoder.recover(&packets[n + 1], 960, &mut got).unwrap(),
                    _ => decoder.decode(packet, &mut got).unwrap(),
                };
            }
            got
        };
        let (whole, concealed, recovered) = (run(0), run(1), run(2));
        assert_eq!(whole.len(), recovered.len());
        let error = |got: &[f32]| whole.iter().zip(got).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        assert!(error(&recovered) < 0.7 * error(&concealed), "{} against {}", error(&recovered), error(&concealed));
    }

    #[test]
    fn wrong_lengths_bitrates_and_packets_are_refused() {
        let mut encoder = Encoder::new(EncoderConfig::default()).unwrap();
        assert_eq!(encoder.encode(&[0.0; 959]), Err(OpusError::Samples { got: 959, frame: 960 }));
        assert!(encoder.encode(&[0.0; 960]).is_ok());
        assert!(encoder.set_bitrate(6_000).is_ok());
        assert_eq!(encoder.set_bitrate(5_999), Err(OpusError::Bitrate(5_999)));
        let mut decoder = Decoder::new(Channels::Mono).unwrap();
        let mut out = vec![1.0];
        assert_eq!(decoder.decode(&[], &mut out), Err(OpusError::Packet));
        assert_eq!(decoder.decode(&[0xff; 3], &mut out), Err(OpusError::Packet));
        assert_eq!(decoder.recover(&[], 960, &mut out), Err(OpusError::Packet));
        assert_eq!(out, [1.0]);
    }

    #[test]
    fn garbage_never_panics_and_samples_stay_finite() {
        let mut decoder = Decoder::new(Channels::Stereo).unwrap();
        let mut seed = 1u64;
        for round in 0..3_000 {
            let mut out = Vec::new();
            let packet: Vec<u8> = (0..round % 120)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 33) as u8
                })
                .collect();
            if decoder.decode(&packet, &mut out).is_ok() {
                assert!(out.len() <= 2 * MAX_SAMPLES && out.iter().all(|sample| sample.is_finite()));
            }
        }
    }
}

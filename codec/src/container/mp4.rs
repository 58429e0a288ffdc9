//! MP4 clips with H.264 pictures and AAC or Opus sound, decoded in the order of presentation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use re_mp4::{Mp4, StsdBoxContent, Track};

use super::TimedPicture;
use super::aac::AacDecoder;
use super::mix::mix;
use crate::h264::NativeDecoder;
use crate::h264::nal::{self, AvcConfig};
use crate::h264::sps::Sps;
use crate::opus::{self, Channels, SAMPLE_RATE};
use crate::picture::{Colour, PicturePool};
use crate::resample::Resampler;

/// A clip in memory, from which pictures and sound can be read side by side, any number of times.
#[derive(Clone)]
pub struct Clip {
    data: Arc<Vec<u8>>,
    video: Option<Arc<VideoTrack>>,
    audio: Option<Arc<AudioTrack>>,
}

/// Why a clip cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The file cannot be read.
    #[error("the clip cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is no MP4, or a damaged one.
    #[error("the file is no whole MP4 file ({0}): convert it with `ffmpeg -i IN -c:v libx264 -c:a aac OUT.mp4`")]
    Damaged(String),
    /// It holds something that cannot be decoded.
    #[error(
        "the clip has {0}, which cannot be decoded here: convert it with `ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p -c:a aac OUT.mp4`"
    )]
    Unsupported(String),
}

impl Clip {
    /// Reads a whole file into memory and finds its first H.264 and its first AAC or Opus track.
    ///
    /// # Errors
    /// [`ClipError`]; tracks of other codecs are passed over as long as there is one that can be played.
    pub fn open(path: impl AsRef<Path>) -> Result<Clip, ClipError> {
        Clip::from_bytes(std::fs::read(path)?)
    }

    /// As [`Clip::open`], from the bytes of a file.
    ///
    /// # Errors
    /// [`ClipError::Damaged`], [`ClipError::Unsupported`].
    pub fn from_bytes(data: Vec<u8>) -> Result<Clip, ClipError> {
        if !boxes_nest(&data, 0) {
            return Err(ClipError::Damaged("its boxes do not fit into one another".to_owned()));
        }
        // The demuxer panics on some damaged tables; such a file is damaged, no more.
        let parsed = catch_unwind(AssertUnwindSafe(|| Mp4::read_bytes(&data)));
        let mp4 = match parsed {
            Ok(Ok(mp4)) => mp4,
            Ok(Err(error)) => return Err(ClipError::Damaged(error.to_string())),
            Err(_) => return Err(ClipError::Damaged("its sample tables contradict one another".to_owned())),
        };
        let (mut video, mut audio, mut others) = (None, None, Vec::new());
        for track in mp4.tracks().values() {
            let samples = samples(track, data.len());
            match &track.trak(&mp4).mdia.minf.stbl.stsd.contents {
                StsdBoxContent::Avc1(entry) if video.is_none() => {
                    video = Some(Arc::new(VideoTrack::new(&entry.avcc.raw, samples, edit(&mp4, track))?));
                }
                StsdBoxContent::Mp4a(entry) if audio.is_none() => {
                    let codec = match &entry.esds {
                        Some(esds) => {
                            let config = &esds.es_desc.dec_config.dec_specific;
                            AudioCodec::Aac(config.profile, config.freq_index, config.chan_conf)
                        }
                        None => return Err(ClipError::Damaged("its AAC track has no configuration".to_owned())),
                    };
                    audio = Some(Arc::new(AudioTrack { codec, samples, edit: edit(&mp4, track) }));
                }
                StsdBoxContent::Unknown(code) if audio.is_none() && code.value == *b"Opus" => {
                    audio = Some(Arc::new(AudioTrack { codec: AudioCodec::Opus, samples, edit: edit(&mp4, track) }));
                }
                other => others.push(other.codec_string().unwrap_or_else(|| "a track of unknown kind".to_owned())),
            }
        }
        if video.is_none() && audio.is_none() {
            others.push("no H.264, AAC or Opus track".to_owned());
            return Err(ClipError::Unsupported(others.join(", ")));
        }
        Ok(Clip { data: Arc::new(data), video, audio })
    }

    /// Its pictures from the start, if it has any.
    ///
    /// # Errors
    /// [`ClipError::Unsupported`] when no decoder can be had.
    pub fn video(&self) -> Result<Option<ClipVideo>, ClipError> {
        self.video.as_ref().map(|track| ClipVideo::new(self.data.clone(), track.clone())).transpose()
    }

    /// Its sound from the start, if it has any, at 48 kHz in this many channels.
    ///
    /// # Errors
    /// [`ClipError::Unsupported`] when its kind of AAC is not known.
    pub fn audio(&self, channels: Channels) -> Result<Option<ClipAudio>, ClipError> {
        self.audio.as_ref().map(|track| ClipAudio::new(self.data.clone(), track.clone(), channels)).transpose()
    }
}

/// The pictures of a clip, one after the other.
pub struct ClipVideo {
    data: Arc<Vec<u8>>,
    track: Arc<VideoTrack>,
    decoder: NativeDecoder,
    pool: PicturePool,
    next: usize,
    flushing: bool,
    annex_b: Vec<u8>,
}

impl ClipVideo {
    fn new(data: Arc<Vec<u8>>, track: Arc<VideoTrack>) -> Result<ClipVideo, ClipError> {
        let decoder = new_decoder()?;
        Ok(ClipVideo {
            data,
            track,
            decoder,
            pool: PicturePool::default(),
            next: 0,
            flushing: false,
            annex_b: Vec::new(),
        })
    }

    /// Width of the pictures.
    pub fn width(&self) -> u32 {
        self.track.sps.width
    }

    /// Height of the pictures.
    pub fn height(&self) -> u32 {
        self.track.sps.height
    }

    /// Pictures per second, on average.
    pub fn frame_rate(&self) -> f32 {
        match self.duration_us() {
            0 => 25.0,
            us => (self.track.samples.len() as f64 * 1e6 / us as f64) as f32,
        }
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.track.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.track.samples.is_empty()
    }

    /// How long they last, µs.
    pub fn duration_us(&self) -> u64 {
        self.track.samples.iter().map(|sample| sample.duration_us).sum()
    }

    /// The next picture in the order of presentation; none at the end. What is damaged is passed over.
    ///
    /// # Errors
    /// None today; the type leaves room for readers that read as they go.
    pub fn next_picture(&mut self) -> Result<Option<TimedPicture>, ClipError> {
        loop {
            let out = if let Some(sample) = self.track.samples.get(self.next) {
                let index = self.next;
                self.next += 1;
                self.annex_b.clear();
                if sample.keyframe {
                    self.annex_b.extend_from_slice(&self.track.parameter_sets);
                }
                let Some(bytes) = self.data.get(sample.range.clone()) else { continue };
                if self.track.avc.sample_to_annex_b(bytes, &mut self.annex_b).is_err() {
                    continue;
                }
                self.decoder.decode(&self.annex_b, index as u64, &self.pool).ok().flatten()
            } else {
                // An empty access unit makes the decoder finish the last one; then it gives up what it holds back.
                let first = !std::mem::replace(&mut self.flushing, true);
                let last = if first { self.decoder.decode(&[], 0, &self.pool).ok().flatten() } else { None };
                match last.map_or_else(|| self.decoder.flush(&self.pool), |out| Ok(Some(out))) {
                    Ok(Some(out)) => Some(out),
                    Ok(None) | Err(_) => return Ok(None),
                }
            };
            if let Some((picture, stamp)) = out {
                let index = usize::try_from(stamp).unwrap_or(usize::MAX);
                let Some(sample) = self.track.samples.get(index) else { continue };
                let time_us = self.track.edit.shown_at(sample.time_us);
                return Ok(Some(TimedPicture { picture: picture.with_colour(self.track.colour), time_us }));
            }
        }
    }

    /// Begins again.
    ///
    /// # Errors
    /// [`ClipError::Unsupported`] when no decoder can be had.
    pub fn rewind(&mut self) -> Result<(), ClipError> {
        self.decoder = new_decoder()?;
        (self.next, self.flushing) = (0, false);
        Ok(())
    }
}

/// The sound of a clip, piece by piece.
pub struct ClipAudio {
    data: Arc<Vec<u8>>,
    track: Arc<AudioTrack>,
    channels: Channels,
    decoder: SoundDecoder,
    resampler: Option<(u32, Resampler)>,
    next: usize,
    /// Samples per channel at 48 kHz still to pass over: the encoder's lead-in and the resampler's.
    skip: usize,
    mixed: Vec<f32>,
}

enum SoundDecoder {
    Aac(Box<AacDecoder>),
    Opus(opus::Decoder),
}

impl ClipAudio {
    fn new(data: Arc<Vec<u8>>, track: Arc<AudioTrack>, channels: Channels) -> Result<ClipAudio, ClipError> {
        let decoder = track.codec.decoder(channels)?;
        Ok(ClipAudio {
            skip: track.edit.lead_in(),
            data,
            track,
            channels,
            decoder,
            resampler: None,
            next: 0,
            mixed: Vec::new(),
        })
    }

    /// Channels of what [`ClipAudio::read`] gives.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// Appends the next piece of sound, interleaved at 48 kHz, and says whether there was one. The first sample belongs
    /// to time 0 of the clip. Damaged pieces are passed over.
    ///
    /// # Errors
    /// [`ClipError::Unsupported`] when the sound has a rate that cannot be converted.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, ClipError> {
        let count = self.channels.count();
        while let Some(sample) = self.track.samples.get(self.next) {
            if self.next == 0 {
                let silence = self.track.edit.delay_us * u64::from(SAMPLE_RATE) / 1_000_000;
                out.resize(out.len() + silence as usize * count, 0.0);
            }
            self.next += 1;
            let Some(packet) = self.data.get(sample.range.clone()) else { continue };
            self.mixed.clear();
            let rate = match &mut self.decoder {
                SoundDecoder::Aac(decoder) => {
                    let Some(sound) = decoder.decode(packet) else { continue };
                    mix(&sound.samples, sound.channels, self.channels, &mut self.mixed);
                    sound.rate
                }
                SoundDecoder::Opus(decoder) => {
                    if decoder.decode(packet, &mut self.mixed).is_err() {
                        continue;
                    }
                    SAMPLE_RATE
                }
            };
            let start = out.len();
            if rate == SAMPLE_RATE {
                out.extend_from_slice(&self.mixed);
            } else {
                self.resample(rate, out)?;
            }
            let skipped = self.skip.min((out.len() - start) / count);
            out.drain(start..start + skipped * count);
            self.skip -= skipped;
            if out.len() > start {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins again.
    ///
    /// # Errors
    /// [`ClipError::Unsupported`] when no decoder can be had.
    pub fn rewind(&mut self) -> Result<(), ClipError> {
        self.decoder = self.track.codec.decoder(self.channels)?;
        self.resampler = None;
        (self.next, self.skip) = (0, self.track.edit.lead_in());
        Ok(())
    }

    fn resample(&mut self, rate: u32, out: &mut Vec<f32>) -> Result<(), ClipError> {
        let unsupported = |error: crate::resample::ResampleError| ClipError::Unsupported(error.to_string());
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
            let resampler = Resampler::new(rate, SAMPLE_RATE, self.channels.count()).map_err(unsupported)?;
            self.skip += resampler.delay();
            self.resampler = Some((rate, resampler));
        }
        match &mut self.resampler {
            Some((_, resampler)) => resampler.push(&self.mixed, out).map_err(unsupported),
            None => Ok(()),
        }
    }
}

struct VideoTrack {
    avc: AvcConfig,
    parameter_sets: Vec<u8>,
    sps: Sps,
    colour: Colour,
    samples: Vec<Sample>,
    edit: Edit,
}

impl VideoTrack {
    fn new(avcc: &[u8], samples: Vec<Sample>, edit: Edit) -> Result<VideoTrack, ClipError> {
        let avc = AvcConfig::parse(avcc).map_err(|error| ClipError::Damaged(error.to_string()))?;
        let parameter_sets = avc.annex_b();
        let sps = nal::units(&parameter_sets).find(|unit| unit.kind() == nal::kind::SPS);
        let sps = sps.and_then(|unit| Sps::parse(unit.bytes).ok());
        let sps = sps.ok_or_else(|| ClipError::Damaged("it has no readable parameter sets".to_owned()))?;
        // The demuxer already lets the first picture begin at 0; only an empty edit shifts it.
        let edit = Edit { media_start_us: 0, ..edit };
        Ok(VideoTrack { colour: sps.colour(), avc, parameter_sets, sps, samples, edit })
    }
}

struct AudioTrack {
    codec: AudioCodec,
    samples: Vec<Sample>,
    edit: Edit,
}

enum AudioCodec {
    /// Audio object type, sampling frequency index, channel configuration.
    Aac(u8, u8, u8),
    Opus,
}

impl AudioCodec {
    fn decoder(&self, channels: Channels) -> Result<SoundDecoder, ClipError> {
        match *self {
            AudioCodec::Aac(object, frequency, configuration) => AacDecoder::new(object, frequency, configuration)
                .map(|decoder| SoundDecoder::Aac(Box::new(decoder)))
                .ok_or_else(|| {
                    ClipError::Unsupported(format!(
                        "AAC of object type {object}, channel configuration {configuration}"
                    ))
                }),
            AudioCodec::Opus => match opus::Decoder::new(channels) {
                Ok(decoder) => Ok(SoundDecoder::Opus(decoder)),
                Err(error) => Err(ClipError::Unsupported(error.to_string())),
            },
        }
    }
}

struct Sample {
    range: std::ops::Range<usize>,
    /// When it is to be shown, µs, before the edit list.
    time_us: u64,
    duration_us: u64,
    keyframe: bool,
}

/// What the edit list says of a track's beginning (ISO/IEC 14496-12 section 8.6.6).
#[derive(Clone, Copy, Default)]
struct Edit {
    /// Nothing is played for so long, µs.
    delay_us: u64,
    /// Then the track is played from here on, µs.
    media_start_us: u64,
}

impl Edit {
    fn shown_at(&self, time_us: u64) -> u64 {
        time_us.saturating_sub(self.media_start_us) + self.delay_us
    }

    /// Samples per channel at 48 kHz before what is to be heard.
    fn lead_in(&self) -> usize {
        let samples = u128::from(self.media_start_us) * u128::from(SAMPLE_RATE) / 1_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX)
    }
}

/// Whether every box is at least as long as its head and no longer than the box around it, as far as the demuxer goes
/// into them: on others it may run for ever (ISO/IEC 14496-12 section 4.2).
fn boxes_nest(bytes: &[u8], depth: usize) -> bool {
    const DEEPEST: usize = 12;
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((head, _)) = rest.split_at_checked(8) else { return depth == 0 };
        let (mut head_length, mut length) = (8, u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]])));
        if length == 1 {
            let Some(long) = rest.get(8..16) else { return false };
            length = long.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
            head_length = 16;
        } else if length == 0 && depth == 0 {
            length = rest.len() as u64;
        }
        let whole = usize::try_from(length).ok().filter(|&length| length >= head_length);
        let Some((this, after)) = whole.and_then(|length| rest.split_at_checked(length)) else { return false };
        // Bytes between the head and the first box inside.
        let inside = match &head[4..8] {
            b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"mvex" | b"moof" | b"traf" => {
                Some(0)
            }
            b"stsd" | b"dref" => Some(8),
            b"avc1" | b"hvc1" | b"hev1" | b"vp08" | b"vp09" | b"av01" => Some(78),
            b"mp4a" | b"Opus" => Some(28),
            _ => None,
        };
        if let Some(inside) = inside {
            let fits =
                depth < DEEPEST && this.get(head_length + inside..).is_some_and(|inner| boxes_nest(inner, depth + 1));
            if !fits {
                return false;
            }
        }
        rest = after;
    }
    true
}

fn new_decoder() -> Result<NativeDecoder, ClipError> {
    NativeDecoder::new().map_err(|status| ClipError::Unsupported(format!("H.264 (openh264 code {})", status.0)))
}

fn samples(track: &Track, file_length: usize) -> Vec<Sample> {
    let whole =
        |sample: &&re_mp4::Sample| sample.offset.checked_add(sample.size).is_some_and(|end| end <= file_length as u64);
    let us = |units: i64| in_us(u64::try_from(units).unwrap_or(0), track.timescale);
    let convert = |sample: &re_mp4::Sample| Sample {
        range: sample.byte_range(),
        time_us: us(sample.composition_timestamp),
        duration_us: in_us(sample.duration, track.timescale),
        keyframe: sample.is_sync,
    };
    track.samples.iter().take_while(whole).map(convert).collect()
}

fn edit(mp4: &Mp4, track: &Track) -> Edit {
    let mut edit = Edit::default();
    let list = track.trak(mp4).edts.as_ref().and_then(|edts| edts.elst.as_ref());
    for entry in list.map_or(&[][..], |list| &list.entries) {
        let empty = entry.media_time == u64::MAX || entry.media_time == u64::from(u32::MAX);
        if empty {
            edit.delay_us += in_us(entry.segment_duration, u64::from(mp4.moov.mvhd.timescale)).min(MAX_DELAY_US);
        } else {
            edit.media_start_us = in_us(entry.media_time, track.timescale);
            break;
        }
    }
    edit
}

/// No clip begins with more silence than this: a damaged edit list must not fill the memory.
const MAX_DELAY_US: u64 = 60_000_000;

fn in_us(units: u64, timescale: u64) -> u64 {
    let us = u128::from(units) * 1_000_000 / u128::from(timescale.max(1));
    u64::try_from(us).unwrap_or(u64::MAX)
}

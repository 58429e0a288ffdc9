//! Matroska recordings: received packets into a file as they come, without encoding them again (RFC 9559).
//!
//! The file is whole clusters at any time, so a recording that breaks off (a crash, a full disk) loses at most its last
//! second and plays all the same; one that is finished has its length, its seek table and its cues.

use std::io::{self, Seek, SeekFrom, Write};

use super::ebml::{self, UNKNOWN_SIZE, element, float, master, size_wide, unsigned, unsigned_wide};
use crate::h264::nal::{AvcConfig, NalError, annex_b_to_sample};
use crate::h264::sps::{Sps, SpsError};
use crate::opus::{Channels, SAMPLE_RATE};

/// Writes one recording.
pub struct MatroskaWriter<W: Write + Seek> {
    output: W,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    /// The media time of the first packet, which becomes 0, µs.
    origin: Option<u64>,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
    /// The end of the last packet, in ticks.
    end: u64,
    places: Places,
}

/// What is recorded of the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    avc: AvcConfig,
    width: u32,
    height: u32,
}

impl VideoTrack {
    /// Takes size and parameter sets from the first packet to be recorded.
    ///
    /// # Errors
    /// [`RecordError::Parameters`] when it is no keyframe of an [`Encoder`](crate::h264::Encoder).
    pub fn from_keyframe(annex_b: &[u8]) -> Result<VideoTrack, RecordError> {
        let avc = AvcConfig::from_keyframe(annex_b)?;
        let Sps { width, height, .. } = Sps::parse(avc.sps.first().map_or(&[], |sps| sps))?;
        Ok(VideoTrack { avc, width, height })
    }
}

/// What is recorded of the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// Channels of the packets.
    pub channels: Channels,
    /// Samples per channel to leave out at the start ([`Encoder::lookahead`](crate::opus::Encoder::lookahead); 312 for
    /// libopus).
    pub lookahead: u16,
}

impl AudioTrack {
    /// A track of packets by libopus.
    pub fn new(channels: Channels) -> AudioTrack {
        AudioTrack { channels, lookahead: 312 }
    }
}

/// Why a recording fails.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Writing failed.
    #[error("the recording cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The first packet lacks parameter sets.
    #[error("the recording cannot begin: {0}")]
    Parameters(#[from] NalError),
    /// The parameter sets are damaged.
    #[error("the recording cannot begin: {0}")]
    Sps(#[from] SpsError),
    /// There is nothing to record.
    #[error("a recording needs pictures or sound: give it at least one track")]
    NoTracks,
    /// The recording was begun without this track.
    #[error("the recording has no {0} track: give it one when it begins")]
    NoTrack(&'static str),
}

impl<W: Write + Seek> MatroskaWriter<W> {
    /// Begins a recording at the start of `output`.
    ///
    /// # Errors
    /// [`RecordError::NoTracks`], [`RecordError::Io`].
    pub fn new(mut output: W, video: Option<VideoTrack>, audio: Option<AudioTrack>) -> Result<Self, RecordError> {
        if video.is_none() && audio.is_none() {
            return Err(RecordError::NoTracks);
        }
        let mut head = Vec::new();
        master(id::EBML, &mut head, |out| {
            unsigned(id::EBML_VERSION, 1, out);
            unsigned(id::EBML_READ_VERSION, 1, out);
            unsigned(id::EBML_MAX_ID_LENGTH, 4, out);
            unsigned(id::EBML_MAX_SIZE_LENGTH, 8, out);
            element(id::DOC_TYPE, b"matroska", out);
            unsigned(id::DOC_TYPE_VERSION, 4, out);
            unsigned(id::DOC_TYPE_READ_VERSION, 2, out);
        });
        ebml::id_bytes(id::SEGMENT, &mut head);
        let segment_size = head.len() as u64;
        head.extend_from_slice(&UNKNOWN_SIZE);
        let segment = head.len() as u64;
        element(id::VOID, &[0; SEEK_HEAD_ROOM], &mut head);
        let info = head.len() as u64 - segment;
        let mut duration = 0;
        let info_start = head.len();
        master(id::INFO, &mut head, |out| {
            unsigned(id::TIMESTAMP_SCALE, 1_000 * TICK_US, out);
            element(id::MUXING_APP, b"Komado", out);
            element(id::WRITING_APP, b"Komado", out);
            float(id::DURATION, 0.0, out);
            duration = out.len() as u64 - 8;
        });
        // The content begins behind the id's four bytes and the size's one.
        duration += info_start as u64 + 5;
        let tracks = head.len() as u64 - segment;
        let private = video.as_ref().map(|track| track.avc.record()).transpose()?;
        master(id::TRACKS, &mut head, |out| {
            if let (Some(track), Some(private)) = (&video, &private) {
                track.entry(private, out);
            }
            if let Some(track) = &audio {
                track.entry(out);
            }
        });
        output.write_all(&head)?;
        let places = Places { segment_size, segment, info, duration, tracks, end: head.len() as u64 };
        Ok(MatroskaWriter { output, video, audio, origin: None, cluster: None, cues: Vec::new(), end: 0, places })
    }

    /// Records a picture's packet with its media time in µs.
    ///
    /// # Errors
    /// [`RecordError::NoTrack`], [`RecordError::Io`].
    pub fn write_video(&mut self, annex_b: &[u8], time_us: u64, keyframe: bool) -> Result<(), RecordError> {
        let track = self.video.as_ref().ok_or(RecordError::NoTrack("video"))?;
        let mut sample = Vec::new();
        if let Ok(sets) = AvcConfig::from_keyframe(annex_b)
            && sets != track.avc
        {
            // The size or the colours changed: new parameter sets go along in the packet.
            for set in sets.sps.iter().chain(&sets.pps) {
                sample.extend_from_slice(&(set.len() as u32).to_be_bytes());
                sample.extend_from_slice(set);
            }
        }
        sample.extend_from_slice(&annex_b_to_sample(annex_b));
        self.write(VIDEO_NUMBER, &sample, time_us, keyframe, 0)
    }

    /// Records a packet of sound with its media time in µs.
    ///
    /// # Errors
    /// [`RecordError::NoTrack`], [`RecordError::Io`].
    pub fn write_audio(&mut self, packet: &[u8], time_us: u64) -> Result<(), RecordError> {
        if self.audio.is_none() {
            return Err(RecordError::NoTrack("audio"));
        }
        let samples = crate::opus::packet_samples(packet).unwrap_or(0) as u64;
        self.write(AUDIO_NUMBER, packet, time_us, true, samples * 1_000_000 / u64::from(SAMPLE_RATE))
    }

    /// Ends the recording: writes its length, seek table and cues, and gives the stream back.
    ///
    /// # Errors
    /// [`RecordError::Io`]; what was recorded plays all the same.
    pub fn finish(mut self) -> Result<W, RecordError> {
        self.close_cluster()?;
        let cues_at = self.places.end - self.places.segment;
        let mut cues = Vec::new();
        if !self.cues.is_empty() {
            master(id::CUES, &mut cues, |out| {
                for cue in &self.cues {
                    master(id::CUE_POINT, out, |out| {
                        unsigned(id::CUE_TIME, cue.ticks, out);
                        master(id::CUE_TRACK_POSITIONS, out, |out| {
                            unsigned(id::CUE_TRACK, cue.track, out);
                            unsigned(id::CUE_CLUSTER_POSITION, cue.position, out);
                        });
                    });
                }
            });
            self.output.write_all(&cues)?;
        }
        let mut seek_head = Vec::new();
        master(id::SEEK_HEAD, &mut seek_head, |out| {
            let cues_entry = (!cues.is_empty()).then_some((id::CUES, cues_at));
            let entries = [(id::INFO, self.places.info), (id::TRACKS, self.places.tracks)];
            for (target, position) in entries.into_iter().chain(cues_entry) {
                master(id::SEEK, out, |out| {
                    element(id::SEEK_ID, &target.to_be_bytes(), out);
                    unsigned_wide(id::SEEK_POSITION, position, out);
                });
            }
        });
        let room = VOID_BYTES - seek_head.len() as u64;
        element(id::VOID, &vec![0; room as usize - 2], &mut seek_head);
        self.patch(self.places.segment, &seek_head)?;
        self.patch(self.places.duration, &(self.end as f64).to_be_bytes())?;
        let segment = cues_at + cues.len() as u64;
        self.patch(self.places.segment_size, &size_wide(segment))?;
        self.output.seek(SeekFrom::End(0))?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn write(
        &mut self,
        track: u64,
        data: &[u8],
        time_us: u64,
        keyframe: bool,
        length_us: u64,
    ) -> Result<(), RecordError> {
        let origin = *self.origin.get_or_insert(time_us);
        // What is older than the first packet (sound and pictures come by different ways) is put at the start.
        let ticks = time_us.saturating_sub(origin) / TICK_US;
        let leads = track == VIDEO_NUMBER || self.video.is_none();
        let full = self.cluster.as_ref().is_some_and(|cluster| {
            let age = ticks.abs_diff(cluster.ticks);
            age >= CLUSTER_MOST_TICKS || (age >= CLUSTER_TICKS && leads) || (keyframe && track == VIDEO_NUMBER)
        });
        if full {
            self.close_cluster()?;
        }
        let cluster = self.cluster.get_or_insert_with(|| Cluster::new(ticks));
        let relative = ticks as i64 - cluster.ticks as i64;
        let mut block = vec![0x80 | track as u8];
        // `full` keeps it within 16 bits.
        block.extend_from_slice(&(relative as i16).to_be_bytes());
        block.push(if keyframe { 0x80 } else { 0 });
        block.extend_from_slice(data);
        element(id::SIMPLE_BLOCK, &block, &mut cluster.content);
        if keyframe && leads && cluster.cue.is_none() {
            cluster.cue = Some((ticks, track));
        }
        self.end = self.end.max(ticks + length_us / TICK_US);
        Ok(())
    }

    fn close_cluster(&mut self) -> Result<(), RecordError> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        let mut bytes = Vec::with_capacity(cluster.content.len() + 16);
        element(id::CLUSTER, &cluster.content, &mut bytes);
        if let Some((ticks, track)) = cluster.cue {
            self.cues.push(Cue { ticks, track, position: self.places.end - self.places.segment });
        }
        self.output.write_all(&bytes)?;
        self.output.flush()?;
        self.places.end += bytes.len() as u64;
        Ok(())
    }

    fn patch(&mut self, place: u64, bytes: &[u8]) -> Result<(), RecordError> {
        self.output.seek(SeekFrom::Start(place))?;
        Ok(self.output.write_all(bytes)?)
    }
}

impl VideoTrack {
    fn entry(&self, private: &[u8], out: &mut Vec<u8>) {
        master(id::TRACK_ENTRY, out, |out| {
            unsigned(id::TRACK_NUMBER, VIDEO_NUMBER, out);
            unsigned(id::TRACK_UID, VIDEO_NUMBER, out);
            unsigned(id::TRACK_TYPE, 1, out);
            unsigned(id::FLAG_LACING, 0, out);
            element(id::CODEC_ID, b"V_MPEG4/ISO/AVC", out);
            element(id::CODEC_PRIVATE, private, out);
            master(id::VIDEO, out, |out| {
                unsigned(id::PIXEL_WIDTH, u64::from(self.width), out);
                unsigned(id::PIXEL_HEIGHT, u64::from(self.height), out);
            });
        });
    }
}

impl AudioTrack {
    fn entry(&self, out: &mut Vec<u8>) {
        master(id::TRACK_ENTRY, out, |out| {
            unsigned(id::TRACK_NUMBER, AUDIO_NUMBER, out);
            unsigned(id::TRACK_UID, AUDIO_NUMBER, out);
            unsigned(id::TRACK_TYPE, 2, out);
            unsigned(id::FLAG_LACING, 0, out);
            element(id::CODEC_ID, b"A_OPUS", out);
            element(id::CODEC_PRIVATE, &self.opus_head(), out);
            unsigned(id::CODEC_DELAY, u64::from(self.lookahead) * 1_000_000_000 / u64::from(SAMPLE_RATE), out);
            unsigned(id::SEEK_PRE_ROLL, 80_000_000, out);
            master(id::AUDIO, out, |out| {
                float(id::SAMPLING_FREQUENCY, f64::from(SAMPLE_RATE), out);
                unsigned(id::CHANNELS, self.channels.count() as u64, out);
            });
        });
    }

    /// RFC 7845 section 5.1.
    fn opus_head(&self) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.channels.count() as u8);
        head.extend_from_slice(&self.lookahead.to_le_bytes());
        head.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]);
        head
    }
}

/// Where in the file what stands that is overwritten at the end.
struct Places {
    segment_size: u64,
    segment: u64,
    info: u64,
    duration: u64,
    tracks: u64,
    end: u64,
}

struct Cluster {
    ticks: u64,
    content: Vec<u8>,
    cue: Option<(u64, u64)>,
}

impl Cluster {
    fn new(ticks: u64) -> Cluster {
        let mut content = Vec::new();
        unsigned(id::TIMESTAMP, ticks, &mut content);
        Cluster { ticks, content, cue: None }
    }
}

struct Cue {
    ticks: u64,
    track: u64,
    position: u64,
}

/// One unit of time in the file, µs.
const TICK_US: u64 = 100;

/// A cluster is written out when it is this old: what a crash can cost.
const CLUSTER_TICKS: u64 = 1_000_000 / TICK_US;

/// A block's time within its cluster has 16 bits, signed.
const CLUSTER_MOST_TICKS: u64 = 3_000_000 / TICK_US;

const VIDEO_NUMBER: u64 = 1;
const AUDIO_NUMBER: u64 = 2;

/// Content of the void element that keeps the place of the seek table.
const SEEK_HEAD_ROOM: usize = 100;
/// That element with its id and size.
const VOID_BYTES: u64 = SEEK_HEAD_ROOM as u64 + 2;

/// Element ids (RFC 9559 section 5).
mod id {
    pub const EBML: u32 = 0x1a45_dfa3;
    pub const EBML_VERSION: u32 = 0x4286;
    pub const EBML_READ_VERSION: u32 = 0x42f7;
    pub const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
    pub const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const DOC_TYPE_VERSION: u32 = 0x4287;
    pub const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub const VOID: u32 = 0xec;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114d_9b74;
    pub const SEEK: u32 = 0x4dbb;
    pub const SEEK_ID: u32 = 0x53ab;
    pub const SEEK_POSITION: u32 = 0x53ac;
    pub const INFO: u32 = 0x1549_a966;
    pub const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
    pub const DURATION: u32 = 0x4489;
    pub const MUXING_APP: u32 = 0x4d80;
    pub const WRITING_APP: u32 = 0x5741;
    pub const TRACKS: u32 = 0x1654_ae6b;
    pub const TRACK_ENTRY: u32 = 0xae;
    pub const TRACK_NUMBER: u32 = 0xd7;
    pub const TRACK_UID: u32 = 0x73c5;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_LACING: u32 = 0x9c;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63a2;
    pub const CODEC_DELAY: u32 = 0x56aa;
    pub const SEEK_PRE_ROLL: u32 = 0x56bb;
    pub const VIDEO: u32 = 0xe0;
    pub const PIXEL_WIDTH: u32 = 0xb0;
    pub const PIXEL_HEIGHT: u32 = 0xba;
    pub const AUDIO: u32 = 0xe1;
    pub const SAMPLING_FREQUENCY: u32 = 0xb5;
    pub const CHANNELS: u32 = 0x9f;
    pub const CLUSTER: u32 = 0x1f43_b675;
    pub const TIMESTAMP: u32 = 0xe7;
    pub const SIMPLE_BLOCK: u32 = 0xa3;
    pub const CUES: u32 = 0x1c53_bb6b;
    pub const CUE_POINT: u32 = 0xbb;
    pub const CUE_TIME: u32 = 0xb3;
    pub const CUE_TRACK_POSITIONS: u32 = 0xb7;
    pub const CUE_TRACK: u32 = 0xf7;
    pub const CUE_CLUSTER_POSITION: u32 = 0xf1;
}

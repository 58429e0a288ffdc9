//! How a call goes, in figures that can be shown and written as JSON.

use serde::{Deserialize, Serialize};

use crate::device::DeviceState;

/// Delays in milliseconds, over the whole call so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Delays {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoReport {
    pub sent_width: u32,
    pub sent_height: u32,
    pub width: u32,
    pub height: u32,
    /// Pictures encoded, and those that rate control left out.
    pub sent: u64,
    pub skipped: u64,
    pub keyframes_sent: u64,
    pub received: u64,
    pub decoded: u64,
    pub shown: u64,
    /// Pictures that came too late to be shown, or could not be decoded.
    pub dropped: u64,
    /// How the real camera does, where there is one.
    pub camera: DeviceState,
    pub sent_kbps: f64,
    pub received_kbps: f64,
    /// Bits a second the encoder aims at now.
    pub target_bitrate: u32,
    /// From capture at the far end to decoded here.
    pub delay_ms: Delays,
    /// From capture at the far end to shown here.
    pub shown_delay_ms: Delays,
    /// Delay added on purpose, so that pictures come evenly and in step with sound.
    pub playout_ms: f64,
    /// Freezes as WebRTC counts them, and how long they lasted in all.
    pub freezes: u64,
    pub frozen_ms: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioReport {
    pub sent: u64,
    pub received: u64,
    pub sent_kbps: f64,
    pub received_kbps: f64,
    /// From the far end's mouth to this end's ear: capture of a sample to when it is played.
    pub delay_ms: Delays,
    /// Sound that waits in the jitter buffer now.
    pub buffer_ms: f64,
    /// Milliseconds of sound that were made up, and that were stretched or shortened.
    pub concealed_ms: f64,
    pub stretched_ms: f64,
    /// How the real microphone and speaker do, where there are such.
    pub microphone: DeviceState,
    pub speaker: DeviceState,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub duration_s: f64,
    pub video: VideoReport,
    pub audio: AudioReport,
    /// Picture minus sound: how much later the picture comes. The target is −45 to +15 (ATSC IS-191: sound at most
    /// 15 ms before and 45 ms after the picture).
    pub skew_ms: Delays,
    /// Frames dropped at this end before they were sent, because they had become stale.
    pub dropped_unsent: u64,
    /// What broke off.
    pub failures: Vec<String>,
}

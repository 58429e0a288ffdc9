//! Latency of a call: from the camera to the decoded picture, from mouth to ear, as people on this server have it.
//!
//! Two engines, in this process, call each other through a server and, if wanted, a proxy. Every picture carries its
//! number and the time it was made, burnt in; the sound carries chirps. Both ends have one clock, so that what is
//! measured is what was seen and heard, not what either end believes.

mod call;
pub mod chirp;
pub mod devices;
pub mod marker;
pub mod person;
mod report;
pub mod stage;

use std::path::PathBuf;

pub use call::{format, run};
pub use report::{Report, Way};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The server's address; without it a server of its own is started beside this program.
    #[arg(long, value_name = "URL", requires = "caller", requires = "callee", requires = "password_file")]
    pub server: Option<String>,
    /// The proxy that both go through, e.g. http://proxy:3128.
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Seconds of the call that are not counted: until both ways have found how to travel.
    #[arg(long, default_value_t = 6)]
    pub warm_up: u64,
    /// The account that calls.
    #[arg(long, value_name = "NAME")]
    pub caller: Option<String>,
    /// The account that is called.
    #[arg(long, value_name = "NAME")]
    pub callee: Option<String>,
    /// A file with the caller's password in its first line and the callee's in its second (the same, if there is none).
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The fingerprint of the server's certificate; without it, whatever the server shows is believed.
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<String>,
    /// A clip for the picture (MP4 with H.264, or Y4M) instead of the moving pattern.
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// Size of the picture.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    pub size: String,
    /// Pictures a second of the pattern.
    #[arg(long, default_value_t = 30.0)]
    pub frame_rate: f32,
    /// Kilobits a second for the picture.
    #[arg(long, default_value_t = 1_500)]
    pub video_kbps: u32,
    /// Kilobits a second for the sound.
    #[arg(long, default_value_t = 32)]
    pub audio_kbps: u32,
    /// The komado-server to start when no --server is given; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
}

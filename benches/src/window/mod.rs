//! What the window costs: a real `komado` on a screen of its own that starts, idles, and is called with picture and sound.
//!
//! The caller is an engine in this process, whose pictures carry their number and the time they were made. They are read
//! back from the pixels of the other side's window, as the X server holds them. The window's process is looked at thread
//! by thread, so that a software GPU, which most desks have no need of, is told apart.

mod conductor;
mod photons;
mod report;
mod screen;

use std::path::PathBuf;

pub use conductor::run;
pub use report::Report;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How long the call is measured, in seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Seconds of the call that are not counted: until both ways have found how to travel.
    #[arg(long, default_value_t = 6)]
    pub warm_up: u64,
    /// How long the window is watched while nothing happens, in seconds; 0 leaves that out.
    #[arg(long, default_value_t = 60)]
    pub idle_seconds: u64,
    /// Size of both pictures.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    pub size: String,
    /// Pictures a second.
    #[arg(long, default_value_t = 30.0)]
    pub frame_rate: f32,
    /// Kilobits a second for each picture.
    #[arg(long, default_value_t = 1_500)]
    pub video_kbps: u32,
    /// Kilobits a second for the sound.
    #[arg(long, default_value_t = 32)]
    pub audio_kbps: u32,
    /// The komado-server to start; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
    /// The komado whose window is measured; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub client_binary: Option<PathBuf>,
}

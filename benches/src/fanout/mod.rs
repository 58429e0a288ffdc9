//! Fan-out: one publisher, many readers. What a reader costs the server, and how late it gets its frames.
//!
//! Server, publisher and readers are processes of their own. The same readers are first served by a *floor*: a loop
//! that does nothing but one bare `send` of each frame to each reader. What the server adds to that is its own.

mod conductor;
pub mod floor;
mod player;
pub mod publisher;
pub mod readers;
mod report;
pub mod sealed;
mod stage;
mod stream;
mod workload;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use conductor::run;
pub use report::{Report, Side};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many readers.
    #[arg(long, default_value_t = 1_000)]
    pub readers: usize,
    /// How long to measure, in seconds, after everybody is served.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Bit rate of the video, in Mb/s, at 30 frames a second. 50 audio frames a second of 70 kb/s are added.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Run server, publisher and readers at real-time priority (SCHED_RR), so that other work does not show. Needs root.
    #[arg(long)]
    pub realtime: bool,
    /// Read by sealed links, as people do, instead of by plain GETs.
    #[arg(long)]
    pub sealed: bool,
    /// Measure the kernel's floor only.
    #[arg(long)]
    pub floor_only: bool,
    /// Let the server gather frames for this long and write them at once, as channels do; 0 writes each by itself.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    pub merge_ms: u64,
    /// Measure a server that runs already, on this machine, in process ID. A bench publisher must be at work there.
    #[arg(long, value_name = "ADDRESS", requires = "process")]
    pub attach: Option<SocketAddr>,
    /// The process to measure with --attach.
    #[arg(long, value_name = "ID")]
    pub process: Option<u32>,
    /// The public track's name.
    #[arg(long, default_value = "bench")]
    pub track: String,
    /// The komado-server to measure; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
    /// An argument more for `komado-server serve`; may be repeated.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub server_arg: Vec<String>,
}

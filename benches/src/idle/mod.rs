//! Idle links: many people who are logged in, watch their contacts' presence, and do nothing. What each costs the server
//! in memory and in CPU, and how late all watchers of one person hear of a change.
//!
//! Each link is the sans-IO [`relay::link::Link`] driven directly, many on one thread: at rest it is one exchange that goes
//! both ways, as between client and server where no proxy is. What it has to say before goes in short POSTs over a few
//! connections that all links of a process share.

mod conductor;
pub mod crowd;
mod one;
mod population;
mod report;
mod wire;

use std::path::PathBuf;

pub use conductor::run;
pub use report::Report;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many links, each of an account of its own.
    #[arg(long, default_value_t = 10_000)]
    pub links: usize,
    /// How many of them watch the person whose presence is changed.
    #[arg(long, default_value_t = 1_000)]
    pub watchers: usize,
    /// How many other contacts each account has.
    #[arg(long, default_value_t = 20)]
    pub contacts: usize,
    /// Inside TLS (https) instead of sealed over plain http.
    #[arg(long)]
    pub tls: bool,
    /// How long to measure the server's CPU while nothing happens, in seconds.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// How often to change the person's presence, once a second.
    #[arg(long, default_value_t = 20)]
    pub changes: u32,
    /// Processes that the links are spread over.
    #[arg(long, default_value_t = 4)]
    pub processes: usize,
    /// Run server and clients at real-time priority (SCHED_RR), so that other work does not show. Needs root.
    #[arg(long)]
    pub realtime: bool,
    /// The komado-server to measure; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
    /// An argument more for `komado-server serve`; may be repeated.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub server_arg: Vec<String>,
}

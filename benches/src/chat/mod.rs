//! One chat with many members who all write: how late each message is acknowledged and how late it reaches everyone, and
//! whether anything is lost, doubled or reordered on the way.
//!
//! Each member is a link of the client's own kind, sealed, many on one thread. Members write on a fixed schedule, whether
//! the server keeps up or not, and a delay begins when a message was due.

mod conductor;
pub mod members;
mod received;
mod report;
mod stage;

use std::path::PathBuf;

pub use conductor::run;
pub use report::Report;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many members the chat has, each with one link.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..=500))]
    pub members: u64,
    /// How many messages they write in a second, all together.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub rate: u64,
    /// How long they write, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Processes that the members are spread over.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub processes: u64,
    /// Run server and members at real-time priority (SCHED_RR), so that other work does not show. Needs root.
    #[arg(long)]
    pub realtime: bool,
    /// The komado-server to measure; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub server_binary: Option<PathBuf>,
    /// An argument more for `komado-server serve`; may be repeated.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub server_arg: Vec<String>,
}

impl Options {
    /// How many messages each member writes: at least one.
    pub fn messages_of_each(&self) -> u64 {
        (self.seconds * self.rate / self.members.max(1)).max(1)
    }
}

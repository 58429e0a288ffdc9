//! The server to be measured: a real `komado-server` process with a public track that a publisher fills.

use std::net::SocketAddr;

use super::Options;
use crate::failure::BenchError;

/// Where its readers find the track.
#[derive(Debug)]
pub struct Stage {
    /// The server's process.
    pub process: u32,
    pub target: SocketAddr,
    /// What readers GET.
    pub path: String,
}

/// Starts server and publisher, or takes those that run already.
pub fn start(options: &Options) -> Result<Stage, BenchError> {
    let merge = if options.merge_ms > 0 { format!("?merge_ms={}", options.merge_ms) } else { String::new() };
    let path = format!("/v1/public/{}{merge}", options.track);
    if let (Some(target), Some(process)) = (options.attach, options.process) {
        return Ok(Stage { process, target, path });
    }
    Err(BenchError::Refused(
        "publishing to a server needs the client's link, which is not there yet: use --floor-only".into(),
    ))
}

//! The server to be measured: a real `komado-server` process with a public track that a publisher fills.

use super::Options;
use super::conductor::Child;
use crate::failure::BenchError;

/// Where its readers find the track.
#[derive(Debug)]
pub struct Stage {
    pub server: Child,
    pub target: std::net::SocketAddr,
    pub path: String,
}

/// Starts server and publisher.
pub fn start(_options: &Options) -> Result<Stage, BenchError> {
    Err(BenchError::Refused(
        "publishing to a server needs the client's link, which is not there yet: use --floor-only".into(),
    ))
}

//! The stage: a server to be measured, with a public track that a publisher fills.

use std::net::SocketAddr;
use std::time::Duration;

use super::Options;
use crate::failure::BenchError;
use crate::linked::Invitation;
use crate::processes::{Child, this_program};
use crate::server::{Account, OwnServer, PASSWORD};

/// A server with a publisher at work, and where readers find the track.
#[derive(Debug)]
pub struct Stage {
    /// The server's process.
    pub process: u32,
    pub target: SocketAddr,
    /// What plain readers GET.
    pub path: String,
    /// What sealed readers show.
    pub invitation: Option<Invitation>,
    // Dropped in this order: the publisher, then the server.
    _publisher: Option<Child>,
    _server: Option<OwnServer>,
}

/// Starts server and publisher, or takes those that run already.
pub fn start(options: &Options) -> Result<Stage, BenchError> {
    let merge = if options.merge_ms > 0 { format!("?merge_ms={}", options.merge_ms) } else { String::new() };
    let path = format!("/v1/public/{}{merge}", options.track);
    if let (Some(target), Some(process)) = (options.attach, options.process) {
        return Ok(Stage { process, target, path, invitation: None, _publisher: None, _server: None });
    }
    let mut arguments = vec!["--links-per-account".to_owned(), (options.readers + 16).to_string()];
    arguments.extend(options.server_arg.iter().cloned());
    let account = Account { name: USER, publisher: true };
    let server = OwnServer::start(options.server_binary.as_deref(), &[account], &arguments, options.realtime)?;
    let mut publisher = publish(options, &server)?;
    let invitation = serde_json::from_str(&publisher.line(READY_WITHIN)?)?;
    Ok(Stage {
        process: server.id(),
        target: server.address(),
        path,
        invitation: Some(invitation),
        _publisher: Some(publisher),
        _server: Some(server),
    })
}

fn publish(options: &Options, server: &OwnServer) -> Result<Child, BenchError> {
    let mut command = this_program()?;
    command.args(["publisher", "--user", USER, "--track", &options.track, "--rate", &options.rate.to_string()]);
    command.args(["--server", &server.url()]);
    let mut publisher = Child::start("the publisher", command, options.realtime)?;
    publisher.say(PASSWORD)?;
    Ok(publisher)
}

const USER: &str = "bench";
const READY_WITHIN: Duration = Duration::from_secs(30);

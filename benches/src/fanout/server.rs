//! The server to be measured: a real `komado-server` process with a public track that a publisher fills.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::Options;
use super::conductor::{Child, this_program};
use super::linked::Invitation;
use crate::failure::BenchError;

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
    // Dropped in this order: the publisher, the server, its data.
    _publisher: Option<Child>,
    _server: Option<Child>,
    _folder: Option<TempDir>,
}

/// Starts server and publisher, or takes those that run already.
pub fn start(options: &Options) -> Result<Stage, BenchError> {
    let merge = if options.merge_ms > 0 { format!("?merge_ms={}", options.merge_ms) } else { String::new() };
    let path = format!("/v1/public/{}{merge}", options.track);
    if let (Some(target), Some(process)) = (options.attach, options.process) {
        let stage = Stage { process, target, path, invitation: None, _publisher: None, _server: None, _folder: None };
        return Ok(stage);
    }
    let program = program(options)?;
    let folder = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the server's folder"))?;
    add_publisher(&program, folder.path())?;
    let (server, target) = serve(options, &program, folder.path())?;
    let mut publisher = publish(options, target)?;
    let invitation = serde_json::from_str(&publisher.line(READY_WITHIN)?)?;
    Ok(Stage {
        process: server.id(),
        target,
        path,
        invitation: Some(invitation),
        _publisher: Some(publisher),
        _server: Some(server),
        _folder: Some(folder),
    })
}

fn program(options: &Options) -> Result<PathBuf, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let beside = own.with_file_name(format!("komado-server{}", std::env::consts::EXE_SUFFIX));
    let program = options.server_binary.clone().unwrap_or(beside);
    if program.is_file() { Ok(program) } else { Err(BenchError::NoServer(program)) }
}

/// Nobody else can reach this server's data, and it is gone after the bench: any password does.
fn add_publisher(program: &Path, data: &Path) -> Result<(), BenchError> {
    let mut command = Command::new(program);
    command.args(["user", "add", USER, "--publisher", "--password-stdin", "--data"]).arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut adding = command.spawn().map_err(BenchError::io("starting komado-server user add"))?;
    if let Some(mut input) = adding.stdin.take() {
        let line = format!("{PASSWORD}\n");
        std::io::Write::write_all(&mut input, line.as_bytes()).map_err(BenchError::io("telling the password"))?;
    }
    let status = adding.wait().map_err(BenchError::io("waiting for komado-server user add"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Refused(format!("komado-server user add: {status}"))) }
}

fn serve(options: &Options, program: &Path, data: &Path) -> Result<(Child, SocketAddr), BenchError> {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--links-per-account"]);
    command.arg((options.readers + 16).to_string()).arg("--data").arg(data).args(&options.server_arg);
    let mut server = Child::start("komado-server", command, options.realtime)?;
    let line = server.line(READY_WITHIN)?;
    let address = line.split_whitespace().skip_while(|word| *word != "on").nth(1);
    let address = address.and_then(|word| word.trim_end_matches(',').parse().ok());
    let target = address.ok_or(BenchError::Unexpected { program: "komado-server", said: line })?;
    Ok((server, target))
}

fn publish(options: &Options, target: SocketAddr) -> Result<Child, BenchError> {
    let mut command = this_program()?;
    command.args(["publisher", "--user", USER, "--track", &options.track, "--rate", &options.rate.to_string()]);
    command.args(["--server", &format!("http://{target}")]);
    let mut publisher = Child::start("the publisher", command, options.realtime)?;
    publisher.say(PASSWORD)?;
    Ok(publisher)
}

const USER: &str = "bench";
const PASSWORD: &str = "correct horse battery staple";
const READY_WITHIN: Duration = Duration::from_secs(30);

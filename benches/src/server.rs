//! A `komado-server` of the bench's own: a real process with accounts and data that are gone afterwards.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::failure::BenchError;
use crate::processes::{Child, beside};

/// Runs until dropped.
#[derive(Debug)]
pub struct OwnServer {
    child: Child,
    address: SocketAddr,
    // Dropped after the process.
    _folder: TempDir,
}

/// An account to be made before the server starts.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub name: &'static str,
    pub publisher: bool,
}

impl OwnServer {
    /// Starts the server `program` (by default the one beside this program) on a free port of the loopback.
    pub fn start(
        program: Option<&Path>,
        accounts: &[Account],
        arguments: &[String],
        realtime: bool,
    ) -> Result<Self, BenchError> {
        let found = found(program)?;
        let folder = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the server's folder"))?;
        for account in accounts {
            add(&found, folder.path(), *account)?;
        }
        Self::serve(program, folder, arguments, realtime)
    }

    /// Starts the server on data that were prepared in `folder`.
    pub fn serve(
        program: Option<&Path>,
        folder: TempDir,
        arguments: &[String],
        realtime: bool,
    ) -> Result<Self, BenchError> {
        let mut command = Command::new(found(program)?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]);
        command.arg(folder.path()).args(arguments);
        let mut child = Child::start("komado-server", command, realtime)?;
        let line = child.line(READY_WITHIN)?;
        let address = line.split_whitespace().skip_while(|word| *word != "on").nth(1);
        let address = address.and_then(|word| word.trim_end_matches(',').parse().ok());
        let address = address.ok_or(BenchError::Unexpected { program: "komado-server", said: line })?;
        Ok(Self { child, address, _folder: folder })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

fn found(program: Option<&Path>) -> Result<PathBuf, BenchError> {
    let program = program.map_or_else(|| beside("komado-server"), |program| Ok(program.to_owned()))?;
    if program.is_file() { Ok(program) } else { Err(BenchError::NoServer(program)) }
}

fn add(program: &Path, data: &Path, account: Account) -> Result<(), BenchError> {
    let mut command = Command::new(program);
    command.args(["user", "add", account.name, "--password-stdin", "--data"]).arg(data);
    if account.publisher {
        command.arg("--publisher");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut adding = command.spawn().map_err(BenchError::io("starting komado-server user add"))?;
    if let Some(mut input) = adding.stdin.take() {
        writeln!(input, "{PASSWORD}").map_err(BenchError::io("telling the password"))?;
    }
    let status = adding.wait().map_err(BenchError::io("waiting for komado-server user add"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Refused(format!("komado-server user add: {status}"))) }
}

/// Of every account. Nobody else reaches this server, and its data are gone after the bench.
pub const PASSWORD: &str = "correct horse battery staple";
const READY_WITHIN: Duration = Duration::from_secs(30);

//! The processes that a bench starts: told and heard line by line, ended by their own ids.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde::Serialize;

use crate::failure::BenchError;
use crate::machine::priority;

/// A child that is told and heard line by line, and ended by its own id when dropped.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    child: std::process::Child,
    lines: Receiver<String>,
}

impl Child {
    pub fn start(name: &'static str, mut command: Command, realtime: bool) -> Result<Self, BenchError> {
        if realtime {
            priority::realtime(&mut command).map_err(BenchError::NotRealtime)?;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied if realtime => BenchError::NotRealtime(error),
            _ => BenchError::Io { doing: format!("starting {name}"), cause: error },
        })?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name, child, lines })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn say(&mut self, word: &str) -> Result<(), BenchError> {
        let Some(input) = &mut self.child.stdin else { return Ok(()) };
        writeln!(input, "{word}").map_err(BenchError::io(format!("telling {}", self.name)))
    }

    /// The next line; an error when none comes in time.
    pub fn line(&mut self, within: Duration) -> Result<String, BenchError> {
        let line = self.next_line(within)?;
        line.ok_or(BenchError::Unexpected { program: self.name, said: String::new() })
    }

    /// The next line, or `None` when none came in time.
    pub fn next_line(&mut self, within: Duration) -> Result<Option<String>, BenchError> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().map_err(BenchError::io(format!("waiting for {}", self.name)))?;
                let (program, status) = (self.name.to_owned(), status.to_string());
                Err(BenchError::EndedEarly { program, status, said: "see above".to_owned() })
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself already.
        self.child.kill().unwrap_or_default();
        if let Err(error) = self.child.wait() {
            eprintln!("waiting for {}: {error}", self.name);
        }
    }
}

/// Tells the process that started this one something, as a line of JSON.
pub fn tell(told: &impl Serialize) -> Result<(), BenchError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, told)?;
    writeln!(out).and_then(|()| out.flush()).map_err(BenchError::io("telling the conductor"))
}

/// Another program of Komado: it stands beside this one.
pub fn beside(name: &str) -> Result<PathBuf, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    Ok(own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// This very program, to play one of a bench's parts.
pub fn this_program() -> Result<Command, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = Command::new(program);
    command.arg("part");
    Ok(command)
}

//! Real programs of this house: found or built, started in a namespace, heard line by line, ended by their own id.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::failure::RigError;
use crate::house::workspace_root;

/// The path of one of this house's programs, e.g. `komado-server`, up to date.
///
/// `KOMADO_BIN_DIR` names a folder of programs built beforehand (`scripts/test.sh` sets it); without it cargo is
/// asked to build into the folder this test itself was built into, which costs nothing when nothing changed.
pub fn built(name: &str) -> Result<PathBuf, RigError> {
    let folder = match std::env::var_os("KOMADO_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build(name)?,
    };
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(RigError::NotBuilt { name: name.to_owned(), path }) }
}

/// A running program whose standard output is heard line by line; its standard error goes to a log.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Heard>,
    log: PathBuf,
    _folder: TempDir,
}

#[derive(Debug, Default)]
struct Heard {
    state: Mutex<HeardState>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct HeardState {
    lines: Vec<String>,
    /// Lines not yet taken by a wait.
    fresh: VecDeque<usize>,
    ended: bool,
}

impl Program {
    /// Starts `command` (see [`crate::namespace::Namespace::command`]) under a name for messages.
    pub fn start(name: &str, mut command: Command) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-program-").map_err(RigError::io("making a log folder"))?;
        let log = folder.path().join("stderr.log");
        let errors = File::create(&log).map_err(RigError::io("making a log"))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(RigError::io(format!("starting {name}")))?;
        let heard = Arc::new(Heard::default());
        if let Some(output) = child.stdout.take() {
            let heard = Arc::clone(&heard);
            thread::spawn(move || heard.listen(BufReader::new(output)));
        }
        let input = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, input, heard, log, _folder: folder })
    }

    /// Waits for the next line that is a JSON object which `wanted` accepts. Earlier lines are passed over for good,
    /// so waits in sequence assert an order.
    pub fn wait_for(&self, what: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value, RigError> {
        let parse = |line: &str| serde_json::from_str::<Value>(line).ok().filter(|value| wanted(value));
        self.wait_line(what, within, parse)
    }

    /// Waits for the next JSON line whose `event` is `name`.
    pub fn wait_event(&self, name: &str, within: Duration) -> Result<Value, RigError> {
        self.wait_for(&format!("event {name:?} from {}", self.name), within, |value| value["event"] == name)
    }

    /// Waits for the next line from which `parse` gets something.
    pub fn wait_line<T>(&self, what: &str, within: Duration, parse: impl Fn(&str) -> Option<T>) -> Result<T, RigError> {
        let deadline = Instant::now() + within;
        let mut state = self.heard.lock();
        loop {
            while let Some(index) = state.fresh.pop_front() {
                if let Some(found) = parse(&state.lines[index]) {
                    return Ok(found);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                let seen = format!("{}\n--- stderr:\n{}", state.lines.join("\n"), self.log());
                return Err(RigError::NotSeen { wanted: what.to_owned(), waited: within, seen });
            }
            state = self.heard.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All of standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.heard.lock().lines.clone()
    }

    /// All of standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Writes one line to the program's standard input.
    pub fn say(&mut self, line: &str) -> Result<(), RigError> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        writeln!(input, "{line}").map_err(RigError::io(format!("writing to {}", self.name)))
    }

    /// Closes the program's standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it as a crash would (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) -> Result<(), RigError> {
        self.child.kill().map_err(RigError::io(format!("killing {}", self.name)))?;
        self.child.wait().map_err(RigError::io(format!("waiting for {}", self.name)))?;
        Ok(())
    }

    /// Halts it as it is, as if it hung; its system goes on.
    pub fn suspend(&mut self) -> Result<(), RigError> {
        self.signal(libc::SIGSTOP)
    }

    /// Lets it go on.
    pub fn resume(&mut self) -> Result<(), RigError> {
        self.signal(libc::SIGCONT)
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub fn terminate(&mut self, within: Duration) -> Result<ExitStatus, RigError> {
        self.signal(libc::SIGTERM)?;
        self.wait_end(within)
    }

    fn signal(&mut self, signal: libc::c_int) -> Result<(), RigError> {
        // SAFETY: only a process that was started here and has not been waited for is sent a signal.
        if self.is_running() && unsafe { libc::kill(self.child.id() as libc::pid_t, signal) } != 0 {
            let cause = std::io::Error::last_os_error();
            return Err(RigError::Io { doing: format!("sending signal {signal} to {}", self.name), cause });
        }
        Ok(())
    }

    /// Waits for it to end by itself.
    pub fn wait_end(&mut self, within: Duration) -> Result<ExitStatus, RigError> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.child.try_wait().map_err(RigError::io(format!("waiting for {}", self.name)))?;
            if let Some(status) = status {
                self.heard.wait_end(deadline);
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(RigError::NotSeen {
                    wanted: format!("end of {}", self.name),
                    waited: within,
                    seen: format!("{}\n--- stderr:\n{}", self.lines().join("\n"), self.log()),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end and says whether it ended with status 0; anything else is an error with its log.
    pub fn wait_success(&mut self, within: Duration) -> Result<(), RigError> {
        let status = self.wait_end(within)?;
        if status.success() {
            return Ok(());
        }
        let status = match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => status.to_string(),
        };
        Err(RigError::Ended { program: self.name.clone(), status, log: self.log() })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running()
            && let Err(error) = self.kill()
        {
            eprintln!("{error}");
        }
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(LINES_SHOWN).collect();
            eprintln!("--- the last lines of {}'s log:", self.name);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl Heard {
    fn listen(&self, output: impl BufRead) {
        for line in output.lines() {
            let Ok(line) = line else { break };
            let mut state = self.lock();
            let index = state.lines.len();
            state.lines.push(line);
            state.fresh.push_back(index);
            self.more.notify_all();
        }
        self.lock().ended = true;
        self.more.notify_all();
    }

    fn wait_end(&self, deadline: Instant) {
        let mut state = self.lock();
        while !state.ended && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            state = self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HeardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds with the profile and into the folder that the running test came from.
fn build(name: &str) -> Result<PathBuf, RigError> {
    let test = std::env::current_exe().map_err(RigError::io("finding the running test"))?;
    // <target>/<profile>/deps/<test>
    let profile = test.parent().and_then(Path::parent).unwrap_or(Path::new("target/debug"));
    let target = profile.parent().unwrap_or(Path::new("target"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--offline", "--bin", name, "--target-dir"]).arg(target);
    if profile.file_name() == Some(OsStr::new("release")) {
        command.arg("--release");
    }
    let output =
        command.current_dir(workspace_root()).output().map_err(RigError::io("running cargo to build a program"))?;
    if output.status.success() {
        return Ok(profile.to_path_buf());
    }
    Err(RigError::CommandFailed {
        command: format!("cargo build --bin {name}"),
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

const LINES_SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start("a shell", command).unwrap()
    }

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn events_are_found_in_order_among_other_lines() {
        let program = shell(r#"echo hello; echo '{"event":"up","port":80}'; echo '{"event":"down"}'"#);
        assert_eq!(program.wait_event("up", SOON).unwrap()["port"], 80);
        program.wait_event("down", SOON).unwrap();
        let error = program.wait_event("up", SOON).unwrap_err().to_string();
        assert!(error.contains("hello") && error.contains("\"up\""), "{error}");
    }

    #[test]
    fn a_program_is_told_heard_and_ended() {
        let mut program = shell(r#"echo oops >&2; read word; echo "{\"event\":\"$word\"}"; exec cat"#);
        program.say("ready").unwrap();
        program.wait_event("ready", SOON).unwrap();
        assert!(program.is_running());
        let status = program.terminate(SOON).unwrap();
        assert_eq!(status.signal(), Some(libc::SIGTERM));
        assert_eq!(program.log(), "oops\n");
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error = shell("echo 'the disk is full' >&2; exit 3").wait_success(SOON).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("the disk is full"), "{error}");
    }
}

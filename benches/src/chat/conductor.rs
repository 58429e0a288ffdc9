//! Starts server and members, lets them write, and asks what came of it.

use std::time::Duration;

use relay::seal::Fingerprint;
use tempfile::TempDir;

use super::members::{Seen, Told};
use super::report::{Report, Usages};
use super::{Options, stage};
use crate::failure::BenchError;
use crate::linked::{Linked, runtime};
use crate::machine::{limits, usage};
use crate::processes::{Child, this_program};
use crate::progress::Progress;
use crate::server::OwnServer;

/// Measures.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    limits::raise_open_files().map_err(BenchError::io("raising the limit of open files"))?;
    let folder = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the server's folder"))?;
    let sessions = stage::make(folder.path(), options.members)?;
    let mut arguments = vec!["--max-connections".to_owned(), (options.members * CONNECTIONS + 100).to_string()];
    arguments.extend(options.server_arg.iter().cloned());
    let server = OwnServer::serve(options.server_binary.as_deref(), folder, &arguments, options.realtime)?;
    let pin = runtime()?.block_on(Linked::fingerprint(&server.url()))?;
    let mut members = Members::gather(options, &server, pin, &sessions)?;
    Progress::wait("settling", SETTLE);
    let before = usage::of(server.id());
    members.say("write")?;
    let newest = members.wait_written(Duration::from_secs(options.seconds) + PATIENCE)?;
    let written = usage::of(server.id());
    members.say(&newest.to_string())?;
    Ok(Report::new(options, newest, &Usages { before, written }, members.results()?))
}

/// The processes that hold the links.
struct Members(Vec<Child>);

impl Members {
    fn gather(
        options: &Options,
        server: &OwnServer,
        pin: Fingerprint,
        sessions: &[String],
    ) -> Result<Self, BenchError> {
        let mut children = Vec::new();
        for process in 0..options.processes.min(options.members) {
            let turn = |members: u64| (members * 1_000_000 / options.rate).to_string();
            let messages = options.messages_of_each().to_string();
            let mut command = this_program()?;
            command.args(["members", "--target", &server.url(), "--pin", &pin.to_string()]);
            command.args(["--gap", &turn(options.members), "--first", &turn(process)]);
            command.args(["--step", &turn(options.processes), "--messages", &messages]);
            let mut child = Child::start("the members", command, options.realtime)?;
            let own = sessions.iter().skip(process as usize).step_by(options.processes as usize);
            child.say(&serde_json::to_string(&own.collect::<Vec<_>>())?)?;
            children.push(child);
        }
        let mut members = Self(children);
        let mut progress = Progress::new("opening links", members.0.len() as f64);
        for (ready, child) in members.0.iter_mut().enumerate() {
            progress.set(ready as f64, "processes are ready");
            match heard(child, READING_WITHIN)? {
                Told::Reading => {}
                other => return Err(unexpected(&other)),
            }
        }
        Ok(members)
    }

    fn say(&mut self, word: &str) -> Result<(), BenchError> {
        self.0.iter_mut().try_for_each(|child| child.say(word))
    }

    /// The newest entry that was acknowledged to anyone.
    fn wait_written(&mut self, within: Duration) -> Result<u64, BenchError> {
        let mut newest = 0;
        for child in &mut self.0 {
            match heard(child, within)? {
                Told::Wrote(own) => newest = newest.max(own),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(newest)
    }

    fn results(&mut self) -> Result<Seen, BenchError> {
        let mut all = Seen::default();
        for child in &mut self.0 {
            match heard(child, PATIENCE)? {
                Told::Result(seen) => all.merge(seen),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(all)
    }
}

fn heard(child: &mut Child, within: Duration) -> Result<Told, BenchError> {
    Ok(serde_json::from_str(&child.line(within)?)?)
}

fn unexpected(told: &Told) -> BenchError {
    BenchError::Unexpected { program: "the members", said: format!("{told:?}") }
}

/// Most connections of a link: two long ones, two short ones, and those that follow one.
const CONNECTIONS: u64 = 8;
const READING_WITHIN: Duration = Duration::from_secs(120);
/// Trials of the long exchanges.
const SETTLE: Duration = Duration::from_secs(5);
/// Longer than what the members have.
const PATIENCE: Duration = Duration::from_secs(90);

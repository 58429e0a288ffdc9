//! Starts the processes of a measurement, gives them their cues, and reads what they and the system say.

use std::net::SocketAddr;
use std::time::Duration;

use super::readers::{Received, Told};
use super::report::{Report, Side};
use super::workload::Workload;
use super::{Options, stage};
use crate::failure::BenchError;
use crate::linked::Invitation;
use crate::machine::{limits, usage};
use crate::processes::{Child, this_program};
use crate::progress::Progress;

/// Measures the floor and, unless told otherwise, the server.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    let files = limits::raise_open_files().map_err(BenchError::io("raising the limit of open files"))?;
    if files < options.readers as u64 + SPARE_FILES {
        return Err(BenchError::TooFewFiles(options.readers, files));
    }
    let floor = floor(options)?;
    let served = if options.floor_only { None } else { Some(served(options)?) };
    Ok(Report::new(options.readers, Workload::new(options.rate).megabits(), options.realtime, floor, served))
}

fn floor(options: &Options) -> Result<Side, BenchError> {
    let mut command = this_program()?;
    command.args(["floor", "--readers", &options.readers.to_string(), "--rate", &options.rate.to_string()]);
    let mut floor = Child::start("the floor", command, options.realtime)?;
    let port = floor.line(READY_WITHIN)?;
    let target = port.parse().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    let target = target.map_err(|_| BenchError::Unexpected { program: "the floor", said: port })?;
    let mut readers = Audience::start(options, target, None)?;
    readers.wait_connected()?;
    floor.say("begin")?;
    readers.measure("kernel floor", options, floor.id(), None)
}

fn served(options: &Options) -> Result<Side, BenchError> {
    let stage = stage::start(options)?;
    // Until the track holds all that it may hold, the server's memory grows without any reader.
    Progress::wait("komado-server: filling the track", FILL);
    let before = usage::of(stage.process).map(|usage| usage.resident);
    let mut readers = match (&stage.invitation, options.sealed) {
        (Some(invitation), true) => Audience::invite(options, stage.target, invitation)?,
        (None, true) => return Err(BenchError::Refused("--sealed needs a server that this bench starts".into())),
        (_, false) => Audience::start(options, stage.target, Some(&stage.path))?,
    };
    readers.wait_connected()?;
    let name = if options.sealed { "komado-server, sealed" } else { "komado-server" };
    readers.measure(name, options, stage.process, before)
}

/// The process of the readers.
struct Audience {
    child: Child,
    count: usize,
}

impl Audience {
    fn start(options: &Options, target: SocketAddr, path: Option<&str>) -> Result<Self, BenchError> {
        let mut command = this_program()?;
        command.args(["readers", "--readers", &options.readers.to_string(), "--target", &target.to_string()]);
        if let Some(path) = path {
            command.args(["--path", path]);
        }
        Ok(Self { child: Child::start("the readers", command, options.realtime)?, count: options.readers })
    }

    /// Readers over sealed links.
    fn invite(options: &Options, target: SocketAddr, invitation: &Invitation) -> Result<Self, BenchError> {
        let mut command = this_program()?;
        let server = format!("http://{target}");
        command.args(["sealed", "--readers", &options.readers.to_string(), "--server", &server]);
        let mut child = Child::start("the readers", command, options.realtime)?;
        child.say(&serde_json::to_string(invitation)?)?;
        Ok(Self { child, count: options.readers })
    }

    fn wait_connected(&mut self) -> Result<(), BenchError> {
        match self.told(CONNECTED_WITHIN)? {
            Some(Told::Connected) => Ok(()),
            other => self.not_served(other, CONNECTED_WITHIN),
        }
    }

    /// Waits until all are served, lets things settle, then measures what the sender uses and the readers get.
    fn measure(
        mut self,
        name: &str,
        options: &Options,
        sender: u32,
        resident_before: Option<u64>,
    ) -> Result<Side, BenchError> {
        let is_served = matches!(self.told(SERVED_WITHIN)?, Some(Told::Served));
        if !is_served {
            eprintln!("{name}: not all {} readers were served within {} s", self.count, SERVED_WITHIN.as_secs());
        }
        Progress::wait(format!("{name}: settling"), SETTLE);
        let before = usage::of(sender);
        self.child.say("measure")?;
        Progress::wait(format!("{name}: measuring"), Duration::from_secs(options.seconds));
        let after = usage::of(sender);
        self.child.say("end")?;
        let received = self.result()?;
        let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64());
        let grown = resident_before.zip(after).map(|(before, after)| after.resident.saturating_sub(before));
        let resident = grown.map(|bytes| bytes as f64 / self.count as f64);
        let expected = Workload::frames_a_second() * options.seconds * self.count as u64;
        Ok(Side::new(name, received, expected, cpu, resident))
    }

    fn result(&mut self) -> Result<Received, BenchError> {
        loop {
            match self.told(READY_WITHIN)? {
                Some(Told::Result(received)) => return Ok(received),
                Some(Told::Connected | Told::Served) => {}
                None => return Err(BenchError::Unexpected { program: "the readers", said: String::new() }),
            }
        }
    }

    /// What the readers said next; `None` when they kept silent.
    fn told(&mut self, within: Duration) -> Result<Option<Told>, BenchError> {
        match self.child.next_line(within)? {
            Some(line) => Ok(Some(serde_json::from_str(&line)?)),
            None => Ok(None),
        }
    }

    fn not_served<T>(&mut self, told: Option<Told>, waited: Duration) -> Result<T, BenchError> {
        if told.is_none() {
            self.child.say("end")?;
            let received = self.result()?;
            if let Some(why) = received.first_end {
                return Err(BenchError::Refused(format!("{} readers were refused: {why}", received.ended)));
            }
        }
        Err(BenchError::NotAllServed { ready: 0, wanted: self.count, seconds: waited.as_secs() })
    }
}

const SPARE_FILES: u64 = 64;
const READY_WITHIN: Duration = Duration::from_secs(20);
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);
const SERVED_WITHIN: Duration = Duration::from_secs(15);
/// A public track holds ten seconds of media.
const FILL: Duration = Duration::from_secs(11);
const SETTLE: Duration = Duration::from_secs(2);

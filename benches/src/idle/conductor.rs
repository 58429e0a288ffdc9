//! Starts server and crowd, measures while nothing happens, then changes one person's presence and asks who saw it when.

use std::time::{Duration, Instant};

use relay::seal::Fingerprint;
use relay::vocabulary::{OwnPresence, Resume, SessionOpened, SetPresence};
use tempfile::TempDir;

use super::crowd::{Seen, Told};
use super::report::{Report, Usages};
use super::{Options, population};
use crate::failure::BenchError;
use crate::linked::{Linked, runtime};
use crate::machine::{clock, limits, usage};
use crate::processes::{Child, this_program};
use crate::progress::Progress;
use crate::server::OwnServer;

/// Measures.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    let files = limits::raise_open_files().map_err(BenchError::io("raising the limit of open files"))?;
    if files < options.links as u64 + SPARE_FILES {
        return Err(BenchError::TooFewFiles(options.links, files));
    }
    if options.watchers > options.links || options.processes == 0 {
        return Err(BenchError::Refused("--watchers are some of the --links, and --processes is 1 or more".into()));
    }
    let folder = TempDir::with_prefix("komado-bench-").map_err(BenchError::io("making the server's folder"))?;
    eprintln!("making {} accounts with their sessions and contacts", options.links + 1);
    let mut sessions = population::make(folder.path(), options)?;
    let mut arguments = vec!["--max-connections".to_owned(), (options.links + 1_000).to_string()];
    arguments.extend(options.server_arg.iter().cloned());
    let server = OwnServer::serve(options.server_binary.as_deref(), folder, &arguments, options.realtime)?;
    let pin = runtime()?.block_on(Linked::fingerprint(&server.url()))?;
    let person = sessions.remove(0);
    let before = usage::of(server.id());
    let mut crowd = Crowd::gather(options, &server, pin, &sessions)?;
    crowd.wait_watching()?;
    Progress::wait("settling", SETTLE);
    let idle = usage::of(server.id());
    Progress::wait("doing nothing", Duration::from_secs(options.seconds));
    let idle_after = usage::of(server.id());
    crowd.say("measure")?;
    let began = Instant::now();
    change_presence(options, &server, pin, person)?;
    let took = began.elapsed();
    let changed = usage::of(server.id());
    crowd.say("end")?;
    let usages = Usages { before, idle, idle_after, changed, took };
    Ok(Report::new(options, &usages, crowd.results()?))
}

/// Lets the watched person say something else once a second: the time, which watchers compare with theirs.
fn change_presence(options: &Options, server: &OwnServer, pin: Fingerprint, session: String) -> Result<(), BenchError> {
    let scheme = if options.tls { "https" } else { "http" };
    let url = format!("{scheme}://{}", server.address());
    runtime()?.block_on(async {
        let mut person = Linked::open(&url, pin).await?;
        let _: SessionOpened = person.ask("POST", "/v1/session", &Resume { session }).await?;
        let mut progress = Progress::new("changing presence", f64::from(options.changes));
        for change in 0..options.changes {
            tokio::time::sleep(PAUSE).await;
            progress.set(f64::from(change), "");
            let set = SetPresence { status: Some(clock::now().to_string()), ..SetPresence::default() };
            let _: OwnPresence = person.ask("PUT", "/v1/presence", &set).await?;
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    })
}

/// The processes that hold the links.
struct Crowd {
    children: Vec<Child>,
    links: usize,
}

impl Crowd {
    fn gather(
        options: &Options,
        server: &OwnServer,
        pin: Fingerprint,
        sessions: &[String],
    ) -> Result<Self, BenchError> {
        let mut children = Vec::with_capacity(options.processes);
        for process in 0..options.processes {
            let mut command = this_program()?;
            command.args(["crowd", "--target", &server.address().to_string(), "--pin", &pin.to_string()]);
            if options.tls {
                command.arg("--tls");
            }
            let mut child = Child::start("the crowd", command, options.realtime)?;
            // Watchers are spread over all processes.
            let own: Vec<&String> = sessions.iter().skip(process).step_by(options.processes).collect();
            child.say(&serde_json::to_string(&own)?)?;
            children.push(child);
        }
        Ok(Self { children, links: options.links })
    }

    fn wait_watching(&mut self) -> Result<(), BenchError> {
        let mut progress = Progress::new("opening links", self.children.len() as f64);
        for (ready, child) in self.children.iter_mut().enumerate() {
            progress.set(ready as f64, "processes are ready");
            match child.next_line(WATCHING_WITHIN)?.map(|line| serde_json::from_str(&line)).transpose()? {
                Some(Told::Watching) => {}
                Some(Told::Result(seen)) => {
                    return Err(BenchError::Refused(seen.first_end.unwrap_or_else(|| "a process ended".into())));
                }
                None => {
                    let (wanted, seconds) = (self.links, WATCHING_WITHIN.as_secs());
                    return Err(BenchError::NotAllServed { ready: 0, wanted, seconds });
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, word: &str) -> Result<(), BenchError> {
        self.children.iter_mut().try_for_each(|child| child.say(word))
    }

    fn results(&mut self) -> Result<Seen, BenchError> {
        let mut all = Seen::default();
        for child in &mut self.children {
            let line = child.line(RESULT_WITHIN)?;
            let Told::Result(seen) = serde_json::from_str(&line)? else {
                return Err(BenchError::Unexpected { program: "the crowd", said: line });
            };
            all.delay.merge(&seen.delay);
            all.ended += seen.ended;
            all.posts += seen.posts;
            all.first_end = all.first_end.or(seen.first_end);
        }
        Ok(all)
    }
}

const SPARE_FILES: u64 = 256;
const WATCHING_WITHIN: Duration = Duration::from_secs(300);
const RESULT_WITHIN: Duration = Duration::from_secs(30);
/// Trials of the long answers, and what people were told when everyone came.
const SETTLE: Duration = Duration::from_secs(20);
/// As often as the server lets a person change.
const PAUSE: Duration = Duration::from_millis(1_050);

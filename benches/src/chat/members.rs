//! Members of the chat: one process, one thread, a link for each. They write on a schedule and look at what comes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use client::link::{Connection, LinkEvent};
use parking_lot::Mutex;
use relay::link::Promise;
use relay::seal::Fingerprint;
use relay::vocabulary::{MessageAccepted, ReadFrom, Request, Response, Resume, SendMessage, SessionOpened, SetMarks};
use relay::{Frame, Kind, TrackId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::received::Received;
use super::stage::{CHAT, TRACK};
use crate::failure::BenchError;
use crate::linked::{Linked, first_line, runtime};
use crate::machine::clock;
use crate::processes::tell;
use crate::statistics::Distribution;

/// How the conductor starts a process of members. Their sessions are the first line of standard input.
#[derive(Debug, Clone, clap::Args)]
pub struct MembersOptions {
    /// `http://…`
    #[arg(long)]
    target: String,
    #[arg(long)]
    pin: String,
    /// Microseconds between two messages of one member.
    #[arg(long)]
    gap: u64,
    /// Microseconds until the first member's first message.
    #[arg(long)]
    first: u64,
    /// Microseconds between the first message of one member and of the next.
    #[arg(long)]
    step: u64,
    /// How many messages each writes.
    #[arg(long)]
    messages: u64,
}

/// What the members tell the conductor, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// All links read the chat.
    Reading,
    /// All has been written and answered; the newest entry that was acknowledged.
    Wrote(u64),
    Result(Seen),
}

/// What was seen of all messages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// From when a message was due to its acknowledgement.
    pub acknowledged: Distribution,
    /// From when it was due to its arrival at a member, the writer included.
    pub delivered: Distribution,
    /// Messages that were refused or not answered.
    pub refused: u64,
    pub first_refusal: Option<String>,
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
    /// Links that broke.
    pub ended: u64,
    pub first_end: Option<String>,
}

impl Seen {
    pub fn merge(&mut self, other: Self) {
        self.acknowledged.merge(&other.acknowledged);
        self.delivered.merge(&other.delivered);
        self.refused += other.refused;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
        self.ended += other.ended;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
        self.first_end = self.first_end.take().or(other.first_end);
    }
}

/// What the conductor has said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Nothing yet.
    Wait,
    Write,
    /// This is the newest entry: give the result when it has come.
    End(u64),
}

/// What a member's link brings, taken on the thread that received it.
#[derive(Debug, Default)]
struct Taken {
    received: Received,
    delivered: Distribution,
}

/// An entry of the chat, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    sequence: u64,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl Taken {
    fn take(&mut self, frame: &Frame) {
        let payload = frame.payload();
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&payload) else { return };
        self.received.take(line.sequence);
        if let Some(due) = line.text.split(' ').next().and_then(|due| due.parse::<u64>().ok()) {
            self.delivered.record(clock::now().saturating_sub(due));
        }
    }
}

/// Opens all links, writes when told to, and gives the result.
pub fn run(options: &MembersOptions) -> Result<(), BenchError> {
    let sessions: Vec<String> = serde_json::from_str(&first_line()?)?;
    let pin: Fingerprint = options.pin.parse().map_err(|error| BenchError::Refused(format!("--pin: {error}")))?;
    runtime()?.block_on(async {
        let mut members = Vec::with_capacity(sessions.len());
        for session in sessions {
            members.push(Member::open(options, pin, session).await?);
        }
        let words = listen_for_words();
        tell(&Told::Reading)?;
        let mut living = JoinSet::new();
        let (wrote, mut done) = mpsc::channel(members.len().max(1));
        for (number, member) in members.into_iter().enumerate() {
            let first = Duration::from_micros(options.first + options.step * number as u64);
            living.spawn(member.live(options.clone(), first, words.clone(), wrote.clone()));
        }
        drop(wrote);
        let mut newest = 0;
        while let Some(acknowledged) = done.recv().await {
            newest = newest.max(acknowledged);
        }
        tell(&Told::Wrote(newest))?;
        let mut all = Seen::default();
        while let Some(seen) = living.join_next().await {
            all.merge(seen.map_err(|error| BenchError::Refused(format!("a member failed: {error}")))?);
        }
        tell(&Told::Result(all))
    })
}

struct Member {
    connection: Connection,
    taken: Arc<Mutex<Taken>>,
    /// Rung for each entry that came.
    came: Arc<Notify>,
    /// Messages that were not answered yet, by request, and when each was due.
    unanswered: HashMap<u64, u64>,
    last_request: u64,
    /// The newest own entry.
    newest: u64,
    /// What the server was told that came.
    marked: u64,
    marks: Interval,
    seen: Seen,
}

impl Member {
    async fn open(options: &MembersOptions, pin: Fingerprint, session: String) -> Result<Self, BenchError> {
        let mut linked = Linked::open(&options.target, pin).await?;
        let _: SessionOpened = linked.ask("POST", "/v1/session", &Resume { session }).await?;
        let (taken, came) = (Arc::new(Mutex::new(Taken::default())), Arc::new(Notify::new()));
        let (taking, rung) = (taken.clone(), came.clone());
        let sink = Box::new(move |frame: Frame| {
            taking.lock().take(&frame);
            rung.notify_one();
        });
        linked.connection.accept_track(TrackId(TRACK), Promise::Complete { after: 0 }, sink);
        let after = ReadFrom { after: Some(0) };
        let _: Value = linked.ask("PUT", &format!("/v1/cursors/{TRACK}"), &after).await?;
        let mut marks = interval(MARKS);
        marks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            connection: linked.connection,
            taken,
            came,
            unanswered: HashMap::new(),
            last_request: FIRST_REQUEST,
            newest: 0,
            marked: 0,
            marks,
            seen: Seen::default(),
        })
    }

    /// Waits for the word to write, writes, says which own entry is the newest, and looks on until all have come.
    async fn live(
        mut self,
        options: MembersOptions,
        first: Duration,
        mut words: watch::Receiver<Word>,
        wrote: mpsc::Sender<u64>,
    ) -> Seen {
        let word = words.wait_for(|word| *word != Word::Wait);
        self.attend(async { word.await.map(|word| *word) }).await.unwrap_or(Word::Write);
        let (begin, begin_micros) = (Instant::now() + first, clock::now() + first.as_micros() as u64);
        for after in (0..options.messages).map(|message| options.gap * message) {
            self.attend(sleep_until(begin + Duration::from_micros(after))).await;
            self.write(begin_micros + after);
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.unanswered.is_empty() && Instant::now() < deadline {
            self.attend(sleep(LOOK)).await;
        }
        self.seen.refused += self.unanswered.len() as u64;
        // Nobody listens any more only if the whole process ends.
        wrote.send(self.newest).await.unwrap_or_default();
        drop(wrote);
        let word = words.wait_for(|word| matches!(word, Word::End(_)));
        let newest = match self.attend(async { word.await.map(|word| *word) }).await {
            Ok(Word::End(newest)) => newest,
            _ => 0,
        };
        let (taken, came) = (self.taken.clone(), self.came.clone());
        let all = async move {
            while !taken.lock().received.has_all(newest) {
                came.notified().await;
            }
        };
        // What has not come by then is lost, and counted so.
        self.attend(timeout(PATIENCE, all)).await.unwrap_or_default();
        let taken = std::mem::take(&mut *self.taken.lock());
        let wrongs = taken.received.wrongs(newest);
        self.seen.delivered = taken.delivered;
        (self.seen.lost, self.seen.doubled, self.seen.reordered) = (wrongs.lost, wrongs.doubled, wrongs.reordered);
        self.seen
    }

    /// Takes what the link brings while it waits, and tells the server once a second how far this member has come, as the
    /// client does.
    async fn attend<T>(&mut self, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return done,
                event = self.connection.next_event() => self.notice(event),
                _ = self.marks.tick() => self.mark(),
            }
        }
    }

    fn notice(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Control(frame) if frame.header().kind == Kind::Response => {
                match Response::parse(&frame.payload()) {
                    Ok(response) => self.answered(response),
                    Err(error) => self.refused(error.to_string()),
                }
            }
            LinkEvent::Ended { reason } => {
                self.seen.ended += 1;
                self.seen.first_end.get_or_insert(reason);
            }
            _ => {}
        }
    }

    fn answered(&mut self, response: Response) {
        let Some(due) = self.unanswered.remove(&response.id) else { return };
        match response.read::<MessageAccepted>() {
            Ok(accepted) => {
                self.newest = self.newest.max(accepted.sequence);
                self.seen.acknowledged.record(clock::now().saturating_sub(due));
            }
            Err(problem) => self.refused(problem.detail),
        }
    }

    fn write(&mut self, due: u64) {
        let message = SendMessage::line(format!("{due} {SAID}"), format!("{due}"));
        match self.ask("POST", &format!("/v1/chats/{CHAT}/messages"), &message) {
            Ok(request) => _ = self.unanswered.insert(request, due),
            Err(why) => self.refused(why),
        }
    }

    fn mark(&mut self) {
        let newest = self.taken.lock().received.newest();
        if std::mem::replace(&mut self.marked, newest) < newest {
            let marks = SetMarks { delivered: Some(newest), read: None };
            if let Err(why) = self.ask("PUT", &format!("/v1/chats/{CHAT}/marks"), &marks) {
                self.refused(why);
            }
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &impl Serialize) -> Result<u64, String> {
        self.last_request += 1;
        let request = Request::new(self.last_request, method, path, body).and_then(|request| request.encode());
        let request = request.map_err(|error| error.to_string())?;
        self.connection.send_request(&request).map_err(|error| error.to_string())?;
        Ok(self.last_request)
    }

    fn refused(&mut self, why: String) {
        self.seen.refused += 1;
        self.seen.first_refusal.get_or_insert(why);
    }
}

/// A thread reads the conductor's words: "write", then the number of the newest entry.
fn listen_for_words() -> watch::Receiver<Word> {
    let (sender, words) = watch::channel(Word::Wait);
    std::thread::spawn(move || {
        for word in io::stdin().lock().lines().map_while(Result::ok) {
            let word = word.trim().parse().map_or(Word::Write, Word::End);
            if sender.send(word).is_err() {
                return;
            }
        }
    });
    words
}

/// What a message says after the time when it was due.
const SAID: &str = "The train leaves at seven, platform nine; bring the map and something to read.";
/// Requests of [`Linked`] have the numbers before.
const FIRST_REQUEST: u64 = 1_000;
/// As often as the client.
const MARKS: Duration = Duration::from_secs(1);
/// Between two looks whether everything is answered.
const LOOK: Duration = Duration::from_millis(20);
/// What has not come after this time is not counted as late but as lost.
const PATIENCE: Duration = Duration::from_secs(30);

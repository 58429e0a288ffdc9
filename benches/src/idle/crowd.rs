//! A process of the crowd: one thread, one event loop over all its links and the few connections that they post by.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use relay::link::ExchangeId;
use relay::seal::Fingerprint;
use serde::{Deserialize, Serialize};

use super::one::{Came, One};
use super::wire::{Way, Wire};
use crate::answer::Answer;
use crate::failure::BenchError;
use crate::linked::first_line;
use crate::machine::{clock, limits};
use crate::processes::tell;
use crate::statistics::Distribution;

/// How the conductor starts a process of the crowd. Sessions are the first line of standard input.
#[derive(Debug, Clone, clap::Args)]
pub struct CrowdOptions {
    #[arg(long)]
    target: SocketAddr,
    #[arg(long)]
    pin: String,
    #[arg(long)]
    tls: bool,
}

/// What the crowd tells the conductor, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// All links watch their contacts and are idle.
    Watching,
    Result(Seen),
}

/// What was seen since the conductor's word "measure".
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// From before a change was asked for to its arrival.
    pub delay: Distribution,
    /// Links that broke.
    pub ended: usize,
    /// Why the first one did.
    pub first_end: Option<String>,
    /// Short POSTs since the beginning.
    pub posts: u64,
}

/// A connection that links post by, one after another.
#[derive(Debug)]
struct Poster {
    wire: Option<Wire<mio::net::TcpStream>>,
    /// The link and its exchange that are being served.
    job: Option<(usize, ExchangeId, Answer)>,
}

struct Crowd {
    way: Way,
    poll: Poll,
    links: Vec<Option<One>>,
    posters: Vec<Poster>,
    /// Links that have something to post; each stands here once.
    waiting: VecDeque<usize>,
    queued: Vec<bool>,
    settled: usize,
    measures: bool,
    seen: Seen,
    buffer: Vec<u8>,
}

/// Opens all links, then keeps them until the conductor says "end".
pub fn run(options: &CrowdOptions) -> Result<(), BenchError> {
    let failed = || BenchError::io("the crowd's event loop");
    limits::raise_open_files().map_err(BenchError::io("raising the limit of open files"))?;
    let sessions: Vec<String> = serde_json::from_str(&first_line()?)?;
    let pin: Fingerprint = options.pin.parse().map_err(|error| BenchError::Refused(format!("--pin: {error}")))?;
    let poll = Poll::new().map_err(failed())?;
    let words = listen_for_words(&poll).map_err(failed())?;
    let mut crowd = Crowd {
        way: Way::new(options.target, options.tls, pin)?,
        poll,
        links: Vec::with_capacity(sessions.len()),
        posters: std::iter::repeat_with(|| Poster { wire: None, job: None }).take(POSTERS).collect(),
        waiting: VecDeque::new(),
        queued: vec![false; sessions.len()],
        settled: 0,
        measures: false,
        seen: Seen::default(),
        buffer: vec![0; 64 * 1024],
    };
    let mut events = Events::with_capacity(1_024);
    let mut looked = Instant::now();
    let mut told = false;
    loop {
        // Links are opened one at a time: those that are there must be answered for meanwhile.
        let opens = crowd.links.len() < sessions.len();
        if let Some(session) = sessions.get(crowd.links.len()) {
            crowd.open(pin, session)?;
        }
        let wait = if opens { Duration::ZERO } else { TICK.saturating_sub(looked.elapsed()) };
        match crowd.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(failed()(error)),
            _ => {}
        }
        for event in events.iter() {
            match event.token() {
                WORDS => {}
                Token(token) if token >= FIRST_POSTER => crowd.serve_poster(token - FIRST_POSTER),
                Token(link) => crowd.serve_link(link),
            }
        }
        if looked.elapsed() >= TICK {
            looked = Instant::now();
            (0..crowd.links.len()).for_each(|link| crowd.queue(link));
        }
        crowd.post();
        if !told && crowd.settled == sessions.len() {
            told = true;
            tell(&Told::Watching)?;
        }
        match words.try_recv() {
            Ok(word) if word.trim() == "measure" => crowd.measures = true,
            Err(TryRecvError::Empty) => {}
            _ => return tell(&Told::Result(crowd.seen)),
        }
    }
}

impl Crowd {
    fn open(&mut self, pin: Fingerprint, session: &str) -> Result<(), BenchError> {
        let mut one = One::open(&self.way, pin, session)?;
        let number = self.links.len();
        self.poll
            .registry()
            .register(one.wire.socket(), Token(number), Interest::READABLE)
            .map_err(BenchError::io("registering a link"))?;
        self.links.push(Some(one));
        self.queue(number);
        Ok(())
    }

    fn serve_link(&mut self, number: usize) {
        loop {
            let Some(one) = self.links.get_mut(number).and_then(Option::as_mut) else { return };
            let received = match one.wire.receive(&mut self.buffer) {
                Ok(None) => break,
                Ok(Some(0)) => Err(BenchError::Refused("the connection was closed".into())),
                Ok(Some(length)) => one.take(&self.buffer[..length]),
                Err(error) => Err(BenchError::io("receiving")(error)),
            };
            match received {
                Ok(came) => self.note(&came),
                Err(error) => return self.lose(number, &error),
            }
        }
        self.queue(number);
    }

    fn note(&mut self, came: &Came) {
        self.settled += usize::from(came.settled);
        if self.measures {
            let now = clock::now();
            self.seen.delay.extend(came.stamps.iter().map(|stamp| now.saturating_sub(*stamp)));
        }
    }

    fn lose(&mut self, number: usize, error: &BenchError) {
        self.links[number] = None;
        self.seen.ended += 1;
        self.seen.first_end.get_or_insert(error.to_string());
    }

    /// Lets a link wait for a poster; whether it has anything to say is asked when one is free.
    fn queue(&mut self, number: usize) {
        if !std::mem::replace(&mut self.queued[number], true) {
            self.waiting.push_back(number);
        }
    }

    fn post(&mut self) {
        for place in 0..self.posters.len() {
            while self.posters[place].job.is_none() {
                let Some(number) = self.waiting.pop_front() else { return };
                self.queued[number] = false;
                let Some(one) = self.links[number].as_mut() else { continue };
                match one.begin_post() {
                    Ok(None) => {}
                    Ok(Some((exchange, request))) => {
                        self.seen.posts += 1;
                        if let Err(error) = self.send(place, number, exchange, &request) {
                            self.lose(number, &error);
                        }
                    }
                    Err(error) => self.lose(number, &error),
                }
            }
        }
    }

    fn send(&mut self, place: usize, number: usize, exchange: ExchangeId, request: &[u8]) -> Result<(), BenchError> {
        let failed = || BenchError::io("posting");
        let poster = &mut self.posters[place];
        let wire = match &mut poster.wire {
            Some(wire) => wire,
            none => {
                let wire = Wire::connect(&self.way).and_then(Wire::into_nonblocking).map_err(failed())?;
                let wire = none.insert(wire);
                let interests = Interest::READABLE | Interest::WRITABLE;
                let registered = self.poll.registry().register(wire.socket(), Token(FIRST_POSTER + place), interests);
                registered.map_err(failed())?;
                wire
            }
        };
        wire.send(request).map_err(failed())?;
        poster.job = Some((number, exchange, Answer::default()));
        Ok(())
    }

    fn serve_poster(&mut self, place: usize) {
        while let Err(error) = self.serve_poster_once(place) {
            // The server may close a connection that was not used; the link goes on by another one.
            self.posters[place].wire = None;
            let Some((number, ..)) = self.posters[place].job.take() else { return };
            self.lose(number, &error);
        }
    }

    fn serve_poster_once(&mut self, place: usize) -> Result<(), BenchError> {
        let failed = || BenchError::io("posting");
        let poster = &mut self.posters[place];
        let Some(wire) = &mut poster.wire else { return Ok(()) };
        wire.flush().map_err(failed())?;
        while let Some(length) = wire.receive(&mut self.buffer).map_err(failed())? {
            let (Some((number, exchange, answer)), 1..) = (&mut poster.job, length) else {
                return Err(BenchError::Refused("the server closed a connection".into()));
            };
            let mut bytes = &self.buffer[..length];
            while !bytes.is_empty() && !answer.is_done() {
                let (taken, part) = answer.step(bytes).map_err(|error| BenchError::Refused(error.to_string()))?;
                if let Some(one) = self.links[*number].as_mut().filter(|_| !part.is_empty()) {
                    one.take_answer(*exchange, part)?;
                }
                bytes = &bytes[taken..];
            }
            if answer.is_done() {
                let (number, exchange) = (*number, *exchange);
                poster.job = None;
                let came = self.links[number].as_mut().map(|one| one.end_post(exchange)).transpose()?;
                self.note(&came.unwrap_or_default());
                self.queue(number);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A thread reads the conductor's words and wakes the loop for each; when they end, the last word is "end".
fn listen_for_words(poll: &Poll) -> io::Result<Receiver<String>> {
    let waker = Arc::new(Waker::new(poll.registry(), WORDS)?);
    let (sender, words) = mpsc::channel();
    std::thread::spawn(move || {
        let spoken = io::stdin().lock().lines().map_while(Result::ok);
        for word in spoken.chain(["end".to_owned()]) {
            if sender.send(word).is_err() || waker.wake().is_err() {
                return;
            }
        }
    });
    Ok(words)
}

const WORDS: Token = Token(usize::MAX);
const FIRST_POSTER: usize = 1 << 32;
/// Connections that all links of a process post by.
const POSTERS: usize = 8;
/// Links are asked at least this often whether they have something to say.
const TICK: Duration = Duration::from_millis(50);

//! The readers: one process, one thread, one epoll loop over all their connections, so that they hardly disturb.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use serde::{Deserialize, Serialize};

use super::stream::Stream;
use super::workload::stamp;
use crate::failure::BenchError;
use crate::machine::clock;
use crate::processes::tell;
use crate::statistics::Distribution;

/// How the conductor starts the readers.
#[derive(Debug, Clone, clap::Args)]
pub struct ReaderOptions {
    #[arg(long)]
    readers: usize,
    #[arg(long)]
    target: SocketAddr,
    /// The path to GET; without it bare frames are read.
    #[arg(long)]
    path: Option<String>,
}

/// What the readers tell the conductor, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// All are connected and, by HTTP, have a 200.
    Connected,
    /// All have got a frame.
    Served,
    Result(Received),
}

/// What was received between the conductor's words "measure" and "end".
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Received {
    pub delay: Distribution,
    pub frames: u64,
    /// Frames with their headers, without HTTP's framing.
    pub bytes: u64,
    /// The fewest frames that any reader got.
    pub fewest: u64,
    /// Readers that got nothing.
    pub silent: usize,
    /// Readers whose connection ended or broke.
    pub ended: usize,
    /// Why the first one did.
    pub first_end: Option<String>,
    /// Microseconds.
    pub took: u64,
}

#[derive(Debug)]
struct Reader {
    socket: TcpStream,
    stream: Stream,
    frames: u64,
    is_open: bool,
    is_served: bool,
    ended: bool,
}

struct Audience {
    readers: Vec<Reader>,
    received: Received,
    open: usize,
    served: usize,
    measures_since: Option<u64>,
    buffer: Vec<u8>,
}

/// Connects all readers, then obeys the words on standard input.
pub fn run(options: &ReaderOptions) -> Result<(), BenchError> {
    let failed = || BenchError::io("the readers' event loop");
    let mut poll = Poll::new().map_err(failed())?;
    let words = listen_for_words(&poll).map_err(failed())?;
    let mut audience = Audience::connect(options, &poll)?;
    let mut told_connected = false;
    let mut told_served = false;
    let mut events = Events::with_capacity(1_024);
    loop {
        if !told_connected && audience.open == audience.readers.len() {
            tell(&Told::Connected)?;
            told_connected = true;
        }
        if !told_served && audience.served == audience.readers.len() {
            tell(&Told::Served)?;
            told_served = true;
        }
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(failed()(error));
        }
        for event in events.iter().filter(|event| event.token() != WORDS) {
            audience.receive(event.token().0);
        }
        while let Ok(word) = words.try_recv() {
            match word.trim() {
                "measure" => audience.measure(),
                _ => return tell(&Told::Result(audience.finish())),
            }
        }
    }
}

impl Audience {
    fn connect(options: &ReaderOptions, poll: &Poll) -> Result<Self, BenchError> {
        let mut readers = Vec::with_capacity(options.readers);
        for number in 0..options.readers {
            let reader = Reader::connect(options, poll, number);
            readers.push(reader.map_err(BenchError::io(format!("connecting reader {number}")))?);
        }
        let open = readers.iter().filter(|reader| reader.is_open).count();
        Ok(Self {
            readers,
            received: Received::default(),
            open,
            served: 0,
            measures_since: None,
            buffer: vec![0; 256 * 1024],
        })
    }

    fn receive(&mut self, number: usize) {
        let Some(reader) = self.readers.get_mut(number).filter(|reader| !reader.ended) else { return };
        loop {
            let length = match reader.socket.read(&mut self.buffer) {
                Ok(0) => return self.end(number, "the connection was closed".to_owned()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return self.end(number, error.to_string()),
            };
            let now = clock::now();
            let measures = self.measures_since.is_some();
            let (received, frames) = (&mut self.received, &mut reader.frames);
            let fed = reader.stream.feed(&self.buffer[..length], |frame| {
                *frames += 1;
                if measures {
                    received.bytes += frame.encoded().len() as u64;
                    let made = stamp(&frame.payload()).unwrap_or(now);
                    received.delay.record(now.saturating_sub(made));
                }
            });
            if !reader.is_open && reader.stream.is_open() {
                reader.is_open = true;
                self.open += 1;
            }
            if !reader.is_served && reader.frames > 0 {
                reader.is_served = true;
                self.served += 1;
            }
            if let Err(error) = fed {
                return self.end(number, error.to_string());
            }
            if length < self.buffer.len() {
                // epoll(7): a short read has emptied the socket; asking again would only cost a system call.
                return;
            }
        }
    }

    fn end(&mut self, number: usize, why: String) {
        self.readers[number].ended = true;
        self.received.ended += 1;
        self.received.first_end.get_or_insert(why);
    }

    fn measure(&mut self) {
        self.readers.iter_mut().for_each(|reader| reader.frames = 0);
        self.measures_since = Some(clock::now());
    }

    fn finish(mut self) -> Received {
        let counts = || self.readers.iter().map(|reader| reader.frames);
        self.received.frames = counts().sum();
        self.received.fewest = counts().min().unwrap_or(0);
        self.received.silent = counts().filter(|frames| *frames == 0).count();
        self.received.took = self.measures_since.map_or(0, |since| clock::now() - since);
        self.received
    }
}

impl Reader {
    /// Connected in turn, not all at once: a burst would test the listen queue, not the fan-out.
    fn connect(options: &ReaderOptions, poll: &Poll, number: usize) -> io::Result<Self> {
        let mut socket = std::net::TcpStream::connect(options.target)?;
        let stream = match &options.path {
            Some(path) => {
                write!(socket, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", options.target)?;
                Stream::http()
            }
            None => Stream::bare(),
        };
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        let is_open = stream.is_open();
        Ok(Self { socket, stream, frames: 0, is_open, is_served: false, ended: false })
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

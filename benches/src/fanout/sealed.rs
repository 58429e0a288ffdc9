//! Readers over sealed links: each opens one, shows the publisher's session, and puts a cursor on its track.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay::link::Promise;
use relay::seal::Fingerprint;
use relay::vocabulary::{ReadFrom, Resume, SessionOpened};
use relay::{Frame, TrackId};
use tokio::task::JoinSet;

use super::readers::{Received, Told};
use super::workload::stamp;
use crate::failure::BenchError;
use crate::linked::{Invitation, Linked, first_line, runtime};
use crate::machine::clock;
use crate::processes::tell;

/// How the conductor starts sealed readers. The publisher's invitation is the first line of standard input.
#[derive(Debug, Clone, clap::Args)]
pub struct SealedOptions {
    #[arg(long)]
    readers: usize,
    #[arg(long)]
    server: String,
}

#[derive(Debug, Default)]
struct Audience {
    received: Mutex<Received>,
    frames: Vec<AtomicU64>,
    served: AtomicUsize,
    measures: AtomicBool,
    all_served: tokio::sync::Notify,
}

/// Opens all links, then obeys the words on standard input.
pub fn run(options: &SealedOptions) -> Result<(), BenchError> {
    let invitation: Invitation = serde_json::from_str(&first_line()?)?;
    let pin: Fingerprint =
        invitation.pin.parse().map_err(|error| BenchError::Refused(format!("the invitation: {error}")))?;
    runtime()?.block_on(async {
        let audience = Arc::new(Audience {
            frames: std::iter::repeat_with(AtomicU64::default).take(options.readers).collect(),
            ..Audience::default()
        });
        let mut opening = JoinSet::new();
        let mut links = Vec::with_capacity(options.readers);
        for number in 0..options.readers {
            if opening.len() >= AT_ONCE {
                links.extend(joined(opening.join_next().await)?);
            }
            let (server, invitation, audience) = (options.server.clone(), invitation.clone(), Arc::clone(&audience));
            opening.spawn(async move { open(&server, pin, &invitation, audience, number).await });
        }
        while let Some(opened) = opening.join_next().await {
            links.extend(joined(Some(opened))?);
        }
        tell(&Told::Connected)?;
        let mut words = spoken_words();
        let mut measures_since = 0;
        loop {
            tokio::select! {
                () = audience.all_served.notified() => tell(&Told::Served)?,
                word = words.recv() => match word.as_deref() {
                    Some("measure") => {
                        audience.frames.iter().for_each(|frames| frames.store(0, Ordering::Relaxed));
                        measures_since = clock::now();
                        audience.measures.store(true, Ordering::Relaxed);
                    }
                    _ => return tell(&Told::Result(audience.finish(measures_since))),
                },
            }
        }
    })
}

impl Audience {
    fn take(&self, number: usize, frame: &Frame) {
        let now = clock::now();
        let Some(frames) = self.frames.get(number) else { return };
        if frames.fetch_add(1, Ordering::Relaxed) == 0
            && !self.measures.load(Ordering::Relaxed)
            && self.served.fetch_add(1, Ordering::Relaxed) + 1 == self.frames.len()
        {
            self.all_served.notify_one();
        }
        if self.measures.load(Ordering::Relaxed) {
            let mut received = self.received();
            received.bytes += frame.encoded().len() as u64;
            received.delay.record(now.saturating_sub(stamp(&frame.payload()).unwrap_or(now)));
        }
    }

    fn finish(&self, since: u64) -> Received {
        let mut received = std::mem::take(&mut *self.received());
        let counts = || self.frames.iter().map(|frames| frames.load(Ordering::Relaxed));
        received.frames = counts().sum();
        received.fewest = counts().min().unwrap_or(0);
        received.silent = counts().filter(|frames| *frames == 0).count();
        received.took = clock::now() - since;
        received
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(
    server: &str,
    pin: Fingerprint,
    invitation: &Invitation,
    audience: Arc<Audience>,
    number: usize,
) -> Result<Linked, BenchError> {
    let mut linked = Linked::open(server, pin).await?;
    let resume = Resume { session: invitation.session.clone() };
    let _: SessionOpened = linked.ask("POST", "/v1/session", &resume).await?;
    let sink = Box::new(move |frame: Frame| audience.take(number, &frame));
    linked.connection.accept_track(TrackId(invitation.track), Promise::Once, sink);
    let path = format!("/v1/cursors/{}", invitation.track);
    let _: serde_json::Value = linked.ask("PUT", &path, &ReadFrom::default()).await?;
    Ok(linked)
}

type Joined = Option<Result<Result<Linked, BenchError>, tokio::task::JoinError>>;

fn joined(opened: Joined) -> Result<Option<Linked>, BenchError> {
    match opened {
        Some(Ok(linked)) => linked.map(Some),
        Some(Err(error)) => Err(BenchError::Refused(format!("a reader's task failed: {error}"))),
        None => Ok(None),
    }
}

fn spoken_words() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (sender, words) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line.trim().to_owned()).is_err() {
                return;
            }
        }
    });
    words
}

/// Links being opened at a time.
const AT_ONCE: usize = 16;

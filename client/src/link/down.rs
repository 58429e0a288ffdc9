//! The way down: GETs that wait for one batch at once, and one long GET when the path has proven that it passes one. Where
//! nothing stands between, a link at rest has one POST instead that goes both ways at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use relay::link::{Ended, ExchangeId, FAR_PORT, TRIAL_INTERVAL, Use};
use tokio::task::JoinSet;

use super::{
    long_upload::{LongUpload, Reins},
    patience::{Backoff, chance},
    session::Session,
    up::{heartbeat, is_gone},
    ways::{Outcome, Way, Ways},
};
use crate::http::{Answer, Http, HttpError, OwnPort, Upload};

/// GETs that wait at a time: while one answer travels, the next is already asked for.
const AT_ONCE: usize = 2;

/// How long the server may hold one. Content filters cut what is idle for ten seconds.
const HOLD: Duration = Duration::from_secs(8);

/// Padding of a long answer's beginning: proxies hold up to this much back before they pass anything on.
const PAD: usize = 4096;

/// A trial record may come this much later than it should and still count as prompt.
const LATE: Duration = Duration::from_millis(150);

/// Of the twenty trial records so many must be prompt.
const PROMPT_ENOUGH: u32 = 12;

/// The trial's length after the first record.
const TRIAL: Duration = Duration::from_millis(1200);

/// The first record must come within this.
const FIRST: Duration = Duration::from_millis(2500);

/// The server sends something every second; a long answer from which nothing comes for this long is held or dead.
const SILENCE: Duration = Duration::from_millis(2600);

/// What it sends then may be this late.
const BEAT_LATE: Duration = Duration::from_secs(3);

/// While nothing passes, a long GET is tried again about this often.
const WHILE_CUT: Duration = Duration::from_millis(700);

/// A long answer is replaced before proxies cut it by its length, or by its time ([`Way::longest`]).
const LARGEST: u64 = 80 << 20;

/// A body of heartbeats says that it is this long, and ends before: so it has no chunks, each of which would cost the server
/// more than a heartbeat does.
const HEARTBEATS_LENGTH: u64 = 16 << 20;

/// A long answer whose successor failed carries on for this long.
const CARRY_ON: Duration = Duration::from_secs(20);

/// Keeps GETs waiting at the server as long as no long one carries.
pub(super) async fn keep_polling(session: Arc<Session>, http: Http) {
    let mut polls = JoinSet::new();
    let mut streams = session.streams.subscribe();
    let mut backoff = Backoff::new(Duration::from_millis(30), Duration::from_millis(600));
    let mut pause = Instant::now();
    while !session.has_ended() {
        let streaming = streams.borrow_and_update().down.is_some();
        let paused = pause > Instant::now();
        while !streaming && !paused && polls.len() < AT_ONCE {
            polls.spawn(poll(session.clone(), http.clone()));
        }
        tokio::select! {
            _ = streams.changed() => {}
            () = tokio::time::sleep_until(pause.into()), if paused => {}
            Some(polled) = polls.join_next(), if !polls.is_empty() => match polled {
                Ok(Ok(())) => {
                    backoff.reset();
                    pause = Instant::now();
                }
                Ok(Err(error)) => {
                    if is_gone(&error) {
                        session.finish(format!("the server no longer knows this link: {error}"));
                        return;
                    }
                    tracing::debug!(%error, "a waiting GET failed");
                    backoff.failed(&mut pause);
                }
                Err(error) => tracing::error!(%error, "a waiting GET broke off"),
            },
        }
    }
}

async fn poll(session: Arc<Session>, http: Http) -> Result<(), HttpError> {
    let id = session.begin(Use::Receive);
    let path = format!("/v1/link/{}/down?x={id}&hold={}", session.id, HOLD.as_millis());
    let result = http.exchange(Method::GET, &path, Bytes::new(), HOLD + Duration::from_secs(3)).await;
    let result =
        result.and_then(|answer| session.receive(id, &answer).map_err(|error| HttpError::Cut(error.to_string())));
    session.end(id, if result.is_ok() { Ended::Complete } else { Ended::Broken });
    result
}

/// Keeps one long answer on trial or carrying, and falls back to waiting GETs when it stops delivering.
pub(super) async fn keep_streaming(session: Arc<Session>, http: Http) {
    let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));
    let mut ways = Ways::new(http.proxy().is_none());
    // Two at the most: the one that carries, and the next one on trial.
    let mut carrying: Option<(ExchangeId, tokio::task::JoinHandle<Outcome>)> = None;
    while !session.has_ended() {
        let way = ways.next(passes_long_uploads(&session));
        let trial = Long::on_trial(session.clone(), &http, way).await;
        let outcome = match trial {
            Ok(long) => {
                let id = long.id;
                session.with_link(|link, _| link.prefer(id));
                session.streams.send_modify(|streams| streams.down = Some(id));
                // The server ends the one before as soon as it knows that this one arrives.
                let (began, taken) = (Instant::now(), long.taken.clone());
                let mut reading = tokio::spawn(long.read());
                let spent = async {
                    while began.elapsed() < way.longest() && taken.load(Ordering::Relaxed) < LARGEST {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                };
                let better = until_at_rest(&session, || {
                    way != Way::Duplex && ways.next(passes_long_uploads(&session)) == Way::Duplex
                });
                let outcome = tokio::select! {
                    outcome = &mut reading => outcome.unwrap_or(Outcome::Cut),
                    () = spent => {
                        ways.spent();
                        carrying = Some((id, reading));
                        continue;
                    }
                    () = better => {
                        carrying = Some((id, reading));
                        continue;
                    }
                };
                if began.elapsed() > Duration::from_secs(5) {
                    backoff.reset();
                }
                if *session.rests.borrow() && outcome != Outcome::Gone {
                    tracing::debug!(?way, "a long answer was cut at rest");
                    ways.cut_at_rest(way, began.elapsed());
                }
                outcome
            }
            Err(outcome) => {
                ways.refused(way, outcome);
                outcome
            }
        };
        if let Some((id, mut reading)) = carrying.take_if(|(_, reading)| !reading.is_finished()) {
            // The trial of its successor failed; it may carry a little longer.
            session.streams.send_modify(|streams| streams.down = Some(id));
            if tokio::time::timeout(CARRY_ON, &mut reading).await.is_err() {
                carrying = Some((id, reading));
                continue;
            }
        }
        session.streams.send_modify(|streams| streams.down = None);
        match outcome {
            Outcome::Gone => {
                session.finish("the server no longer knows this link".to_owned());
                return;
            }
            Outcome::Held => tokio::time::sleep(backoff.after_failure(chance())).await,
            Outcome::Indirect => {}
            // A path that is cut altogether says nothing about streaming: it is tried again soon.
            Outcome::Cut => tokio::time::sleep(WHILE_CUT.mul_f64(chance())).await,
        }
    }
}

/// Whether the connection that brought an answer is the one that the server sees.
fn is_direct(answer: &Answer) -> bool {
    let seen = answer.headers().get(FAR_PORT).and_then(|port| port.to_str().ok()?.parse().ok());
    seen.is_some() && seen.map(OwnPort) == answer.extensions().get().copied()
}

fn passes_long_uploads(session: &Session) -> bool {
    session.passes_long_uploads.load(Ordering::Relaxed)
}

/// Waits until the link is at rest and it is `so`.
async fn until_at_rest(session: &Session, so: impl Fn() -> bool) {
    let mut rests = session.rests.subscribe();
    while !(*rests.borrow_and_update() && so()) {
        if rests.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// A long answer that is open.
struct Long {
    session: Arc<Session>,
    id: ExchangeId,
    body: Incoming,
    /// How often something comes at rest.
    rhythm: Duration,
    taken: Arc<AtomicU64>,
    ended: Ended,
}

impl Long {
    async fn on_trial(session: Arc<Session>, http: &Http, way: Way) -> Result<Self, Outcome> {
        let asked = format!("pad={PAD}&beat={}", way.beat().as_millis());
        let link = session.id;
        let (id, method, path, body) = match way {
            Way::Get { .. } => {
                let id = session.begin(Use::Receive);
                (id, Method::GET, format!("/v1/link/{link}/down?x={id}&{asked}"), Upload::Whole(Full::default()))
            }
            Way::Duplex => {
                let id = session.begin(Use::Heartbeat(heartbeat()));
                let reins = Arc::new(Reins::default());
                let body = LongUpload { session: session.clone(), id, reins, length: Some(HEARTBEATS_LENGTH) };
                (id, Method::POST, format!("/v1/link/{link}/duplex?x={id}&{asked}"), Upload::Long(Box::pin(body)))
            }
        };
        let request = http.send(method, &path, body);
        let answer = match tokio::time::timeout(FIRST, request).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                session.end(id, Ended::Broken);
                tracing::debug!(%error, "a long answer was not given");
                return Err(match error {
                    _ if is_gone(&error) => Outcome::Gone,
                    HttpError::Problem(_) | HttpError::Stranger(..) => Outcome::Held,
                    _ => Outcome::Cut,
                });
            }
            Err(_) => {
                session.end(id, Ended::Broken);
                return Err(Outcome::Held);
            }
        };
        if way == Way::Duplex && !is_direct(&answer) {
            session.end(id, Ended::Broken);
            tracing::debug!("something stands between this client and the server");
            return Err(Outcome::Indirect);
        }
        let body = answer.into_body();
        let mut long = Self { session, id, body, rhythm: way.rhythm(), taken: Arc::default(), ended: Ended::Broken };
        if !long.take(FIRST).await? {
            return Err(Outcome::Held);
        }
        long.judge().await?;
        Ok(long)
    }

    /// Compares when trial records come with when they should.
    async fn judge(&mut self) -> Result<(), Outcome> {
        let first = Instant::now();
        let (mut seen, mut prompt) = (self.received(), 1);
        while prompt < PROMPT_ENOUGH {
            let left = TRIAL.saturating_sub(first.elapsed());
            if left.is_zero() || !self.take(left).await? {
                tracing::debug!(exchange = %self.id, prompt, seen, "the path holds a long answer back");
                return Err(Outcome::Held);
            }
            let now = self.received();
            for record in seen..now {
                let expected = Duration::from_micros(TRIAL_INTERVAL) * record;
                prompt += u32::from(first.elapsed() <= expected + LATE);
            }
            seen = now;
        }
        Ok(())
    }

    fn received(&self) -> u32 {
        self.session.with_link(|link, _| link.received_on(self.id))
    }

    /// Takes the next bytes; false when none came in time.
    async fn take(&mut self, patience: Duration) -> Result<bool, Outcome> {
        let Ok(next) = tokio::time::timeout(patience, self.body.frame()).await else {
            return Ok(false);
        };
        let frame = match next {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tracing::debug!(exchange = %self.id, %error, "a long answer was cut");
                return Err(Outcome::Cut);
            }
            None => {
                self.ended = Ended::Complete;
                return Err(Outcome::Cut);
            }
        };
        let bytes = frame.into_data().unwrap_or_default();
        self.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.session.receive(self.id, &bytes).map_err(|error| {
            tracing::debug!(exchange = %self.id, %error, "a long answer carries something strange");
            Outcome::Held
        })?;
        Ok(true)
    }

    async fn read(mut self) -> Outcome {
        let mut rests = self.session.rests.subscribe();
        loop {
            let resting = *rests.borrow_and_update();
            let patience = if resting { self.rhythm + BEAT_LATE } else { SILENCE };
            tokio::select! {
                taken = self.take(patience) => match taken {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::debug!(exchange = %self.id, resting, "a long answer fell silent");
                        return Outcome::Held;
                    }
                    Err(outcome) => return outcome,
                },
                // Patience begins anew: what has come alive has something every second.
                _ = rests.changed() => {}
            }
        }
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        self.session.end(self.id, self.ended);
    }
}

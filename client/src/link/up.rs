//! The way up: short POSTs at once, and one long POST when the path has proven that it passes one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use relay::{
    MILLISECOND, Micros,
    link::{Ended, ExchangeId, HEARTBEAT, Keepalive, TRIAL_INTERVAL, Use},
};
use tokio::task::{JoinHandle, JoinSet};

use super::{
    long_upload::{LongUpload, Reins},
    patience::{Backoff, chance},
    session::Session,
};
use crate::http::{Http, HttpError, Upload};

/// Short POSTs under way at a time.
const AT_ONCE: usize = 4;

/// The most bytes of one: proxies and servers refuse more than a megabyte.
const SHORT: usize = 512 * 1024;

/// A short POST that takes longer is sent again on another connection.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// While nothing else is sent, the server hears of a client this often, and each [`HEARTBEAT`] at rest.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// A sign of life whose answer takes longer than two round trips and this is repeated on another connection.
const ANSWER_LATE: Duration = Duration::from_secs(1);

/// Signs of life leave one of the POSTs under way to what there is to send.
const SIGNS_AT_ONCE: usize = AT_ONCE - 1;

/// On a long POST: 1 kB/s at least, because proxies cut uploads that are slower than 500 B/s. A link at rest has none.
const KEEPALIVE: Keepalive = Keepalive { interval: 250 * MILLISECOND, at_rest: 250 * MILLISECOND, bytes: 256 };

/// The first record of a long POST fills the previews that some proxies wait for.
const FIRST: usize = 1200;

/// A path that shows nothing by then is given this much to fill its buffers.
const FILL_AFTER: Duration = Duration::from_millis(400);
const FILL: usize = 20 * 1024;

/// The trial's length, beside the round trip.
const TRIAL: Duration = Duration::from_millis(1300);

/// So many prompt acknowledgements decide a trial.
const PROMPT_ENOUGH: u32 = 8;

/// While nothing passes, a long POST is tried again about this often.
const WHILE_CUT: Duration = Duration::from_millis(700);

/// A long POST is replaced before proxies cut it by its time or its length.
const LONGEST: Duration = Duration::from_secs(240);
const LARGEST: usize = 8 << 20;

/// Sends what the link has in short POSTs, as long as no long one carries it.
pub(super) async fn send_short(session: Arc<Session>, http: Http) {
    let mut posts = JoinSet::new();
    let mut backoff = Backoff::new(Duration::from_millis(30), Duration::from_millis(600));
    let mut pause = Instant::now();
    let mut spoke = Instant::now();
    let heartbeat = Duration::from_micros(heartbeat());
    let mut beating = session.beats.subscribe();
    while !session.has_ended() {
        let rung = session.doorbell.sender.notified();
        let streaming = session.streams.borrow().up.is_some();
        let rests = *session.rests.borrow();
        let sign_of_life = if rests { heartbeat } else { SIGN_OF_LIFE };
        let next_sign = if posts.is_empty() { sign_of_life } else { answer_late(&session) };
        // Then the server hears of this client without a POST.
        let beats = *beating.borrow_and_update() && rests;
        let signs = !beats && posts.len() < SIGNS_AT_ONCE;
        let silent = signs && spoke.elapsed() >= next_sign;
        let paused = pause > Instant::now();
        let wanted = !streaming && !paused && posts.len() < AT_ONCE;
        if wanted && (silent || session.with_link(|link, now| link.has_content(now))) {
            spoke = Instant::now();
            posts.spawn(post(session.clone(), http.clone(), silent));
            continue;
        }
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep_until(pause.into()), if paused => {}
            () = tokio::time::sleep(next_sign.saturating_sub(spoke.elapsed())), if !streaming && !paused && signs => {}
            _ = beating.changed() => {}
            Some(posted) = posts.join_next(), if !posts.is_empty() => match posted {
                Ok(Ok(Posted::Arrived)) => {
                    backoff.reset();
                    pause = Instant::now();
                }
                // Another one had taken what there was.
                Ok(Ok(Posted::Nothing)) => {}
                Ok(Err(error)) => {
                    if is_gone(&error) {
                        session.finish(format!("the server no longer knows this link: {error}"));
                        return;
                    }
                    tracing::debug!(%error, "a short POST failed");
                    backoff.failed(&mut pause);
                }
                Err(error) => tracing::error!(%error, "a short POST broke off"),
            },
        }
    }
}

/// How often this client says at rest that it is there. Clients that came together, after the server was away, do not
/// speak together for ever.
pub(super) fn heartbeat() -> Micros {
    HEARTBEAT - (HEARTBEAT as f64 * 0.05 * chance()) as Micros
}

fn answer_late(session: &Session) -> Duration {
    let round_trip = session.with_link(|link, now| link.statistics(now).round_trip).unwrap_or(0);
    ANSWER_LATE + 2 * Duration::from_micros(round_trip)
}

/// What became of a short POST.
enum Posted {
    Arrived,
    Nothing,
}

async fn post(session: Arc<Session>, http: Http, silent: bool) -> Result<Posted, HttpError> {
    let id = session.begin(Use::Send);
    let mut guard = Guard { session: &session, id, ended: Ended::Broken };
    let mut body = session.batch(id, SHORT).map_err(|error| HttpError::Cut(error.to_string()))?;
    if body.is_empty() {
        if !silent {
            guard.ended = Ended::Complete;
            return Ok(Posted::Nothing);
        }
        let mut ping = bytes::BytesMut::new();
        session
            .with_link(|link, now| link.transmit_probe(id, 0, &mut ping, now))
            .map_err(|error| HttpError::Cut(error.to_string()))?;
        body = ping.freeze();
    }
    let path = format!("/v1/link/{}/up?x={id}", session.id);
    let answer = http.exchange(Method::POST, &path, body, SHORT_PATIENCE).await?;
    session.receive(id, &answer).map_err(|error| HttpError::Cut(error.to_string()))?;
    guard.ended = Ended::Complete;
    Ok(Posted::Arrived)
}

/// Keeps one long POST on trial or carrying, and falls back to short ones when it stops delivering.
pub(super) async fn keep_streaming(session: Arc<Session>, http: Http) {
    let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(300));
    let mut current: Option<Long> = None;
    let mut rests = session.rests.subscribe();
    while !session.has_ended() {
        // A link at rest has nothing for a long POST, which would have to be kept alive all the while.
        if current.is_none() && rests.wait_for(|rests| !rests).await.is_err() {
            return;
        }
        let next = match Long::on_trial(&session, &http).await {
            Ok(next) => next,
            Err(outcome) => {
                if let Some(carrying) = current.take() {
                    // The one that carries is still there, and its time has not quite come.
                    current = carrying.carry(&session, Duration::from_secs(20)).await.still_there(&session);
                    continue;
                }
                if outcome == Outcome::Gone {
                    session.finish("the server no longer knows this link".to_owned());
                    return;
                }
                // A path that is cut altogether says nothing about streaming.
                let wait =
                    if outcome == Outcome::Cut { WHILE_CUT.mul_f64(chance()) } else { backoff.after_failure(chance()) };
                tokio::time::sleep(wait).await;
                continue;
            }
        };
        session.passes_long_uploads.store(true, Ordering::Relaxed);
        session.with_link(|link, _| link.carry(next.id));
        session.streams.send_modify(|streams| streams.up = Some(next.id));
        session.doorbell.ring();
        if let Some(previous) = current.take() {
            previous.finish(&session);
        }
        let began = Instant::now();
        current = next.carry(&session, LONGEST).await.still_there(&session);
        if began.elapsed() > Duration::from_secs(5) {
            backoff.reset();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Held,
    Cut,
    Gone,
}

/// How a long POST ceased to carry.
enum Carried {
    /// It carried as long as it may, and still does.
    Spent(Long),
    /// The link is at rest.
    Rests(Long),
    /// It stopped delivering.
    Stopped,
}

impl Carried {
    /// The long POST, if it still carries.
    fn still_there(self, session: &Session) -> Option<Long> {
        match self {
            Self::Spent(long) => Some(long),
            Self::Rests(long) => {
                session.streams.send_modify(|streams| streams.up = None);
                long.finish(session);
                None
            }
            Self::Stopped => None,
        }
    }
}

/// A long POST that is open.
struct Long {
    id: ExchangeId,
    reins: Arc<Reins>,
    answer: JoinHandle<Result<(), HttpError>>,
}

impl Long {
    async fn on_trial(session: &Arc<Session>, http: &Http) -> Result<Self, Outcome> {
        let id = session.begin(Use::Trial(KEEPALIVE));
        let reins = Reins::padded(FIRST);
        let body = LongUpload { session: session.clone(), id, reins: reins.clone(), length: None };
        let answer = tokio::spawn(send_long(session.clone(), http.clone(), id, body));
        let mut long = Self { id, reins, answer };
        let began = Instant::now();
        let round_trip = session.with_link(|link, now| link.statistics(now).round_trip).unwrap_or(0);
        let limit = TRIAL + 2 * Duration::from_micros(round_trip);
        let mut filled = false;
        while began.elapsed() < limit {
            tokio::select! {
                done = &mut long.answer => {
                    session.end(id, Ended::Broken);
                    return Err(match done {
                        Ok(Err(error)) if is_gone(&error) => Outcome::Gone,
                        // An answer before the body's end is a proxy's or a filter's.
                        Ok(Err(HttpError::Problem(_) | HttpError::Stranger(..)) | Ok(())) => Outcome::Held,
                        Ok(Err(_)) | Err(_) => Outcome::Cut,
                    });
                }
                () = tokio::time::sleep(Duration::from_micros(TRIAL_INTERVAL)) => {}
            }
            let proof = session.with_link(|link, _| link.proof(id));
            if proof.prompt >= PROMPT_ENOUGH {
                return Ok(long);
            }
            if !filled && proof.arrived == 0 && began.elapsed() >= FILL_AFTER {
                filled = true;
                long.reins.pad(session, FILL);
            }
        }
        tracing::debug!(exchange = %id, "the path holds a long POST back");
        long.give_up(session);
        Err(Outcome::Held)
    }

    /// Waits until it has carried for `time`, or long enough for a proxy, or has nothing to carry any more, or stops.
    async fn carry(mut self, session: &Arc<Session>, time: Duration) -> Carried {
        let until = Instant::now() + time;
        let mut stalled = session.stalled.subscribe();
        let mut rests = session.rests.subscribe();
        loop {
            if *rests.borrow_and_update() {
                return Carried::Rests(self);
            }
            let full = self.reins.sent.load(Ordering::Relaxed) >= LARGEST;
            if full || Instant::now() >= until {
                self.reins.sent.store(0, Ordering::Relaxed);
                return Carried::Spent(self);
            }
            let has_stalled = *stalled.borrow_and_update() == Some(self.id);
            if has_stalled || self.answer.is_finished() || session.has_ended() {
                tracing::debug!(exchange = %self.id, has_stalled, "a long POST stopped delivering");
                session.streams.send_modify(|streams| streams.up = None);
                self.give_up(session);
                session.doorbell.ring();
                return Carried::Stopped;
            }
            tokio::select! {
                _ = stalled.changed() => {}
                _ = rests.changed() => {}
                _ = &mut self.answer => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
        }
    }

    /// Another one carries: this one ends as it should.
    fn finish(self, session: &Session) {
        self.reins.finish(session);
    }

    fn give_up(self, session: &Session) {
        self.answer.abort();
        session.end(self.id, Ended::Broken);
    }
}

async fn send_long(session: Arc<Session>, http: Http, id: ExchangeId, body: LongUpload) -> Result<(), HttpError> {
    let path = format!("/v1/link/{}/up?x={id}", session.id);
    let answer = http.send(Method::POST, &path, Upload::Long(Box::pin(body))).await?;
    let body = answer.into_body().collect().await.map_err(|error| HttpError::Cut(error.to_string()))?;
    session.receive(id, &body.to_bytes()).map_err(|error| HttpError::Cut(error.to_string()))?;
    session.end(id, Ended::Complete);
    Ok(())
}

/// Whether the server has said that this link is no more.
pub(super) fn is_gone(error: &HttpError) -> bool {
    matches!(error, HttpError::Problem(problem) if problem.status == StatusCode::GONE.as_u16())
}

struct Guard<'a> {
    session: &'a Session,
    id: ExchangeId,
    ended: Ended,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.session.end(self.id, self.ended);
    }
}

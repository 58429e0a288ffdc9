//! The way down: the body of a GET, long or short, filled from the link as the socket takes it.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use relay::{
    Micros, SECOND,
    link::{Ended, ExchangeId, Transmitted, record::MAGIC},
};

use super::session::{Session, SessionError};

/// Bytes written at a time. Little, so that what is sent next is decided late.
const AT_A_TIME: usize = 16 * 1024;

/// The most bytes of one short answer.
const SHORT_ANSWER: usize = 256 * 1024;

/// A long answer ends before proxies that limit an answer's length or time cut it.
const LONG_ANSWER_BYTES: u64 = 90 << 20;
pub(super) const LONG_ANSWER_TIME: Micros = 540 * SECOND;

/// The body of a long answer.
pub(super) struct LongAnswer {
    session: Arc<Session>,
    id: ExchangeId,
    opened_at: Micros,
    /// How long it may last.
    longest: Micros,
    sent: u64,
    polls: u32,
    prelude: Option<usize>,
    /// Whom the doorbell wakes, and how often it had rung when everything there was had been written.
    waits: Option<(Waker, u32)>,
    ended: Ended,
}

impl LongAnswer {
    /// `pad` bytes go out with the head, for proxies that hold small beginnings back.
    pub fn new(session: Arc<Session>, id: ExchangeId, pad: usize, longest: Micros) -> Self {
        let opened_at = session.clock.micros();
        Self {
            session,
            id,
            opened_at,
            longest,
            sent: 0,
            polls: 0,
            prelude: Some(pad),
            waits: None,
            ended: Ended::Broken,
        }
    }

    /// hyper asks again after every piece. What was all there was a moment ago still is, unless the doorbell has rung.
    fn is_waiting(&self, waker: &Waker) -> bool {
        self.waits
            .as_ref()
            .is_some_and(|(woken, rings)| *rings == self.session.doorbell.rings() && woken.will_wake(waker))
    }

    /// There is something to send of which the doorbell does not know.
    pub fn look_again(&mut self) {
        self.waits = None;
    }

    fn note_waiting(&mut self, transmitted: Transmitted, rings: u32, waker: &Waker) {
        match &mut self.waits {
            waits if transmitted == Transmitted::Some => *waits = None,
            Some((woken, before)) => {
                woken.clone_from(waker);
                *before = rings;
            }
            none => *none = Some((waker.clone(), rings)),
        }
    }

    fn is_spent(&mut self) -> bool {
        // Reading a clock for each frame costs more than ending a second late.
        self.polls = self.polls.wrapping_add(1);
        let old =
            self.polls.is_multiple_of(16) && self.session.clock.micros().saturating_sub(self.opened_at) >= self.longest;
        old || self.sent >= LONG_ANSWER_BYTES || self.session.is_replaced(self.id)
    }
}

impl Body for LongAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_waiting(context.waker()) {
            return Poll::Pending;
        }
        let mut out = BytesMut::new();
        if let Some(pad) = self.prelude.take() {
            let id = self.id;
            let probed = self.session.with_link(|link, now| link.transmit_probe(id, pad, &mut out, now));
            if probed.is_err() {
                return Poll::Ready(None);
            }
        } else if self.is_spent() {
            self.ended = Ended::Complete;
            return Poll::Ready(None);
        }
        match self.session.transmit(self.id, AT_A_TIME, &mut out, context.waker()) {
            Ok((transmitted, rings)) => {
                self.note_waiting(transmitted, rings, context.waker());
                if out.is_empty() {
                    return Poll::Pending;
                }
                self.sent += out.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
            }
            Err(error) => {
                tracing::debug!(link = %self.session.id, exchange = %self.id, %error, "a long answer ends");
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for LongAnswer {
    fn drop(&mut self) {
        self.session.close_exchange(self.id, self.ended);
    }
}

/// Waits up to `hold` for something to send, then gives it as one batch: at least the mark that shows who answered.
pub(super) async fn short_answer(session: &Session, id: ExchangeId, hold: Duration) -> Result<Bytes, SessionError> {
    let mut out = BytesMut::new();
    let mut batch = Batch { session, id, ended: Ended::Broken };
    let something = poll_fn(|context| match session.transmit(id, SHORT_ANSWER, &mut out, context.waker()) {
        Ok((Transmitted::Nothing, _)) => Poll::Pending,
        Ok(_) => Poll::Ready(Ok(())),
        Err(error) => Poll::Ready(Err(error)),
    });
    match tokio::time::timeout(hold, something).await {
        Ok(result) => result?,
        Err(_) => out.extend_from_slice(MAGIC),
    }
    batch.ended = Ended::Complete;
    Ok(out.freeze())
}

/// Takes back what a batch holds when its request is dropped before it was answered.
struct Batch<'a> {
    session: &'a Session,
    id: ExchangeId,
    ended: Ended,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.session.close_exchange(self.id, self.ended);
    }
}

//! The body of a long POST, filled from the link as the socket takes it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use relay::link::ExchangeId;

use super::session::Session;

/// Bytes written at a time. Little, so that what is sent next is decided late.
const AT_A_TIME: usize = 16 * 1024;

/// What is asked of a long upload while it runs.
#[derive(Debug, Default)]
pub(super) struct Reins {
    finish: AtomicBool,
    pad: AtomicUsize,
    pub sent: AtomicUsize,
}

impl Reins {
    /// Begins with `pad` bytes that mean nothing, for proxies that hold small beginnings back.
    pub fn padded(pad: usize) -> Arc<Self> {
        Arc::new(Self { pad: AtomicUsize::new(pad), ..Self::default() })
    }

    /// Sends `bytes` that mean nothing.
    pub fn pad(&self, session: &Session, bytes: usize) {
        self.pad.fetch_add(bytes, Ordering::Relaxed);
        session.doorbell.ring();
    }

    /// Lets the body end.
    pub fn finish(&self, session: &Session) {
        self.finish.store(true, Ordering::Relaxed);
        session.doorbell.ring();
    }
}

pub(super) struct LongUpload {
    pub session: Arc<Session>,
    pub id: ExchangeId,
    pub reins: Arc<Reins>,
    /// How long the body says that it is, if it says so. It ends before.
    pub length: Option<u64>,
}

impl LongUpload {
    fn is_full(&self) -> bool {
        let sent = self.reins.sent.load(Ordering::Relaxed) as u64;
        self.length.is_some_and(|length| sent + AT_A_TIME as u64 > length)
    }
}

impl Body for LongUpload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Asked for first: what comes up while the link looks for something to send must ring.
        self.session.doorbell.wait(context.waker());
        if self.reins.finish.load(Ordering::Relaxed) || self.is_full() {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        let pad = self.reins.pad.swap(0, Ordering::Relaxed);
        let written = self.session.with_link(|link, now| {
            if pad > 0 {
                link.transmit_probe(self.id, pad, &mut out, now)?;
            }
            link.transmit(self.id, AT_A_TIME, &mut out, now)
        });
        match written {
            Ok(_) if out.is_empty() => Poll::Pending,
            Ok(_) => {
                self.reins.sent.fetch_add(out.len(), Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
            }
            Err(error) => {
                tracing::debug!(exchange = %self.id, %error, "a long upload ends");
                Poll::Ready(None)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

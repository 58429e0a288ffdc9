//! Both ways at once: the body of a POST goes on coming up while its long answer goes down.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use relay::{Micros, SECOND, link::ExchangeId};

use super::{
    down::LongAnswer,
    session::Session,
    up::{self, UpError},
};
use crate::http::socket::Line;

/// No proxy limits it; clients replace it after an hour.
const LONGEST: Micros = 4_000 * SECOND;

/// A long answer that takes in the body of its own request as it is asked for more: one connection and one task for both
/// ways. A client that does not read its answer is not listened to either.
pub(super) struct DuplexAnswer {
    session: Arc<Session>,
    id: ExchangeId,
    /// `None` when the client has said all that it will.
    up: Option<axum::body::Body>,
    down: LongAnswer,
    line: Line,
}

impl DuplexAnswer {
    pub fn new(session: Arc<Session>, id: ExchangeId, up: axum::body::Body, pad: usize, line: Line) -> Self {
        let down = LongAnswer::new(session.clone(), id, pad, LONGEST);
        Self { session, id, up: Some(up), down, line }
    }

    /// Takes what has come up. What is wrong with it ends this exchange, and perhaps the link.
    fn take(&mut self, context: &mut Context<'_>) -> Result<(), UpError> {
        // The driver, which would look after acknowledgements, is not woken for one that can go at once.
        while let Some(up) = &mut self.up {
            match Pin::new(up).poll_frame(context) {
                Poll::Pending => break,
                Poll::Ready(None) => self.up = None,
                Poll::Ready(Some(Err(_))) => return Err(UpError::Cut),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data()
                        && self.session.receive_duplex(self.id, &bytes, &self.line)?
                    {
                        self.down.look_again();
                    }
                }
            }
        }
        Ok(())
    }
}

impl Drop for DuplexAnswer {
    fn drop(&mut self) {
        // The next request on the same connection is to be seen from its first byte.
        self.line.wake_for(1);
    }
}

impl Body for DuplexAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Err(error) = self.take(context) {
            up::note_refused(&self.session, self.id, &error);
            return Poll::Ready(None);
        }
        Pin::new(&mut self.down).poll_frame(context)
    }
}

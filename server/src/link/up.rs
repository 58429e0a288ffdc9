//! The way up: the body of a POST, long or short, fed to the link as it comes in.

use std::{pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use relay::link::{Ended, ExchangeId, record::MAGIC};

use super::session::{Answer, Session, SessionError};

/// The most bytes of one body.
const MAX_BODY: u64 = 64 << 20;

/// A body of which nothing comes for this long has been forgotten by something on the path.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// Bytes for the client that the answer to a POST carries along when no long answer is open.
const ALONG: usize = 32 * 1024;

/// Why a body was not taken to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the body was cut")]
    Cut,
    #[error("nothing of the body came for {} s", MAX_SILENCE.as_secs())]
    Silent,
    #[error("the body has more than {MAX_BODY} bytes: begin a new one earlier")]
    TooLong,
}

/// Notes why a body was not taken to its end. A link of which something came that no honest client sends is over.
pub(super) fn note_refused(session: &Session, id: ExchangeId, error: &UpError) {
    tracing::debug!(link = %session.id, exchange = %id, %error, "a body was not taken to its end");
    if let UpError::Session(SessionError::Link(_) | SessionError::Flooded) = error {
        session.end(&error.to_string());
    }
}

/// Takes a body to its end, and gives what to answer.
pub(super) async fn take<B>(session: &Session, id: ExchangeId, body: B) -> Result<Bytes, UpError>
where
    B: Body<Data = Bytes>,
{
    session.open_exchange(id, Answer::Acknowledgement)?;
    let mut exchange = Open { session, id, ended: Ended::Broken };
    let has_length = body.size_hint().exact().is_some();
    let _long = (!has_length).then(|| session.note_long_upload());
    feed(session, id, body, has_length).await?;
    exchange.ended = Ended::Complete;
    let along = !session.has_stream();
    let answer = session.with_link(|link, now| {
        let mut out = BytesMut::new();
        link.hasten(now);
        if along {
            link.transmit(id, ALONG, &mut out, now).map(drop)
        } else {
            link.transmit_acknowledgement(id, &mut out, now)
        }
        .map(|()| out)
    });
    let mut answer = answer.map_err(SessionError::from)?;
    if answer.is_empty() {
        answer.extend_from_slice(MAGIC);
    }
    Ok(answer.freeze())
}

async fn feed<B>(session: &Session, id: ExchangeId, body: B, has_length: bool) -> Result<(), UpError>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut taken = 0;
    loop {
        let next = tokio::time::timeout(MAX_SILENCE, body.frame()).await.map_err(|_| UpError::Silent)?;
        let Some(frame) = next else { return Ok(()) };
        let Ok(bytes) = frame.map_err(|_| UpError::Cut)?.into_data() else { continue };
        taken += bytes.len() as u64;
        if taken > MAX_BODY {
            return Err(UpError::TooLong);
        }
        session.receive(id, &bytes, has_length && body.is_end_stream())?;
    }
}

struct Open<'a> {
    session: &'a Session,
    id: ExchangeId,
    ended: Ended,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.session.close_exchange(self.id, self.ended);
    }
}

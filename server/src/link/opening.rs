//! How links begin: the seal's handshake in two bodies over plain http, or one short exchange under TLS.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use relay::{
    link::record::MAGIC,
    seal::{HandshakeError, Keys, LinkId, ServerHandshake},
};
use ring::rand::{SecureRandom, SystemRandom};

/// Handshakes that may be half done at a time.
const MAX_PENDING: usize = 4096;

/// A client has this long for the second half.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub(super) enum OpeningError {
    #[error("the body does not begin with KOMADO/1: this address is for Komado clients only")]
    Magic,
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("no handshake of this name is under way, or it took longer than {} s: begin again", PATIENCE.as_secs())]
    Unknown,
    #[error("too many handshakes are under way: try again in a moment")]
    TooMany,
    #[error("the system gave no random numbers")]
    Random,
}

/// The handshakes that are half done.
pub(super) struct Opening {
    config: Arc<rustls::ServerConfig>,
    random: SystemRandom,
    pending: Mutex<HashMap<LinkId, (Instant, ServerHandshake)>>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("pending", &self.pending.lock().len()).finish_non_exhaustive()
    }
}

impl Opening {
    pub fn new(config: Arc<rustls::ServerConfig>) -> Self {
        Self { config, random: SystemRandom::new(), pending: Mutex::default() }
    }

    /// A name for a new link that nobody can guess.
    pub fn name(&self) -> Result<LinkId, OpeningError> {
        let mut name = [0; 16];
        self.random.fill(&mut name).map_err(|_| OpeningError::Random)?;
        Ok(LinkId(name))
    }

    /// The first half of a handshake: takes the client's hello, gives the mark, the link's name and the flight.
    pub fn begin(&self, body: &[u8]) -> Result<Bytes, OpeningError> {
        let hello = unmark(body)?;
        let name = self.name()?;
        let (handshake, flight) = ServerHandshake::begin(self.config.clone(), name, hello)?;
        let mut pending = self.pending.lock();
        if pending.len() >= MAX_PENDING {
            pending.retain(|_, (since, _)| since.elapsed() < PATIENCE);
            if pending.len() >= MAX_PENDING {
                return Err(OpeningError::TooMany);
            }
        }
        pending.insert(name, (Instant::now(), handshake));
        drop(pending);
        Ok(named(name, &flight))
    }

    /// The second half: gives the keys.
    pub fn finish(&self, name: LinkId, body: &[u8]) -> Result<Keys, OpeningError> {
        let end = unmark(body)?;
        let (since, handshake) = self.pending.lock().remove(&name).ok_or(OpeningError::Unknown)?;
        if since.elapsed() >= PATIENCE {
            return Err(OpeningError::Unknown);
        }
        Ok(handshake.finish(end)?)
    }
}

/// The answer that opens a link: the mark, its name, and what follows.
pub(super) fn named(name: LinkId, rest: &[u8]) -> Bytes {
    let mut answer = BytesMut::with_capacity(MAGIC.len() + name.0.len() + rest.len());
    answer.put_slice(MAGIC);
    answer.put_slice(&name.0);
    answer.put_slice(rest);
    answer.freeze()
}

pub(super) fn unmark(body: &[u8]) -> Result<&[u8], OpeningError> {
    body.strip_prefix(MAGIC.as_slice()).ok_or(OpeningError::Magic)
}

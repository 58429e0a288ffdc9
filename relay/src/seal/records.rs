//! Sealing and opening of records: AES-256-GCM under keys that change with the record number.

use std::fmt;

use bytes::BytesMut;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{self, HKDF_SHA256, Prk},
};
use thiserror::Error;

use super::LinkId;

/// The bytes that sealing adds to a record.
pub const TAG_LENGTH: usize = 16;

/// Records sealed under one key: 2^20, far below the 2^24.5 that AES-GCM allows for full-size records
/// (RFC 9001, appendix B.1).
const RECORDS_PER_KEY: u64 = 1 << 20;

/// Which way a record travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// The secrets of one link, one for each direction.
#[derive(Clone)]
pub struct Keys {
    link: LinkId,
    up: [u8; 32],
    down: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("link", &self.link).finish_non_exhaustive()
    }
}

/// A record does not open: it was damaged, forged, or meant for another link or direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("record {0} does not open: something on the path changed it, or it belongs to another link")]
pub struct OpenError(pub u64);

impl Keys {
    /// From 64 exported bytes: the secret for the way up, then the one for the way down.
    pub(super) fn from_exported(link: LinkId, exported: [u8; 64]) -> Self {
        let mut keys = Self { link, up: [0; 32], down: [0; 32] };
        keys.up.copy_from_slice(&exported[..32]);
        keys.down.copy_from_slice(&exported[32..]);
        keys
    }

    pub fn sealer(&self, direction: Direction) -> Sealer {
        Sealer(self.schedule(direction))
    }

    pub fn opener(&self, direction: Direction) -> Opener {
        Opener(self.schedule(direction))
    }

    /// Kept apart from the link: inside TLS there is none.
    fn schedule(&self, direction: Direction) -> Box<Schedule> {
        let (secret, mark) = match direction {
            Direction::Up => (&self.up, b'u'),
            Direction::Down => (&self.down, b'd'),
        };
        let mut associated = [0; 17];
        associated[..16].copy_from_slice(&self.link.0);
        associated[16] = mark;
        let secret = Prk::new_less_safe(HKDF_SHA256, secret);
        let (key, iv) = derive(&secret, 0);
        Box::new(Schedule { secret, associated, epoch: 0, key, iv })
    }
}

/// Seals the records of one direction.
pub struct Sealer(Box<Schedule>);

impl Sealer {
    /// Encrypts `content` in place and gives the tag to stand behind it. A record number must never be used twice.
    /// `None` only for contents of 64 GiB and more, which no record has.
    pub fn seal(&mut self, number: u64, content: &mut [u8]) -> Option<[u8; TAG_LENGTH]> {
        let (key, nonce, associated) = self.0.at(number);
        let tag = key.seal_in_place_separate_tag(nonce, associated, content).ok()?;
        tag.as_ref().try_into().ok()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Opens the records of one direction.
pub struct Opener(Box<Schedule>);

impl Opener {
    /// Decrypts `content` in place and cuts off the tag.
    pub fn open(&mut self, number: u64, content: &mut BytesMut) -> Result<(), OpenError> {
        let (key, nonce, associated) = self.0.at(number);
        let length = key.open_in_place(nonce, associated, content).map_err(|_| OpenError(number))?.len();
        content.truncate(length);
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

struct Schedule {
    secret: Prk,
    associated: [u8; 17],
    epoch: u64,
    key: LessSafeKey,
    iv: [u8; 12],
}

impl Schedule {
    fn at(&mut self, number: u64) -> (&LessSafeKey, Nonce, Aad<[u8; 17]>) {
        let epoch = number / RECORDS_PER_KEY;
        if epoch != self.epoch {
            (self.key, self.iv) = derive(&self.secret, epoch);
            self.epoch = epoch;
        }
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        (&self.key, Nonce::assume_unique_for_key(nonce), Aad::from(self.associated))
    }
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        32 + 12
    }
}

fn derive(secret: &Prk, epoch: u64) -> (LessSafeKey, [u8; 12]) {
    let mut material = [0; 44];
    secret
        .expand(&[b"komado record key", &epoch.to_be_bytes()], Length)
        .and_then(|okm| okm.fill(&mut material))
        .expect("44 bytes are within what HKDF-SHA256 expands to");
    let key = UnboundKey::new(&AES_256_GCM, &material[..32]).expect("32 bytes are a key of AES-256");
    let mut iv = [0; 12];
    iv.copy_from_slice(&material[32..]);
    (LessSafeKey::new(key), iv)
}

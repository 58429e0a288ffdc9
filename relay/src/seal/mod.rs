//! Seal: a TLS handshake carried in HTTP bodies, and the keys exported from it that seal each record of a link.
//!
//! Over https TLS itself covers a link. Over plain http, where a proxy lets nothing but port 80 out, the same handshake
//! (TLS 1.3, RFC 8446) runs inside bodies; keys exported from it (RFC 5705, RFC 8446 section 7.5) seal each record by
//! itself, so that a cut exchange loses records and never the session.

mod handshake;
mod proof;
mod records;

pub use handshake::{ClientHandshake, HandshakeError, ServerHandshake, server_config};
pub use proof::{Fingerprint, FingerprintError, ServerProof};
pub use records::{Direction, Keys, OpenError, Opener, Sealer, TAG_LENGTH};

/// Names one link: 16 random bytes given by the server, written as 32 hexadecimal digits in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub [u8; 16]);

impl std::fmt::Display for LinkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for LinkId {
    type Err = LinkIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(LinkIdError);
        }
        for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(digits).map_err(|_| LinkIdError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| LinkIdError)?;
        }
        Ok(Self(id))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link's name has 32 hexadecimal digits")]
pub struct LinkIdError;

#[cfg(test)]
mod tests;

//! Tokens: what a client shows to prove its session, 256 random bits of which the database knows only the hash.

use crate::database::DatabaseError;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

const TOKEN_BYTES: usize = 32;

/// What a client shows to prove its session, as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_BYTES]);

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session is {} hexadecimal digits", TOKEN_BYTES * 2)]
pub struct TokenError;

impl Token {
    pub(super) fn random() -> Result<Self, DatabaseError> {
        let mut bytes = [0; TOKEN_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| DatabaseError::Stopped)?;
        Ok(Self(bytes))
    }

    /// Reads what a client shows.
    ///
    /// # Errors
    /// [`TokenError`] for anything else than 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut bytes = [0; TOKEN_BYTES];
        if text.len() != TOKEN_BYTES * 2 || !text.is_ascii() {
            return Err(TokenError);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| TokenError)?;
            // `from_str_radix` alone would take a sign.
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(TokenError);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| TokenError)?;
        }
        Ok(Self(bytes))
    }

    /// The token for its owner's eyes.
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_are_read() {
        assert!(Token::parse(&"0".repeat(64)).is_ok());
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(Token::parse(bad), Err(TokenError), "{bad}");
        }
    }
}

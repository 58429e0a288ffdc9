//! One-time codes that people pass on: short enough to be read over the telephone, too long to be guessed.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// Crockford's base 32: no letter looks like another or like a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 5 bits each: 80 bits in all.
const LETTERS: usize = 16;
const GROUP: usize = 4;

/// A code. The database knows only its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; LETTERS]);

/// This machine gives no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this machine gives no random numbers")]
pub struct NoRandomness;

impl Code {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random() -> Result<Self, NoRandomness> {
        let mut letters = [0; LETTERS];
        SystemRandom::new().fill(&mut letters).map_err(|_| NoRandomness)?;
        Ok(Self(letters.map(|random| ALPHABET[usize::from(random % 32)])))
    }

    /// Reads what someone typed: with or without dashes and capitals, O for 0 and I or L for 1. What is no code at all
    /// becomes one that nobody has, so that it is answered like a wrong one.
    pub fn typed(text: &str) -> Self {
        let letters = text.bytes().filter(|letter| !matches!(letter, b'-' | b' '));
        let letters = letters.map(|letter| match letter.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        });
        let letters: Vec<u8> = letters.collect();
        Self(letters.try_into().unwrap_or([0; LETTERS]))
    }

    /// The code for its owner's eyes: `ABCD-EFGH-JKMN-PQRS`.
    pub fn reveal(&self) -> String {
        let letters = self.0.map(char::from);
        let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Compares in a time that depends on the lengths alone.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::random().unwrap();
        let shown = code.reveal();
        assert_eq!(shown.len(), LETTERS + LETTERS / GROUP - 1);
        let careless = shown.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert!(Code::typed(&shown) == code && Code::typed(&careless) == code);
        assert_ne!(Code::random().unwrap(), code);
        assert!(!format!("{code:?}").contains(&shown));
    }

    #[test]
    fn nonsense_is_a_code_that_nobody_has() {
        let nobody = Code::typed("").hash();
        for text in ["x", "ABCD", &"A".repeat(17), "窓窓窓窓窓窓"] {
            assert_eq!(Code::typed(text).hash(), nobody);
        }
        assert!(same(b"ab", b"ab") && !same(b"ab", b"ac") && !same(b"ab", b"abc"));
    }
}

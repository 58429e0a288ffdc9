//! Sealed answers: some hold what the database must not know, such as a new token, so each is encrypted under a key that
//! stands in the data folder. Requests may hold such things as well, a password: what is kept of them is made with the
//! same key, so that nobody who has the database alone can try passwords against it.

use super::Answer;
use crate::identity::AccountId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::io::Write;
use std::path::{Path, PathBuf};

const FILE: &str = "answers.key";
const KEY_BYTES: usize = 32;
/// Names what the second key, made of the first, is for.
const FINGERPRINTS: &[u8] = b"komado fingerprints of requests";

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopesError {
    /// The disk.
    #[error("cannot use {}: {error}; give the user that runs komado-server the right to read and write it", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system's random numbers.
    #[error("the system gives no random numbers: no key can be made")]
    NoRandomness,
}

/// Seals and opens answers.
pub struct Envelopes {
    key: LessSafeKey,
    fingerprints: hmac::Key,
    random: SystemRandom,
}

impl std::fmt::Debug for Envelopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Envelopes(…)")
    }
}

impl Envelopes {
    /// Those whose key stands in this folder; one is made if there is none of the right length. Answers that an earlier
    /// key has sealed are lost with it, and their requests are taken for others with the same key.
    ///
    /// # Errors
    /// [`EnvelopesError`].
    pub fn of_folder(folder: &Path) -> Result<Self, EnvelopesError> {
        let path = folder.join(FILE);
        let random = SystemRandom::new();
        let found = match std::fs::read(&path) {
            Ok(key) if key.len() == KEY_BYTES => Some(key),
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(EnvelopesError::Disk { path, error }),
        };
        let key = match found {
            Some(key) => key,
            None => {
                let mut key = vec![0; KEY_BYTES];
                random.fill(&mut key).map_err(|_| EnvelopesError::NoRandomness)?;
                write(&path, &key).map_err(|error| EnvelopesError::Disk { path, error })?;
                key
            }
        };
        let fingerprints = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), FINGERPRINTS);
        let fingerprints = hmac::Key::new(hmac::HMAC_SHA256, fingerprints.as_ref());
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| EnvelopesError::NoRandomness)?;
        Ok(Self { key: LessSafeKey::new(key), fingerprints, random })
    }

    /// The HMAC-SHA256 of these parts, each behind its length.
    pub(super) fn fingerprint(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.fingerprints);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }

    /// An answer that only this account's key of that name opens again; `None` without random numbers.
    pub(super) fn seal(&self, account: AccountId, key: &str, answer: &Answer) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = answer.status.to_be_bytes().to_vec();
        sealed.extend_from_slice(&answer.body);
        let whose = Aad::from(whose(account, key));
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), whose, &mut sealed).ok()?;
        sealed.splice(..0, nonce);
        Some(sealed)
    }

    /// What was sealed, if this is the key for it.
    pub(super) fn open(&self, account: AccountId, key: &str, sealed: Vec<u8>) -> Option<Answer> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let whose = Aad::from(whose(account, key));
        let opened = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), whose, &mut rest).ok()?;
        let (status, body) = opened.split_first_chunk::<2>()?;
        Some(Answer { status: u16::from_be_bytes(*status), body: body.to_vec() })
    }
}

fn whose(account: AccountId, key: &str) -> Vec<u8> {
    [&account.to_be_bytes(), key.as_bytes()].concat()
}

fn write(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

//! Passwords: argon2id on a few threads of their own, so that logins cannot starve the rest of the server.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Memory, passes and lanes as OWASP's Password Storage Cheat Sheet recommends for argon2id: 19 MiB, 2, 1.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// How many passwords may wait to be checked.
const QUEUE: usize = 64;

/// Why a password was not hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// Too many wait already.
    #[error("too many people log in at this moment: try again shortly")]
    Overloaded,
    /// The operating system gave no random numbers, or argon2 refused its parameters.
    #[error("the password cannot be hashed on this machine")]
    Unable,
}

type Job = Box<dyn FnOnce(&Argon2<'_>) + Send>;

/// Hashes and checks passwords on its own threads. They end when it is dropped.
#[derive(Debug)]
pub struct Hasher {
    queue: SyncSender<Job>,
    /// A hash of a password nobody has, to be checked where there is no account: the time taken tells nothing.
    nobody: String,
}

impl Hasher {
    /// Starts `threads` threads; each needs 19 MiB while it works.
    ///
    /// # Errors
    /// [`HasherError::Unable`] if this machine cannot hash at all.
    pub fn start(threads: usize) -> Result<Self, HasherError> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for n in 0..threads.max(1) {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name(format!("komado-hash-{n}"))
                .spawn(move || run(&jobs))
                .map_err(|_| HasherError::Unable)?;
        }
        let mut password = [0; 32];
        SystemRandom::new().fill(&mut password).map_err(|_| HasherError::Unable)?;
        let nobody = hash(&argon2()?, &password)?;
        Ok(Self { queue, nobody })
    }

    /// Hashes a new password into a PHC string with its parameters and salt.
    ///
    /// # Errors
    /// [`HasherError`].
    pub async fn hash(&self, password: String) -> Result<String, HasherError> {
        self.submit(move |argon2| hash(argon2, password.as_bytes())).await?
    }

    /// Says whether `password` is the one behind `stored`. Without a stored hash the answer is no, after the same time.
    ///
    /// # Errors
    /// [`HasherError`].
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, HasherError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        let fits = self
            .submit(move |argon2| match PasswordHash::new(&stored) {
                Ok(stored) => argon2.verify_password(password.as_bytes(), &stored).is_ok(),
                Err(_) => false,
            })
            .await?;
        Ok(fits && known)
    }

    async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static,
    ) -> Result<T, HasherError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |argon2| {
            // Who asked may be gone: then nobody needs the work either.
            if !answer.is_closed() {
                let _gone = answer.send(work(argon2));
            }
        });
        match self.queue.try_send(job) {
            Ok(()) => answered.await.map_err(|_| HasherError::Unable),
            Err(TrySendError::Full(_)) => Err(HasherError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(HasherError::Unable),
        }
    }
}

fn argon2() -> Result<Argon2<'static>, HasherError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HasherError::Unable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, HasherError> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| HasherError::Unable)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| HasherError::Unable)?;
    let hash = argon2.hash_password(password, &salt).map_err(|_| HasherError::Unable)?;
    Ok(hash.to_string())
}

fn run(jobs: &Mutex<Receiver<Job>>) {
    let Ok(argon2) = argon2() else { return };
    loop {
        let next = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        match next {
            Ok(job) => job(&argon2),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let hasher = Hasher::start(1).unwrap();
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("battery staple".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("correct horse".into(), None).await.unwrap());
        assert!(!hasher.verify("correct horse".into(), Some("no hash".into())).await.unwrap());
        assert_ne!(hasher.hash("correct horse".into()).await.unwrap(), hash, "every hash has a salt of its own");
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_refused_and_not_queued() {
        let hasher = Arc::new(Hasher::start(1).unwrap());
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..QUEUE * 3 {
            let hasher = hasher.clone();
            logins.spawn(async move { hasher.verify("x".into(), None).await });
        }
        let mut refused = 0;
        while let Some(outcome) = logins.join_next().await {
            refused += usize::from(outcome.unwrap() == Err(HasherError::Overloaded));
            if refused > 0 {
                break;
            }
        }
        assert!(refused > 0);
    }
}

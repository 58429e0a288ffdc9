//! Where the session of who is signed in is kept from one start to the next: in the system's keyring, and where there is
//! none, or it refuses, in the file with what else is remembered.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{
    desktop::{Keyring, KeyringError},
    home::{Remembered, RememberedError},
};

/// A keyring may ask a person for its password.
const ASKING: Duration = Duration::from_secs(120);

/// What a keyring has to answer in when the program ends.
const ENDING: Duration = Duration::from_secs(1);

enum Job {
    Keep(Remembered),
    Find(Remembered, oneshot::Sender<Result<String, KeyringError>>),
}

/// Keeps what is remembered, on a thread of its own where a keyring takes part.
pub(super) struct SessionStore {
    home: PathBuf,
    keyring: Option<WithKeyring>,
}

struct WithKeyring {
    jobs: Sender<Job>,
    /// What was asked to be kept and is not yet.
    unsettled: Arc<Mutex<Option<Remembered>>>,
    ended: Receiver<()>,
}

impl SessionStore {
    /// Begins; what cannot be kept at all is told to `complain`.
    pub fn start(home: PathBuf, keyring: bool, complain: impl Fn(RememberedError) + Send + 'static) -> Self {
        let keyring = keyring.then(|| WithKeyring::start(home.clone(), complain)).and_then(|started| {
            started.inspect_err(|error| tracing::error!(%error, "a thread for the keyring cannot be started")).ok()
        });
        Self { home, keyring }
    }

    /// Keeps it instead of what was kept before.
    pub fn keep(&self, remembered: Remembered) -> Result<(), RememberedError> {
        match &self.keyring {
            Some(keyring) => {
                *keyring.unsettled.lock() = Some(remembered.clone());
                // The thread ends only after this one does; if it broke off, the file serves.
                keyring.jobs.send(Job::Keep(remembered)).or_else(|unsent| match unsent.0 {
                    Job::Keep(remembered) => remembered.write(&self.home),
                    Job::Find(..) => Ok(()),
                })
            }
            None => remembered.write(&self.home),
        }
    }

    /// The session of what is remembered, wherever it is kept.
    pub fn find(&self, remembered: Remembered) -> impl Future<Output = Result<String, KeyringError>> + use<> {
        let (answer, answered) = oneshot::channel();
        match self.keyring.as_ref().filter(|_| remembered.in_keyring) {
            Some(keyring) => drop(keyring.jobs.send(Job::Find(remembered, answer))),
            None => drop(answer.send(Ok(remembered.session))),
        }
        async move {
            match tokio::time::timeout(ASKING, answered).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) | Err(_) => Err(KeyringError::Silent),
            }
        }
    }
}

impl WithKeyring {
    fn start(home: PathBuf, complain: impl Fn(RememberedError) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, asked) = channel();
        let (ends, ended) = channel();
        let unsettled = Arc::new(Mutex::new(None));
        let settled = unsettled.clone();
        std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            for job in asked {
                match job {
                    Job::Keep(remembered) => {
                        if let Err(error) = keep(&home, &remembered) {
                            complain(error);
                        }
                        // Unless there is something newer.
                        settled.lock().take_if(|unsettled| *unsettled == remembered);
                    }
                    // Whoever asked may have given up.
                    Job::Find(remembered, answer) => drop(answer.send(find(&home, &remembered))),
                }
            }
            drop(ends);
        })?;
        Ok(Self { jobs, unsettled, ended })
    }
}

impl Drop for SessionStore {
    /// Lets the keyring take what it was given. If it does not, because a person is asked and is not there, the file
    /// has it: nobody is to sign in again for that.
    fn drop(&mut self) {
        let Some(WithKeyring { jobs, unsettled, ended }) = self.keyring.take() else { return };
        drop(jobs);
        if ended.recv_timeout(ENDING) == Err(RecvTimeoutError::Timeout)
            && let Some(remembered) = unsettled.lock().take()
            && let Err(error) = remembered.write(&self.home)
        {
            tracing::error!(%error, "who is signed in is not remembered");
        }
    }
}

/// In the keyring, by whom, where, and of which folder: several windows may have one account.
fn name(home: &Path, remembered: &Remembered) -> String {
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    format!("{}@{} ({})", remembered.user, remembered.server, home.display())
}

fn find(home: &Path, remembered: &Remembered) -> Result<String, KeyringError> {
    Keyring::open()?.find(&name(home, remembered))
}

fn keep(home: &Path, remembered: &Remembered) -> Result<(), RememberedError> {
    std::fs::create_dir_all(home)
        .map_err(|error| RememberedError::Write { path: home.display().to_string(), error })?;
    let name = name(home, remembered);
    // What cannot be read is about to be written anew.
    let before = Remembered::read(home).ok().flatten().filter(|before| before.in_keyring);
    if let Some(before) = before.map(|before| self::name(home, &before))
        && (before != name || remembered.session.is_empty())
        && let Err(error) = Keyring::open().and_then(|keyring| keyring.forget(&before))
    {
        tracing::warn!(%error, "a session that has ended stays in the keyring");
    }
    if remembered.session.is_empty() {
        return remembered.write(home);
    }
    let label = format!("Komado: {} at {}", remembered.user, remembered.server);
    match Keyring::open().and_then(|keyring| keyring.keep(&name, &label, &remembered.session)) {
        Ok(()) => Remembered { session: String::new(), in_keyring: true, ..remembered.clone() }.write(home),
        Err(error) => {
            tracing::info!(%error, "the session is kept in a file");
            remembered.write(home)
        }
    }
}

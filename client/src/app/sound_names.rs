//! The names of microphones and speakers, for whoever chooses. Asking the sound system can take seconds, so that is done
//! on a thread of its own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::Wake;
use crate::device::SoundNames;

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct KnownSounds {
    names: Mutex<Arc<SoundNames>>,
    is_asking: AtomicBool,
}

impl KnownSounds {
    pub fn names(&self) -> Arc<SoundNames> {
        self.names.lock().clone()
    }

    /// Looks anew, and wakes the window when something else was found. Nothing is done while that is going on.
    pub fn ask(self: &Arc<Self>, wake: Wake) {
        if self.is_asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let known = self.clone();
        let asking = std::thread::Builder::new().name("sound names".to_owned()).spawn(move || {
            match SoundNames::ask() {
                Ok(names) => {
                    let before = std::mem::replace(&mut *known.names.lock(), Arc::new(names.clone()));
                    if *before != names {
                        wake();
                    }
                }
                Err(error) => tracing::warn!(%error, "microphones and speakers cannot be listed"),
            }
            known.is_asking.store(false, Ordering::Release);
        });
        if let Err(error) = asking {
            self.is_asking.store(false, Ordering::Release);
            tracing::warn!(%error, "microphones and speakers cannot be asked for");
        }
    }
}

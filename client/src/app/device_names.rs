//! The names of cameras, microphones and speakers, for whoever chooses. Asking the system for them can take seconds, so that
//! is done on a thread of its own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::Wake;
use crate::device::{SoundNames, camera_names};

/// The names of what there is to choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceNames {
    pub cameras: Vec<String>,
    pub sound: SoundNames,
}

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct KnownDevices {
    names: Mutex<Arc<DeviceNames>>,
    is_asking: AtomicBool,
}

impl KnownDevices {
    pub fn names(&self) -> Arc<DeviceNames> {
        self.names.lock().clone()
    }

    /// Looks anew, and wakes the window when something else was found. Nothing is done while that is going on.
    pub fn ask(self: &Arc<Self>, wake: Wake) {
        if self.is_asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let known = self.clone();
        let asking = std::thread::Builder::new().name("device names".to_owned()).spawn(move || {
            let cameras = camera_names().unwrap_or_else(|error| {
                tracing::warn!(%error, "cameras cannot be listed");
                Vec::new()
            });
            let sound = SoundNames::ask().unwrap_or_else(|error| {
                tracing::warn!(%error, "microphones and speakers cannot be listed");
                SoundNames::default()
            });
            let names = DeviceNames { cameras, sound };
            let before = std::mem::replace(&mut *known.names.lock(), Arc::new(names.clone()));
            if *before != names {
                wake();
            }
            known.is_asking.store(false, Ordering::Release);
        });
        if let Err(error) = asking {
            self.is_asking.store(false, Ordering::Release);
            tracing::warn!(%error, "devices cannot be asked for");
        }
    }
}

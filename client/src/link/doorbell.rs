//! Who is woken when the link has something to send: a long upload that waits, or whoever sends short ones.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Doorbell {
    uploads: Mutex<Vec<Waker>>,
    pub sender: Notify,
    pub timer: Notify,
}

impl Doorbell {
    /// Wakes `waker` at the next ring.
    pub fn wait(&self, waker: &Waker) {
        let mut uploads = self.uploads.lock();
        if !uploads.iter().any(|known| known.will_wake(waker)) {
            uploads.push(waker.clone());
        }
    }

    pub fn ring(&self) {
        let uploads = std::mem::take(&mut *self.uploads.lock());
        uploads.into_iter().for_each(Waker::wake);
        self.sender.notify_one();
    }
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

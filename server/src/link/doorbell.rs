//! Who is woken when a link has something to transmit: the bodies of its open exchanges, or its driver.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Wake, Waker},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Rings at whoever can write for the link. Ringing never locks the link, so the link itself may ring.
#[derive(Debug, Default)]
pub(super) struct Doorbell {
    bodies: Mutex<Vec<Waker>>,
    rings: AtomicU32,
    driver: Notify,
}

impl Doorbell {
    /// Wakes `waker` at the next ring, and says how often it has rung before: as long as [`Doorbell::rings`] says the
    /// same, `waker` still waits.
    pub fn wait(&self, waker: &Waker) -> u32 {
        let mut bodies = self.bodies.lock();
        if !bodies.iter().any(|known| known.will_wake(waker)) {
            bodies.push(waker.clone());
        }
        self.rings()
    }

    /// How often it has rung.
    pub fn rings(&self) -> u32 {
        self.rings.load(Ordering::Acquire)
    }

    /// Wakes the driver, which looks at timers and outputs.
    pub fn ring_driver(&self) {
        self.driver.notify_one();
    }

    /// Resolves when the driver is rung for; a ring that came before counts.
    pub async fn driver_rung(&self) {
        self.driver.notified().await;
    }

    fn ring(&self) {
        // Most links have one body that waits: no need to hold the list while it is woken.
        let mut bodies = self.bodies.lock();
        self.rings.fetch_add(1, Ordering::Release);
        let Some(first) = bodies.pop() else { return };
        if bodies.is_empty() {
            drop(bodies);
            first.wake();
        } else {
            let rest = std::mem::take(&mut *bodies);
            drop(bodies);
            first.wake();
            rest.into_iter().for_each(Waker::wake);
        }
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

//! A link between two namespaces: a TUN device at each end and a thread per direction that carries packets across.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::shape::{Counts, Shape, Shaper};
use super::tun::Tun;
use crate::failure::RigError;
use crate::namespace::Namespace;

/// Carries packets until dropped. Both directions can be reshaped while they run.
#[derive(Debug)]
pub struct Link {
    near_address: IpAddr,
    far_address: IpAddr,
    outward: Direction,
    homeward: Direction,
    ended: Arc<AtomicBool>,
    carriers: Vec<JoinHandle<()>>,
}

/// One direction of a running link.
#[derive(Debug, Clone)]
pub struct Direction {
    shaper: Arc<Mutex<Shaper>>,
}

impl Link {
    /// Joins two namespaces by a link that treats packets `outward` (near to far) and `homeward` as described.
    /// The same seed gives the same losses to the same sequence of packets.
    pub fn between(
        near: &Namespace,
        far: &Namespace,
        outward: Shape,
        homeward: Shape,
        seed: u64,
    ) -> Result<Self, RigError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (near_end, far_end) = (Ipv4Addr::new(10, 77, number, 1), Ipv4Addr::new(10, 77, number, 2));
        let name = format!("link{number}");
        let near_tun = Arc::new(Tun::open(near, &name, near_end, far_end)?);
        let far_tun = Arc::new(Tun::open(far, &name, far_end, near_end)?);
        let mut link = Self {
            near_address: near_end.into(),
            far_address: far_end.into(),
            outward: Direction::new(outward, seed),
            homeward: Direction::new(homeward, !seed),
            ended: Arc::new(AtomicBool::new(false)),
            carriers: Vec::new(),
        };
        link.carry("outward", &near_tun, &far_tun, link.outward.clone())?;
        link.carry("homeward", &far_tun, &near_tun, link.homeward.clone())?;
        Ok(link)
    }

    /// Both directions alike.
    pub fn symmetric(near: &Namespace, far: &Namespace, shape: Shape, seed: u64) -> Result<Self, RigError> {
        Self::between(near, far, shape, shape, seed)
    }

    /// Where the far namespace finds the near one.
    pub fn near_address(&self) -> IpAddr {
        self.near_address
    }

    /// Where the near namespace finds the far one.
    pub fn far_address(&self) -> IpAddr {
        self.far_address
    }

    pub fn outward(&self) -> &Direction {
        &self.outward
    }

    pub fn homeward(&self) -> &Direction {
        &self.homeward
    }

    /// Pulls the cable: nothing passes in either direction, and what was under way is gone.
    pub fn cut(&self) {
        self.outward.lock().cut(true);
        self.homeward.lock().cut(true);
    }

    /// Puts the cable back.
    pub fn restore(&self) {
        self.outward.lock().cut(false);
        self.homeward.lock().cut(false);
    }

    fn carry(&mut self, way: &str, from: &Arc<Tun>, to: &Arc<Tun>, direction: Direction) -> Result<(), RigError> {
        let (from, to, ended) = (Arc::clone(from), Arc::clone(to), Arc::clone(&self.ended));
        let carrier = thread::Builder::new()
            .name(format!("link-{way}"))
            .spawn(move || {
                if let Err(error) = carry(&from, &to, &direction, &ended) {
                    // A device that vanished ends its link; the test sees a dead network and this line.
                    eprintln!("the emulated link ended: {error}");
                }
            })
            .map_err(RigError::io("starting a link's thread"))?;
        self.carriers.push(carrier);
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for carrier in self.carriers.drain(..) {
            if carrier.join().is_err() {
                eprintln!("a thread of the emulated link had panicked");
            }
        }
    }
}

impl Direction {
    fn new(shape: Shape, seed: u64) -> Self {
        Self { shaper: Arc::new(Mutex::new(Shaper::new(shape, seed))) }
    }

    /// Changes how packets are treated from now on.
    pub fn reshape(&self, shape: Shape) {
        self.lock().reshape(shape);
    }

    /// Cuts or restores this direction alone.
    pub fn cut(&self, cut: bool) {
        self.lock().cut(cut);
    }

    pub fn counts(&self) -> Counts {
        self.lock().counts()
    }

    fn lock(&self) -> MutexGuard<'_, Shaper> {
        self.shaper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn carry(from: &Tun, to: &Tun, direction: &Direction, ended: &AtomicBool) -> std::io::Result<()> {
    let begin = Instant::now();
    while !ended.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            let Some(packet) = from.receive()? else { break };
            direction.lock().offer(begin.elapsed(), packet);
        }
        let next = loop {
            let mut shaper = direction.lock();
            match shaper.take_due(begin.elapsed()) {
                Some(packet) => {
                    drop(shaper);
                    to.send(&packet)?;
                }
                None => break shaper.next_departure(),
            }
        };
        let until_next = next.map(|at| at.saturating_sub(begin.elapsed()));
        from.wait_readable(until_next.unwrap_or(NOTICE_END).min(NOTICE_END))?;
    }
    Ok(())
}

/// Packets taken in before looking at what is due.
const BURST: usize = 32;
/// How soon a carrier notices that its link was dropped.
const NOTICE_END: Duration = Duration::from_millis(20);
/// Numbers the links of this process, so that each has its own addresses.
static NEXT: AtomicU8 = AtomicU8::new(0);

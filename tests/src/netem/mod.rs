//! A network emulator as a library: tests describe a link, its delay, loss, rate and queue, and get two addresses.
//!
//! This kernel family often lacks netem, so each direction of a link is a thread that carries IP packets from one
//! TUN device to another and lets a seeded, pure [`Shaper`] say when each leaves, if at all.

mod link;
mod shape;
mod tun;

pub use link::{Direction, Link};
pub use shape::{Counts, Shape, Shaper};

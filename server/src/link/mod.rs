//! Links over HTTP: opened by a handshake, carried by any number of POSTs up and GETs down, long or short.
//!
//! Everything that decides what is sent when, and what is lost, is the sans-IO [`relay::link::Link`]; here are the
//! bodies that it fills and drains, its driver, and the commands that come through it.

mod doorbell;
mod down;
mod driver;
mod duplex;
mod liveness;
mod opening;
mod pulse;
mod routes;
mod session;
mod up;

pub(crate) use routes::listed;
pub use routes::routes;

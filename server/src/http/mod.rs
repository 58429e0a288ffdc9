//! The server's HTTP face: the listener, the one router of commands, public tracks and problems.

pub mod caller;
mod calls;
mod chats;
mod connection;
mod cursors;
pub mod dispatch;
mod extract;
pub mod listen;
pub(crate) mod merge;
pub mod problem;
mod public;
pub mod router;
mod sessions;
mod socket;
mod tracks;

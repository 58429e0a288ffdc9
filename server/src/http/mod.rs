//! The server's HTTP face: the listener, the one router of commands, public tracks and problems.

mod admin;
pub mod caller;
mod calls;
mod chats;
mod connection;
mod connections;
mod contacts;
mod cursors;
mod devices;
pub mod dispatch;
mod extract;
mod guard;
mod joining;
pub mod listen;
mod me;
pub(crate) mod merge;
mod pictures;
mod presence;
pub mod problem;
mod public;
pub mod router;
pub(crate) mod routes;
mod sessions;
mod socket;
mod tracks;

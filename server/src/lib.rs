//! The Komado server: HTTP, identity, the database, chats and calls, on one port and in one process.
//!
//! [`Server::start`] runs one inside a tokio runtime, as the program `komado-server` and the tests do.

pub mod address;
pub mod call;
pub mod certificate;
pub mod chat;
pub mod clock;
pub mod config;
pub mod connections;
pub mod contact;
pub mod content;
pub mod database;
pub mod delivery;
pub mod events;
pub mod file;
pub mod http;
pub mod identity;
mod link;
pub mod mailbox;
pub mod presence;
pub mod publication;
pub mod reachability;
pub mod repeats;
mod run;
pub mod state;
pub mod tracks;
mod upkeep;

pub use config::Config;
pub use run::{Running, Server, StartError};

//! The engine: everything the client does, without any window.
//!
//! A window (or a script, or a bot) reads [`State`] and gives [`Command`]s; the engine obeys commands and writes state.
//! What happens in between that is more than a state (a message came, a call rings) is told as an [`Event`].

mod account;
mod calls;
mod chats;
mod command;
mod connecting;
mod contacts;
mod core;
mod event;
mod idle;
mod requests;
mod roster;
mod state;

pub use command::{Command, Credentials, Deed};
pub use connecting::{ConnectOptions, Proof};
pub use core::{Engine, EngineEnded};
pub use event::Event;
pub use roster::Roster;
pub use state::{CallState, ChatState, ConnectionState, Line, State};

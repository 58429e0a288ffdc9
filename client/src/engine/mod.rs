//! The engine: everything the client does, without any window.
//!
//! A window (or a script, or a bot) reads [`State`] and gives [`Command`]s; the engine obeys commands and writes state.
//! What happens in between that is more than a state (a message came, a call rings) is told as an [`Event`].

mod account;
mod answers;
mod calls;
mod chat_state;
mod chats;
mod command;
mod connecting;
mod contacts;
mod core;
mod downloads;
mod event;
mod held;
mod idle;
mod lookups;
mod messages;
mod own_account;
mod requests;
mod roster;
mod state;
mod uploads;

pub use chat_state::{ChatState, Line, Lookup, Place, Shown, Stored};
pub use command::{Command, Credentials, Deed, InChat, OwnAccount};
pub use connecting::{ConnectOptions, Proof};
pub use core::{Engine, EngineEnded};
pub use event::Event;
pub use messages::new_key;
pub use roster::Roster;
pub use state::{CallState, ConnectionState, Search, State, Transfer};
pub use uploads::Attach;

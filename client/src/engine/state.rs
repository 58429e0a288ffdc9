//! What a window shows: the engine's state at a moment.

use std::{collections::BTreeMap, sync::Arc};

use relay::vocabulary::{Account, Call, ChatId};

use super::{chat_state::ChatState, roster::Roster};
use crate::{call::Report, link::Path};

#[derive(Debug, Clone, Default)]
pub struct State {
    pub connection: ConnectionState,
    /// Who is logged in.
    pub account: Option<Account>,
    pub chats: BTreeMap<ChatId, Arc<ChatState>>,
    pub call: Option<CallState>,
    /// Contacts with their presence, requests, blocks, and what this account is itself.
    pub roster: Arc<Roster>,
    /// Files on their way, by the numbers that events give them.
    pub transfers: BTreeMap<u64, Transfer>,
}

/// A file on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Where it is sent to; `None` for one that is fetched.
    pub chat: Option<ChatId>,
    pub name: String,
    /// Up to the server, or down from it.
    pub up: bool,
    /// Bytes that have arrived.
    pub done: u64,
    /// Bytes in all; 0 while that is not known.
    pub size: u64,
}

#[derive(Debug, Clone, Default)]
pub enum ConnectionState {
    /// Not yet tried.
    #[default]
    Idle,
    /// A link is being opened; `reason` says why the last attempt failed.
    Connecting {
        reason: Option<String>,
    },
    Connected {
        path: Path,
    },
    /// It makes no sense to go on trying.
    Failed {
        reason: String,
    },
}

/// A call from the first ring to its end.
#[derive(Debug, Clone)]
pub struct CallState {
    pub call: Call,
    /// Whether this client began it.
    pub outgoing: bool,
    /// Whether this client takes part, with its camera and microphone.
    pub joined: bool,
    pub report: Option<Box<Report>>,
}

//! What a window shows: the engine's state at a moment.

use std::{collections::BTreeMap, sync::Arc};

use relay::vocabulary::{Account, Call, ChatId, Hit, Me};

use super::{chat_state::ChatState, roster::Roster};
use crate::{
    call::{Course, Report},
    link::Path,
};

#[derive(Debug, Clone, Default)]
pub struct State {
    pub connection: ConnectionState,
    /// Who is logged in.
    pub account: Option<Account>,
    /// What this account says of itself, once it was asked for.
    pub me: Option<Arc<Me>>,
    pub chats: BTreeMap<ChatId, Arc<ChatState>>,
    pub call: Option<CallState>,
    /// Contacts with their presence, requests, blocks, and what this account is itself.
    pub roster: Arc<Roster>,
    /// What was searched for last in each chat, and, without one, in all chats.
    pub searches: BTreeMap<Option<ChatId>, Arc<Search>>,
    /// Files on their way, by the numbers that events give them.
    pub transfers: BTreeMap<u64, Transfer>,
}

/// Lines that were searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    pub query: String,
    /// The newest first.
    pub hits: Vec<Hit>,
    /// Where older ones begin, if there are more.
    pub next: Option<u64>,
    /// Whether an answer is waited for.
    pub waits: bool,
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
    /// How it went in its last minute.
    pub course: Arc<Course>,
}

impl CallState {
    /// A call of which nothing is seen or heard yet.
    pub fn new(call: Call, outgoing: bool, joined: bool) -> Self {
        Self { call, outgoing, joined, report: None, course: Arc::default() }
    }
}

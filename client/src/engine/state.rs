//! What a window shows: the engine's state at a moment.

use std::{collections::BTreeMap, sync::Arc};

use relay::vocabulary::{Account, Call, Chat, ChatId, Message};

use super::roster::Roster;
use crate::{call::Report, link::Path};

/// Lines of a chat that are kept at hand; older ones are asked for.
const LINES_AT_HAND: usize = 500;

#[derive(Debug, Clone, Default)]
pub struct State {
    pub connection: ConnectionState,
    /// Who is logged in.
    pub account: Option<Account>,
    pub chats: BTreeMap<ChatId, Arc<ChatState>>,
    pub call: Option<CallState>,
    /// Contacts with their presence, requests, blocks, and what this account is itself.
    pub roster: Arc<Roster>,
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

#[derive(Debug, Clone)]
pub struct ChatState {
    pub chat: Chat,
    pub lines: Vec<Line>,
    /// Sequence number of the newest line that came.
    pub newest: u64,
}

/// A line of a chat.
#[derive(Debug, Clone)]
pub enum Line {
    /// The server has it.
    Stored(Message),
    /// It is on its way there, under this key.
    Pending { key: String, text: String },
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

impl ChatState {
    pub fn new(chat: Chat) -> Self {
        Self { chat, lines: Vec::new(), newest: 0 }
    }

    /// A line came in. Lines come in order; one that was pending is replaced.
    pub fn store(&mut self, message: Message) {
        self.newest = self.newest.max(message.sequence);
        self.settle(&message.key);
        let pending = self.lines.iter().position(|line| matches!(line, Line::Pending { .. }));
        let at = pending.unwrap_or(self.lines.len());
        self.lines.insert(at, Line::Stored(message));
        if self.lines.len() > LINES_AT_HAND {
            self.lines.remove(0);
        }
    }

    pub fn pend(&mut self, key: String, text: String) {
        self.lines.push(Line::Pending { key, text });
    }

    /// A pending line is pending no more.
    pub fn settle(&mut self, key: &str) {
        self.lines.retain(|line| !matches!(line, Line::Pending { key: known, .. } if known == key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_lines_stay_last_and_are_replaced_by_their_stored_selves() {
        let mut chat = ChatState::new(Chat { id: 1, track: 3, members: Vec::new(), latest: 0 });
        let message = |sequence, key: &str| Message {
            sequence,
            from: Account { id: 1, name: "a".into() },
            text: key.to_owned(),
            at: 0,
            key: key.to_owned(),
            notice: None,
        };
        chat.pend("k1".into(), "one".into());
        chat.pend("k2".into(), "two".into());
        chat.store(message(1, "other"));
        chat.store(message(2, "k1"));
        let shown: Vec<&str> = chat
            .lines
            .iter()
            .map(|line| match line {
                Line::Stored(message) => message.text.as_str(),
                Line::Pending { text, .. } => text.as_str(),
            })
            .collect();
        assert_eq!(shown, ["other", "k1", "two"]);
        assert_eq!(chat.newest, 2);
    }
}

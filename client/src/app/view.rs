//! What the window shows: the engine's state and how far signing in has come.

use std::{collections::BTreeMap, sync::Arc};

use relay::vocabulary::ChatId;

use super::device_names::DeviceNames;
use super::entrance::{Entrance, SignIn};
use crate::{
    engine::{CallState, ConnectionState, State},
    home::Draft,
};

/// A moment of the application. Cloning shares everything.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub state: Arc<State>,
    pub entrance: Entrance,
    /// What the fields of the first screen begin with; its password is empty.
    pub suggested: Arc<SignIn>,
    /// What was being written when the program ended last, and since, by chat.
    pub drafts: Arc<BTreeMap<ChatId, Draft>>,
    /// The microphones and speakers that were found when they were asked for last.
    pub device_names: Arc<DeviceNames>,
}

impl View {
    /// Whether someone who looks would see a difference: figures of the link that nobody shows do not count.
    pub fn differs(&self, other: &Self) -> bool {
        if self.entrance != other.entrance
            || self.suggested != other.suggested
            || self.device_names != other.device_names
        {
            return true;
        }
        let (a, b) = (&self.state, &other.state);
        let same_chats = a.chats.len() == b.chats.len()
            && a.chats.iter().zip(&b.chats).all(|((i, a), (j, b))| i == j && Arc::ptr_eq(a, b));
        let same_searches = a.searches.len() == b.searches.len()
            && a.searches.iter().zip(&b.searches).all(|((i, a), (j, b))| i == j && Arc::ptr_eq(a, b));
        !(Arc::ptr_eq(a, b)
            || same_chats
                && Arc::ptr_eq(&a.roster, &b.roster)
                && a.account == b.account
                && a.me == b.me
                && same_call(a.call.as_ref(), b.call.as_ref())
                && a.transfers == b.transfers
                && same_searches
                && same_connection(&a.connection, &b.connection))
    }
}

fn same_call(a: Option<&CallState>, b: Option<&CallState>) -> bool {
    match (a, b) {
        (None, None) => true,
        // A call's reports are shown, and pictures come much more often anyway.
        (Some(a), Some(b)) => a.call == b.call && a.joined == b.joined && a.report.is_none() && b.report.is_none(),
        _ => false,
    }
}

fn same_connection(a: &ConnectionState, b: &ConnectionState) -> bool {
    match (a, b) {
        (ConnectionState::Idle, ConnectionState::Idle) => true,
        (ConnectionState::Connecting { reason: a }, ConnectionState::Connecting { reason: b }) => a == b,
        (ConnectionState::Failed { reason: a }, ConnectionState::Failed { reason: b }) => a == b,
        (ConnectionState::Connected { path: a }, ConnectionState::Connected { path: b }) => {
            (a.up, a.down, a.alive, &a.proxy) == (b.up, b.down, b.alive, &b.proxy)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{ChatState, Roster},
        link::{Carriage, Path},
    };

    fn view(state: State) -> View {
        View { state: Arc::new(state), ..View::default() }
    }

    fn connected(exchanges: u64, alive: bool) -> State {
        let path = Path { proxy: None, up: Carriage::Short, down: Carriage::Short, alive, exchanges, cuts: 0 };
        State { connection: ConnectionState::Connected { path }, ..State::default() }
    }

    #[test]
    fn only_what_is_seen_makes_a_difference() {
        let (chat, roster) = (Arc::new(ChatState::default()), Arc::new(Roster::default()));
        let connected = |exchanges, alive| view(State { roster: roster.clone(), ..connected(exchanges, alive) });
        assert!(!connected(1, true).differs(&connected(2, true)));
        assert!(connected(1, true).differs(&connected(1, false)));
        let with = |chat: &Arc<ChatState>, roster: &Arc<Roster>| {
            view(State { chats: [(1, chat.clone())].into(), roster: roster.clone(), ..State::default() })
        };
        assert!(!with(&chat, &roster).differs(&with(&chat, &roster)));
        assert!(with(&chat, &roster).differs(&with(&Arc::default(), &roster)));
        assert!(with(&chat, &roster).differs(&with(&chat, &Arc::default())));
        let trying = View { entrance: Entrance::Trying, ..View::default() };
        assert!(trying.differs(&View::default()));
    }
}

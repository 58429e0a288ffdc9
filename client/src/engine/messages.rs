//! Lines and changes on their way: kept until the server has them, sent again over every new link, stored there once.

use std::{collections::VecDeque, sync::Arc};

use relay::vocabulary::{
    Change, ChatId, Marks, MessageAccepted, Problem, Scheduled, SendMessage, SetMarks, Standing, code,
};
use ring::rand::{SecureRandom, SystemRandom};

use super::{core::Core, event::Event, requests::Purpose};

/// Lines that may be asked to be stored at once, of all that wait.
const AT_ONCE: usize = 32;
/// Lines that may wait in all: a link that is away for long, or a script that does not wait.
const UNSENT_MAX: usize = 10_000;

/// An entry that the server does not have yet.
#[derive(Debug)]
pub(super) struct Unsent {
    pub chat: ChatId,
    pub message: Arc<SendMessage>,
}

impl Core {
    pub(super) fn say(&mut self, chat: ChatId, text: String) {
        self.send_message(chat, SendMessage { text, ..SendMessage::default() });
    }

    /// Sends a line; its key is made here, unless it has one. One that waits already is not sent twice.
    pub(super) fn send_message(&mut self, chat: ChatId, message: SendMessage) {
        if !message.key.is_empty() && self.unsent.iter().any(|unsent| unsent.message.key == message.key) {
            return;
        }
        if self.unsent.len() >= UNSENT_MAX {
            let detail = format!("{UNSENT_MAX} lines wait to be sent already. Wait until some of them are.");
            let problem = Problem::new(409, code::LIMIT_REACHED, detail);
            return self.tell(Event::Refused { command: "say".to_owned(), problem });
        }
        let key = if message.key.is_empty() { self.key() } else { Some(message.key.clone()) };
        let Some(key) = key else { return };
        let message = SendMessage { key: key.clone(), ..message };
        if message.send_at.is_none()
            && message.change.is_none()
            && let Some(known) = self.state.chats.get_mut(&chat)
        {
            Arc::make_mut(known).pend(key, message.clone());
        }
        self.unsent.push_back(Unsent { chat, message: Arc::new(message) });
        self.send_unsent();
    }

    pub(super) fn send_change(&mut self, chat: ChatId, change: Change) {
        self.send_message(chat, SendMessage { change: Some(change), ..SendMessage::default() });
    }

    /// Asks the server to store what it does not have yet, in the order in which it was written. Every line has a key,
    /// under which it is stored once.
    pub(super) fn send_unsent(&mut self) {
        let Some(link) = self.link.as_ref().filter(|link| link.authenticated) else { return };
        let mut waiting = Vec::new();
        for unsent in self.unsent.iter().take(AT_ONCE) {
            let purpose = Purpose::Say { chat: unsent.chat, key: unsent.message.key.clone() };
            if !link.requests.is_waiting(&purpose) {
                waiting.push((purpose, unsent.chat, unsent.message.clone()));
            }
        }
        for (purpose, chat, message) in waiting {
            self.ask(purpose, "POST", &format!("/v1/chats/{chat}/messages"), &*message);
        }
    }

    pub(super) fn stored(&mut self, chat: ChatId, key: &str, accepted: &MessageAccepted) {
        self.sent(key);
        self.tell(Event::Stored { chat, key: key.to_owned(), sequence: accepted.sequence });
    }

    pub(super) fn scheduled(&mut self, chat: ChatId, key: &str, scheduled: Scheduled) {
        self.sent(key);
        self.tell(Event::Scheduled { chat, scheduled: vec![scheduled] });
    }

    fn sent(&mut self, key: &str) {
        self.unsent.retain(|unsent| unsent.message.key != key);
        self.send_unsent();
    }

    /// The server did not take a line. Unless it said when to come back, it never will.
    pub(super) fn not_stored(&mut self, chat: ChatId, key: &str, lasting: bool) {
        if !lasting {
            return;
        }
        self.unsent.retain(|unsent| unsent.message.key != key);
        self.tell(Event::NotStored { chat, key: key.to_owned() });
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).settle(key);
        }
        self.send_unsent();
    }

    /// Gives up what was to be sent into a chat, and says how much that was.
    pub(super) fn drop_unsent(&mut self, chat: ChatId) -> usize {
        let (lost, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.unsent).into_iter().partition(|unsent| unsent.chat == chat);
        self.unsent = kept;
        for unsent in &lost {
            self.tell(Event::NotStored { chat, key: unsent.message.key.clone() });
        }
        lost.len()
    }

    /// Tells the server what has come, once for all entries that came since it was told last.
    pub(super) fn mark_delivered(&mut self) {
        if !self.link.as_ref().is_some_and(|link| link.authenticated) {
            return;
        }
        let mut come = VecDeque::new();
        for (id, known) in &self.state.chats {
            let told = self.delivered.get(id).copied().unwrap_or_default();
            if known.newest > told && known.chat.standing == Standing::Joined {
                come.push_back((*id, known.newest));
            }
        }
        for (chat, newest) in come {
            self.delivered.insert(chat, newest);
            let set = SetMarks { delivered: Some(newest), read: None };
            self.ask(Purpose::InChat("mark as delivered"), "PUT", &format!("/v1/chats/{chat}/marks"), &set);
        }
    }

    /// The person has read a chat, up to its newest entry if nothing else is said.
    pub(super) fn mark_read(&mut self, chat: ChatId, sequence: Option<u64>) {
        let me = self.me();
        let Some(known) = self.state.chats.get_mut(&chat) else { return };
        let known = Arc::make_mut(known);
        let sequence = sequence.unwrap_or(known.newest).min(known.newest);
        known.read_until(sequence, me);
        self.delivered.insert(chat, known.newest);
        let set = SetMarks { delivered: Some(known.newest), read: Some(sequence) };
        self.ask_surely(Purpose::Mark(chat), "PUT", &format!("/v1/chats/{chat}/marks"), &set);
    }

    pub(super) fn marked(&mut self, chat: ChatId, marks: Marks) {
        self.signal(chat, relay::vocabulary::Signal::Marks(marks));
    }

    /// A name for something that must happen once.
    pub(super) fn key(&self) -> Option<String> {
        let key = new_key();
        if key.is_none() {
            self.warn("The system gives no random numbers; nothing was sent.".to_owned());
        }
        key
    }
}

/// A name for something that must happen once; `None` if the system gives no random numbers.
pub fn new_key() -> Option<String> {
    let mut random = [0; 12];
    SystemRandom::new().fill(&mut random).ok()?;
    Some(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use relay::seal::Fingerprint;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        call::DeviceSetup,
        device::DeviceError,
        engine::{Command, ConnectOptions, Engine, Proof},
        http::ProxyRules,
    };

    #[tokio::test]
    async fn so_many_lines_wait_for_a_link_and_not_one_more() {
        let options = ConnectOptions {
            server: "http://nowhere.example".parse().unwrap(),
            proxy: ProxyRules::Direct,
            proof: Proof::Fingerprint(Fingerprint([0; 32])),
            device: "desk".into(),
        };
        let without = DeviceSetup::new(|_| Err(DeviceError::Picture("nobody calls here".into())));
        let (engine, mut events) = Engine::start(options, without);
        let say = || Command::Say { chat: 1, text: "hello".into() };
        for _ in 0..UNSENT_MAX {
            engine.give(say()).await.unwrap();
        }
        assert!(events.try_recv().is_err(), "what can wait is taken");
        engine.give(say()).await.unwrap();
        let told = timeout(Duration::from_secs(20), events.recv()).await.unwrap().unwrap();
        let Event::Refused { command, problem } = told else { panic!("{told:?}") };
        assert_eq!((command.as_str(), &*problem.code), ("say", code::LIMIT_REACHED));
    }
}

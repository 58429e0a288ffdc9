//! Chats: reading them, and sending lines until the server has them.

use std::sync::Arc;

use relay::{
    Kind, TrackId,
    link::Promise,
    vocabulary::{Chat, ChatId, Message, MessageAccepted, ReadFrom, SendMessage},
};
use ring::rand::{SecureRandom, SystemRandom};

use super::{
    core::{Core, Unsent},
    event::Event,
    requests::Purpose,
    state::ChatState,
};

impl Core {
    /// Reads a chat down this link, from the line after the newest that is known.
    pub(super) fn read_chat(&mut self, chat: Chat) {
        let (id, track) = (chat.id, TrackId(chat.track));
        let known = self.state.chats.entry(id).or_insert_with(|| Arc::new(ChatState::new(chat.clone())));
        Arc::make_mut(known).chat = chat;
        let after = known.newest;
        let Some(link) = &self.link else { return };
        if link.requests.is_waiting(&Purpose::ReadChat(id)) {
            return;
        }
        let lines = self.lines.clone();
        link.connection.accept_track(
            track,
            Promise::Complete { after },
            Box::new(move |frame| {
                if frame.header().kind == Kind::Message && lines.send((id, frame)).is_err() {
                    tracing::debug!("a line came after the engine's end");
                }
            }),
        );
        self.ask(Purpose::ReadChat(id), "PUT", &format!("/v1/cursors/{track}"), &ReadFrom { after: Some(after) });
    }

    /// A line came in.
    pub(super) fn line(&mut self, chat: ChatId, payload: &[u8]) {
        let message = match Message::parse(payload) {
            Ok(message) => message,
            Err(error) => return self.warn(format!("A line of chat {chat} cannot be understood: {error}.")),
        };
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).store(message.clone());
        }
        self.tell(Event::Message { chat, message });
    }

    pub(super) fn say(&mut self, chat: ChatId, text: String) {
        let mut random = [0; 12];
        if SystemRandom::new().fill(&mut random).is_err() {
            return self.warn("The system gives no random numbers; the line was not sent.".to_owned());
        }
        let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).pend(key.clone(), text.clone());
        }
        self.unsent.push_back(Unsent { chat, key, text });
        self.send_unsent();
    }

    /// Asks the server to store what it does not have yet. Every line has a key, under which it is stored once.
    pub(super) fn send_unsent(&mut self) {
        if !self.link.as_ref().is_some_and(|link| link.authenticated) {
            return;
        }
        let waiting: Vec<(ChatId, String, String)> =
            self.unsent.iter().map(|line| (line.chat, line.key.clone(), line.text.clone())).collect();
        for (chat, key, text) in waiting {
            let purpose = Purpose::Say { chat, key: key.clone() };
            if self.link.as_ref().is_some_and(|link| link.requests.is_waiting(&purpose)) {
                continue;
            }
            self.ask(purpose, "POST", &format!("/v1/chats/{chat}/messages"), &SendMessage { text, key });
        }
    }

    pub(super) fn stored(&mut self, chat: ChatId, key: String, accepted: &MessageAccepted) {
        self.unsent.retain(|line| line.key != key);
        self.tell(Event::Stored { chat, key, sequence: accepted.sequence });
    }

    /// The server did not take a line. Unless it said when to come back, it never will.
    pub(super) fn not_stored(&mut self, chat: ChatId, key: &str, lasting: bool) {
        if !lasting {
            return;
        }
        self.unsent.retain(|line| line.key != key);
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).settle(key);
        }
    }
}

//! Chats: which there are, reading them, who belongs to them, what the server tells of them.

use std::sync::Arc;

use relay::{
    Kind, TrackId,
    link::Promise,
    vocabulary::{
        ChangeChat, Chat, ChatId, ChatKind, ChatMember, Chats, Event as Told, Message, OpenChat, ReadFrom, Signal,
        Standing, With,
    },
};

use super::{
    chat_state::{ChatState, Consequence, LINES_AT_HAND},
    command::InChat,
    core::Core,
    event::Event,
    requests::Purpose,
};

/// Entries that are read of all chats together when the client begins: so many of each, within its own bounds.
const BEGINNING: usize = 5_000;
const BEGINNING_LEAST: usize = 20;

impl Core {
    pub(super) fn open_chat(&mut self, open: &OpenChat) {
        self.ask_surely(Purpose::OpenChat, "POST", "/v1/chats", open);
    }

    pub(super) fn open_direct(&mut self, with: String, text: Option<String>) {
        let key = if text.is_some() { self.key() } else { None };
        if text.is_none() || key.is_some() {
            self.open_chat(&OpenChat { text, key, ..OpenChat::direct(with) });
        }
    }

    /// Tells of all chats as they are known, or asks for the requests that are ignored.
    pub(super) fn tell_chats(&mut self, ignored: bool) {
        if ignored {
            self.ask(Purpose::ListIgnored, "GET", "/v1/chats?ignored=true", &());
            return;
        }
        let chats = self.state.chats.values().map(|known| Chat { unread: known.unread, ..known.chat.clone() });
        self.tell(Event::Chats { chats: chats.collect(), ignored, more: false });
    }

    pub(super) fn ignored_listed(&mut self, page: Chats) {
        if let Some(next) = &page.next {
            self.ask(Purpose::ListIgnored, "GET", &format!("/v1/chats?ignored=true&after={next}"), &());
        }
        self.tell(Event::Chats { chats: page.chats, ignored: true, more: page.next.is_some() });
    }

    pub(super) fn open_group(&mut self, names: Vec<String>, name: String, text: Option<String>) {
        let Some(key) = self.key() else { return };
        self.open_chat(&OpenChat { with: With::Group(names), name, text, key: Some(key) });
    }

    /// Does what was asked for in one chat.
    pub(super) fn in_chat(&mut self, chat: ChatId, act: InChat) {
        let path = |rest: &str| format!("/v1/chats/{chat}{rest}");
        match act {
            InChat::Accept => self.ask_surely(Purpose::OpenChat, "POST", &path("/accept"), &()),
            InChat::Decline => self.ask_surely(Purpose::InChat("decline a chat"), "POST", &path("/decline"), &()),
            InChat::Ignore => self.ask_surely(Purpose::InChat("ignore a chat"), "POST", &path("/ignore"), &()),
            InChat::AskIn(ask) => self.ask_surely(Purpose::Members(chat), "POST", &path("/members"), &ask),
            InChat::Members => self.ask_members(chat),
            InChat::Leave => {
                if let Some(me) = self.state.account.as_ref().map(|account| account.id) {
                    self.in_chat(chat, InChat::Remove(me));
                }
            }
            InChat::Remove(account) => {
                let purpose = Purpose::InChat("remove from a chat");
                self.ask_surely(purpose, "DELETE", &path(&format!("/members/{account}")), &());
            }
            InChat::SetRole(account, set) => {
                let purpose = Purpose::InChat("give a role");
                self.ask_surely(purpose, "PUT", &path(&format!("/members/{account}")), &set);
            }
            InChat::Describe(change) => self.ask_surely(Purpose::RefreshChat(chat), "PATCH", &path(""), &change),
            InChat::Picture(Some(path)) => self.send_chat_picture(chat, path),
            InChat::Picture(None) => {
                let change = ChangeChat { picture: Some(String::new()), ..ChangeChat::default() };
                self.in_chat(chat, InChat::Describe(change));
            }
            InChat::Send(message) => self.send_message(chat, message),
            InChat::Attach(message, attach) => self.send_files(chat, message, attach),
            InChat::Change(change) => self.send_change(chat, change),
            InChat::Read(sequence) => self.mark_read(chat, sequence),
            InChat::Typing(on) => {
                let set = relay::vocabulary::SetTyping { on };
                self.ask(Purpose::InChat("say that you type"), "POST", &path("/typing"), &set);
            }
            InChat::Watch(on) => self.watch(chat, on),
            InChat::Look(place) => self.look(chat, place),
            InChat::ShowNewest => {
                if let Some(known) = self.state.chats.get_mut(&chat) {
                    Arc::make_mut(known).lookup = None;
                }
            }
            InChat::Pins => self.ask_pins(chat),
            InChat::Scheduled => drop(self.ask(Purpose::Scheduled(chat), "GET", &path("/scheduled"), &())),
            InChat::TakeBack(scheduled) => {
                let purpose = Purpose::InChat("take a line back");
                self.ask_surely(purpose, "DELETE", &path(&format!("/scheduled/{scheduled}")), &());
            }
        }
    }

    /// A page of the list of chats came.
    pub(super) fn listed(&mut self, page: Chats) {
        self.listed.extend(page.chats);
        if let Some(next) = page.next {
            self.ask(Purpose::ListChats, "GET", &format!("/v1/chats?after={next}"), &());
            return;
        }
        let listed = std::mem::take(&mut self.listed);
        let each = (BEGINNING / listed.len().max(1)).clamp(BEGINNING_LEAST, LINES_AT_HAND) as u64;
        let gone = |id: &ChatId| !listed.iter().any(|chat| chat.id == *id);
        let closed: Vec<ChatId> = self.state.chats.keys().copied().filter(gone).collect();
        closed.into_iter().for_each(|chat| self.forget_chat(chat));
        for chat in listed {
            if chat.standing == Standing::Requested && !self.state.chats.contains_key(&chat.id) {
                self.tell(Event::ChatRequested { chat: chat.clone() });
            }
            self.read_chat_from(chat, each);
        }
        for chat in self.watched.clone() {
            self.watch(chat, true);
        }
    }

    /// Reads a chat down this link, from the entry after the newest that is known.
    pub(super) fn read_chat(&mut self, chat: Chat) {
        self.read_chat_from(chat, LINES_AT_HAND as u64);
    }

    fn read_chat_from(&mut self, chat: Chat, at_most: u64) {
        let (id, track) = (chat.id, TrackId(chat.track));
        let is_read = chat.standing == Standing::Joined || chat.kind == ChatKind::Direct;
        let latest = chat.latest;
        let known = self.state.chats.entry(id).or_insert_with(|| Arc::new(ChatState::new(chat.clone())));
        let known = Arc::make_mut(known);
        if known.newest < chat.since || known.newest == 0 {
            // What was before is not missed, but looked up when a person looks back.
            known.newest = chat.since.max(latest.saturating_sub(at_most));
            known.has_older = known.newest > chat.since;
        }
        let unread = if known.chat.latest == latest { known.unread } else { chat.unread };
        known.unread = unread;
        known.chat = chat;
        let after = known.newest;
        let Some(link) = &self.link else { return };
        if !is_read || link.requests.is_waiting(&Purpose::ReadChat(id)) || self.reading.contains(&id) {
            return;
        }
        self.reading.insert(id);
        self.accept_frames(id, track, Promise::Complete { after });
        self.ask(Purpose::ReadChat(id), "PUT", &format!("/v1/cursors/{track}"), &ReadFrom { after: Some(after) });
    }

    /// Takes in a track of a chat.
    fn accept_frames(&self, chat: ChatId, track: TrackId, promise: Promise) {
        let Some(link) = &self.link else { return };
        let lines = self.lines.clone();
        let sink = Box::new(move |frame| {
            if lines.send((chat, frame)).is_err() {
                tracing::debug!("a line came after the engine's end");
            }
        });
        link.connection.accept_track(track, promise, sink);
    }

    /// Follows, or no longer follows, who types in a chat and who has come how far.
    fn watch(&mut self, chat: ChatId, on: bool) {
        let Some(signals) = self.state.chats.get(&chat).map(|known| TrackId(known.chat.signals)) else { return };
        if on {
            self.watched.insert(chat);
            self.accept_frames(chat, signals, Promise::Latest);
            self.ask(Purpose::InChat("watch a chat"), "PUT", &format!("/v1/cursors/{signals}"), &ReadFrom::default());
            self.ask(Purpose::Marks(chat), "GET", &format!("/v1/chats/{chat}/marks"), &());
        } else if self.watched.remove(&chat) {
            if let Some(link) = &self.link {
                link.connection.refuse_track(signals);
            }
            self.ask(Purpose::InChat("watch a chat"), "DELETE", &format!("/v1/cursors/{signals}"), &());
        }
    }

    /// A frame of a chat came in: an entry or a signal.
    pub(super) fn chat_frame(&mut self, chat: ChatId, kind: Kind, payload: &[u8]) {
        match kind {
            Kind::Message => self.line(chat, payload),
            Kind::Event => match Signal::parse(payload) {
                Ok(signal) => self.signal(chat, signal),
                Err(error) => tracing::debug!(chat, %error, "a signal cannot be understood"),
            },
            other => tracing::debug!(chat, kind = ?other, "a chat carries only messages and signals"),
        }
    }

    fn line(&mut self, chat: ChatId, payload: &[u8]) {
        let message = match Message::parse(payload) {
            Ok(message) => message,
            Err(error) => return self.warn(format!("A line of chat {chat} cannot be understood: {error}.")),
        };
        let me = self.me();
        if let Some(known) = self.state.chats.get_mut(&chat) {
            // A link that was lost and the next one may both have brought it.
            if message.sequence <= known.newest {
                return;
            }
            let consequence = Arc::make_mut(known).store(message.clone(), me);
            match consequence {
                Consequence::Membership => {
                    self.refresh(chat);
                    if !self.state.chats.get(&chat).is_none_or(|known| known.members.is_empty()) {
                        self.ask_members(chat);
                    }
                }
                Consequence::Pins => self.ask_pins(chat),
                Consequence::Nothing => {}
            }
        }
        self.tell(Event::Message { chat, message });
    }

    pub(super) fn signal(&mut self, chat: ChatId, signal: Signal) {
        let me = self.me();
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).signal(signal, me);
        }
        self.tell(Event::Signal { chat, signal });
    }

    /// Asks for a chat as it now is, once for any number of reasons.
    fn refresh(&mut self, chat: ChatId) {
        let purpose = Purpose::RefreshChat(chat);
        if !self.link.as_ref().is_some_and(|link| link.requests.is_waiting(&purpose)) {
            self.ask(purpose, "GET", &format!("/v1/chats/{chat}"), &());
        }
    }

    /// Asks for all members, once for any number of reasons.
    fn ask_members(&mut self, chat: ChatId) {
        let purpose = Purpose::Members(chat);
        if !self.link.as_ref().is_some_and(|link| link.requests.is_waiting(&purpose)) {
            self.ask(purpose, "GET", &format!("/v1/chats/{chat}/members"), &());
        }
    }

    /// All members of a chat came.
    pub(super) fn members_listed(&mut self, chat: ChatId, members: Vec<ChatMember>) {
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).members.clone_from(&members);
        }
        self.tell(Event::Members { chat, members });
    }

    /// The server's own word on a chat that is known.
    pub(super) fn chat_changed(&mut self, chat: Chat) {
        let Some(known) = self.state.chats.get_mut(&chat.id) else { return self.read_chat(chat) };
        let before = &known.chat;
        let changed = (&before.members, &before.name, before.standing, before.role, &before.picture, before.joined)
            != (&chat.members, &chat.name, chat.standing, chat.role, &chat.picture, chat.joined);
        let known = Arc::make_mut(known);
        // Counted here while lines come in.
        known.chat = Chat { latest: known.chat.latest.max(chat.latest), read: known.chat.read.max(chat.read), ..chat };
        let chat = known.chat.clone();
        if changed {
            self.tell(Event::ChatChanged { chat });
        }
    }

    /// The server told something about chats; gives back what is about something else.
    pub(super) fn told_of_chat(&mut self, event: Told) -> Option<Told> {
        match event {
            Told::ChatOpened { chat } => {
                let chat = *chat;
                if chat.standing == Standing::Requested {
                    self.tell(Event::ChatRequested { chat: chat.clone() });
                }
                self.tell(Event::ChatOpened { chat: chat.clone() });
                self.read_chat(chat);
            }
            Told::ChatChanged { chat } => self.chat_changed(*chat),
            Told::ChatClosed { chat, reason } => {
                self.forget_chat(chat);
                self.tell(Event::ChatClosed { chat, reason });
            }
            Told::NotSent { chat, scheduled, detail } => {
                self.warn(format!("Line {scheduled} that waited for chat {chat} was not sent: {detail}"));
            }
            Told::ChatDeclined { chat, who } => {
                self.refresh(chat);
                self.tell(Event::ChatDeclined { chat, who: who.name });
            }
            other => return Some(other),
        }
        None
    }

    /// A chat is not this account's any more.
    fn forget_chat(&mut self, chat: ChatId) {
        self.watched.remove(&chat);
        self.reading.remove(&chat);
        let Some(known) = self.state.chats.remove(&chat) else { return };
        if let Some(link) = &self.link {
            link.connection.refuse_track(TrackId(known.chat.track));
            link.connection.refuse_track(TrackId(known.chat.signals));
        }
        let lost = self.drop_unsent(chat);
        if lost > 0 {
            self.warn(format!("{lost} lines for chat {chat} were not sent: it is closed."));
        }
    }

    /// The server does not let a chat be read as it was asked for: what is known of it is old.
    pub(super) fn chat_not_read(&mut self, chat: ChatId) {
        self.reading.remove(&chat);
        if let Some(known) = self.state.chats.get(&chat)
            && let Some(link) = &self.link
        {
            link.connection.refuse_track(TrackId(known.chat.track));
        }
    }

    /// Who is logged in; 0 for nobody.
    pub(super) fn me(&self) -> u64 {
        self.state.account.as_ref().map_or(0, |account| account.id)
    }
}

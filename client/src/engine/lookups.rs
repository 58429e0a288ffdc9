//! Looking things up: older lines, what is pinned, what is searched for, who is in a chat.

use std::sync::Arc;

use relay::vocabulary::{ChatId, Found, History};

use super::{chat_state::Place, core::Core, event::Event, requests::Purpose, state::Search};

/// Lines that are looked up at a time.
const PAGE: u32 = 100;

/// Lines that are kept of a search.
const HITS_KEPT: usize = 500;

impl Core {
    /// Looks lines up, if there are any in that direction.
    pub(super) fn look(&mut self, chat: ChatId, place: Place) {
        let Some(known) = self.state.chats.get_mut(&chat) else { return };
        let Some(query) = known.query(place) else { return };
        if place == Place::Older {
            Arc::make_mut(known).look_back();
        }
        let purpose = Purpose::Look { chat, place };
        // The same page twice would be put in twice.
        if !self.link.as_ref().is_some_and(|link| link.requests.is_waiting(&purpose)) {
            self.ask(purpose, "GET", &format!("/v1/chats/{chat}/messages?{query}&limit={PAGE}"), &());
        }
    }

    pub(super) fn looked_up(&mut self, chat: ChatId, place: Place, page: History) {
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).look(place, &page);
        }
        self.tell(Event::History { chat, messages: page.messages, more: page.more });
    }

    /// Asks what is pinned, once for any number of reasons.
    pub(super) fn ask_pins(&mut self, chat: ChatId) {
        let purpose = Purpose::Pins { chat, first: true };
        if !self.link.as_ref().is_some_and(|link| link.requests.is_waiting(&purpose)) {
            self.ask(purpose, "GET", &format!("/v1/chats/{chat}/pins"), &());
        }
    }

    /// A page of what is pinned came; the next one is asked for.
    pub(super) fn pins_listed(&mut self, chat: ChatId, page: History, first: bool) {
        if let Some(known) = self.state.chats.get_mut(&chat) {
            Arc::make_mut(known).pinned(&page, first);
        }
        if let Some(last) = page.messages.last().filter(|_| page.more) {
            let path = format!("/v1/chats/{chat}/pins?after={}", last.sequence);
            self.ask(Purpose::Pins { chat, first: false }, "GET", &path, &());
        }
        self.tell(Event::Pins { chat, messages: page.messages, more: page.more });
    }

    pub(super) fn search(&mut self, query: &str, chat: Option<ChatId>, before: Option<u64>) {
        let mut path = format!("/v1/search?q={}", percent_encoded(query));
        for (name, value) in [("chat", chat), ("before", before)] {
            if let Some(value) = value {
                path += &format!("&{name}={value}");
            }
        }
        match self.state.searches.get_mut(&chat).filter(|search| before.is_some() && search.query == query) {
            Some(search) => Arc::make_mut(search).waits = true,
            None => {
                let search = Search { query: query.to_owned(), waits: true, ..Search::default() };
                self.state.searches.insert(chat, Arc::new(search));
            }
        }
        let purpose = Purpose::SearchLines { query: query.to_owned(), chat, before };
        if !self.ask(purpose, "GET", &path, &()) {
            self.stop_search(chat);
        }
    }

    pub(super) fn stop_search(&mut self, chat: Option<ChatId>) {
        self.state.searches.remove(&chat);
    }

    pub(super) fn found_lines(&mut self, query: &str, chat: Option<ChatId>, before: Option<u64>, found: Found) {
        // Of several searches that overtake each other the last one counts.
        if let Some(search) = self.state.searches.get_mut(&chat).filter(|search| search.query == query) {
            let search = Arc::make_mut(search);
            if before.is_none() {
                search.hits.clear();
            }
            search.hits.extend(found.hits.iter().cloned());
            search.waits = false;
            search.next = found.next.filter(|_| search.hits.len() < HITS_KEPT);
        }
        self.tell(Event::Found { hits: found.hits, next: found.next });
    }
}

/// A text as part of an address (RFC 3986, section 2.1).
pub(super) fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_printable_ascii_in_an_address() {
        assert_eq!(percent_encoded("a b&窓"), "a%20b%26%E7%AA%93");
    }
}

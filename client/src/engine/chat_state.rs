//! One chat as a window shows it: its newest lines, lines on their way, older lines that were looked up, who has come
//! how far.

use std::{collections::BTreeMap, sync::Arc};

use relay::vocabulary::{
    Change, Chat, ChatMember, History, Marks, Message, Notice, SendMessage, Signal, TYPING_AGAIN_MS,
};

/// Lines of a chat that are kept at hand; older ones are looked up.
pub const LINES_AT_HAND: usize = 500;

/// Most lines of a [`Lookup`]: what is further away from where it grows is let go of.
const LINES_LOOKED_UP: usize = 1_000;

/// Most pinned lines that are kept at hand.
const PINS_AT_HAND: usize = 200;

#[derive(Debug, Clone, Default)]
pub struct ChatState {
    pub chat: Chat,
    /// The newest lines, and after them those that are on their way to the server.
    pub lines: Vec<Line>,
    /// Whether there are lines before these.
    pub has_older: bool,
    /// Sequence number of the newest entry that came.
    pub newest: u64,
    /// Lines of others that were not read, up to [`relay::vocabulary::UNREAD_MAX`].
    pub unread: u32,
    /// How far the members have come, while the chat is watched.
    pub marks: BTreeMap<u64, Marks>,
    /// Who types, and when they said so last, in Unix milliseconds on the server's clock.
    pub typing: BTreeMap<u64, u64>,
    /// Older lines that were looked up; shown instead of [`ChatState::lines`] while it is there.
    pub lookup: Option<Lookup>,
    /// What is pinned, as far as it was asked for.
    pub pins: Vec<Stored>,
    /// All who belong to it, once they were asked for; [`Chat::members`] names only some of many.
    pub members: Vec<ChatMember>,
}

/// A line of a chat.
#[derive(Debug, Clone)]
pub enum Line {
    /// The server has it.
    Stored(Stored),
    /// It is on its way there, under this key.
    Pending { key: String, message: Arc<SendMessage> },
}

/// A line with what later entries have made of it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub message: Arc<Message>,
    /// The newest entry whose change is in it.
    as_of: u64,
}

/// Lines that stand together somewhere in a chat.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub lines: Vec<Stored>,
    pub has_older: bool,
    pub has_newer: bool,
}

impl Lookup {
    /// Whether a line with this sequence number would be among these.
    pub fn spans(&self, sequence: u64) -> bool {
        let ends = self.lines.first().zip(self.lines.last());
        ends.is_some_and(|(a, b)| (a.message.sequence..=b.message.sequence).contains(&sequence))
    }
}

/// The lines of a chat that are shown, the oldest first, without those that are on their way.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    /// The newest.
    Newest(&'a [Line]),
    /// Older ones that were looked up.
    LookedUp(&'a [Stored]),
}

impl<'a> Shown<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Newest(lines) => lines.len(),
            Self::LookedUp(lines) => lines.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, index: usize) -> Option<&'a Arc<Message>> {
        match self {
            Self::Newest(lines) => match lines.get(index)? {
                Line::Stored(stored) => Some(&stored.message),
                Line::Pending { .. } => None,
            },
            Self::LookedUp(lines) => lines.get(index).map(|stored| &stored.message),
        }
    }

    /// The line with this sequence number.
    pub fn find(&self, sequence: u64) -> Option<&'a Arc<Message>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let message = self.get(middle)?;
            match message.sequence.cmp(&sequence) {
                std::cmp::Ordering::Equal => return Some(message),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// Which lines are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// Those before what is shown.
    Older,
    /// Those after what was looked up.
    Newer,
    /// Those around this sequence number.
    Around(u64),
}

/// What an entry means for a chat besides its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    Nothing,
    /// Who belongs to the chat has changed: ask the server.
    Membership,
    /// What is pinned has changed: ask the server.
    Pins,
}

impl ChatState {
    pub fn new(chat: Chat) -> Self {
        let unread = chat.unread;
        Self { chat, unread, ..Self::default() }
    }

    /// An entry came in. Entries come in order; a line that was pending is replaced. Call it for every entry once: those
    /// up to [`ChatState::newest`] have come already.
    pub fn store(&mut self, message: Message, me: u64) -> Consequence {
        self.newest = self.newest.max(message.sequence);
        self.chat.latest = self.chat.latest.max(message.sequence);
        self.settle(&message.key);
        if message.change.is_some() {
            self.change(&message);
            let of_pins = matches!(message.change, Some(Change::Pin { .. }));
            return if of_pins { Consequence::Pins } else { Consequence::Nothing };
        }
        self.typing.remove(&message.from.id);
        let consequence = self.note(&message);
        if !message.is_shown() {
            return consequence;
        }
        let counts = message.from.id != me && message.notice.is_none() && message.sequence > self.chat.read;
        self.unread = self.unread.saturating_add(u32::from(counts)).min(relay::vocabulary::UNREAD_MAX);
        if let Some(lookup) = &mut self.lookup {
            lookup.has_newer = true;
        }
        let as_of = message.sequence;
        let line = Line::Stored(Stored { message: Arc::new(message), as_of });
        let pending = self.lines.iter().position(|line| matches!(line, Line::Pending { .. }));
        self.lines.insert(pending.unwrap_or(self.lines.len()), line);
        if self.lines.len() > LINES_AT_HAND {
            self.lines.remove(0);
            self.has_older = true;
        }
        consequence
    }

    pub fn pend(&mut self, key: String, message: SendMessage) {
        self.lines.push(Line::Pending { key, message: Arc::new(message) });
    }

    /// A pending line is pending no more.
    pub fn settle(&mut self, key: &str) {
        self.lines.retain(|line| !matches!(line, Line::Pending { key: known, .. } if known == key));
    }

    /// The person has read this far, here or on another device.
    pub fn read_until(&mut self, sequence: u64, me: u64) {
        self.chat.read = self.chat.read.max(sequence);
        let read = self.chat.read;
        let unread = |line: &&Line| match line {
            Line::Stored(Stored { message, .. }) => {
                message.sequence > read && message.from.id != me && message.notice.is_none()
            }
            Line::Pending { .. } => false,
        };
        // What is not at hand any more was counted before.
        let at_hand = u32::try_from(self.lines.iter().filter(unread).count()).unwrap_or(u32::MAX);
        let all_at_hand = self.oldest().is_none_or(|oldest| oldest <= read + 1) || !self.has_older;
        self.unread = if all_at_hand { at_hand } else { self.unread.max(at_hand) };
    }

    pub fn signal(&mut self, signal: Signal, me: u64) {
        match signal {
            Signal::Marks(marks) => {
                let known = self.marks.entry(marks.account).or_default();
                let read = known.read.max(marks.read);
                *known = Marks { read, delivered: known.delivered.max(marks.delivered), ..marks };
                if marks.account == me {
                    self.read_until(marks.read, me);
                }
            }
            Signal::Typing { account, on: true, at } if account != me => {
                self.typing.insert(account, at);
            }
            Signal::Typing { account, .. } => {
                self.typing.remove(&account);
            }
            Signal::Unknown => {}
        }
    }

    /// Forgets who has not said for long that they type; `now` is the server's clock in Unix milliseconds.
    pub fn forget_typing(&mut self, now: u64) {
        self.typing.retain(|_, at| now.saturating_sub(*at) < 2 * TYPING_AGAIN_MS);
    }

    /// Where the next page that is looked up begins: the query for the server; `None` if there is nothing there.
    pub fn query(&self, place: Place) -> Option<String> {
        match (place, &self.lookup) {
            (Place::Around(sequence), _) => Some(format!("around={sequence}")),
            (Place::Older, Some(lookup)) => {
                let oldest = lookup.lines.first().filter(|_| lookup.has_older)?;
                Some(format!("before={}", oldest.message.sequence))
            }
            (Place::Older, None) if self.has_older => Some(self.oldest().map_or_else(
                || format!("before={}", self.newest.max(self.chat.latest) + 1),
                |oldest| format!("before={oldest}"),
            )),
            (Place::Older, None) => None,
            (Place::Newer, Some(lookup)) => {
                let newest = lookup.lines.last().filter(|_| lookup.has_newer)?;
                Some(format!("after={}", newest.message.sequence))
            }
            (Place::Newer, None) => None,
        }
    }

    /// From here on the person looks back; what comes in meanwhile is found by looking on.
    pub fn look_back(&mut self) {
        if self.lookup.is_none() {
            let lines = self.stored().cloned().collect();
            self.lookup = Some(Lookup { lines, has_older: self.has_older, has_newer: false });
        }
    }

    /// A page that was looked up came. It is passed over if the person has stopped looking meanwhile.
    pub fn look(&mut self, place: Place, page: &History) {
        let line = |message: &Message| Stored { message: Arc::new(message.clone()), as_of: page.latest };
        let page_lines: Vec<Stored> = page.messages.iter().map(line).collect();
        let newest_at_hand = self.stored().last().map(|stored| stored.message.sequence);
        let mut lookup = match (self.lookup.take(), place) {
            (_, Place::Around(_)) => Lookup { lines: Vec::new(), has_older: page.more, has_newer: true },
            (Some(lookup), _) => lookup,
            (None, _) => return,
        };
        match place {
            Place::Older => {
                lookup.lines.splice(0..0, page_lines);
                lookup.has_older = page.more;
                if lookup.lines.len() > LINES_LOOKED_UP {
                    lookup.lines.truncate(LINES_LOOKED_UP);
                    lookup.has_newer = true;
                }
            }
            Place::Newer => {
                lookup.lines.extend(page_lines);
                lookup.has_newer = page.more;
                let surplus = lookup.lines.len().saturating_sub(LINES_LOOKED_UP);
                if surplus > 0 {
                    lookup.lines.drain(..surplus);
                    lookup.has_older = true;
                }
            }
            Place::Around(_) => lookup.lines = page_lines,
        }
        let reached = lookup.lines.last().map(|stored| stored.message.sequence);
        if reached >= newest_at_hand {
            lookup.has_newer = false;
        }
        self.lookup = Some(lookup);
    }

    /// A page of what is pinned came.
    pub fn pinned(&mut self, page: &History, first: bool) {
        if first {
            self.pins.clear();
        }
        let room = PINS_AT_HAND.saturating_sub(self.pins.len());
        let line = |message: &Message| Stored { message: Arc::new(message.clone()), as_of: page.latest };
        self.pins.extend(page.messages.iter().take(room).map(line));
    }

    /// The line with this sequence number, if it is at hand.
    pub fn line(&self, sequence: u64) -> Option<&Arc<Message>> {
        self.shown().find(sequence).or_else(|| self.newest_at_hand().find(sequence))
    }

    /// What a window shows of the chat's lines.
    pub fn shown(&self) -> Shown<'_> {
        match &self.lookup {
            Some(lookup) => Shown::LookedUp(&lookup.lines),
            None => self.newest_at_hand(),
        }
    }

    /// Who belongs to it, as far as is known.
    pub fn everyone(&self) -> &[ChatMember] {
        if self.members.is_empty() { &self.chat.members } else { &self.members }
    }

    /// Lines on their way to the server, with their keys.
    pub fn pending(&self) -> impl Iterator<Item = (&str, &Arc<SendMessage>)> {
        // They stand last.
        let first = self.newest_at_hand().len();
        self.lines[first..].iter().filter_map(|line| match line {
            Line::Pending { key, message } => Some((key.as_str(), message)),
            Line::Stored(_) => None,
        })
    }

    /// One of the lines on their way, counted from the oldest.
    pub fn pending_line(&self, index: usize) -> Option<&Arc<SendMessage>> {
        match self.lines.get(self.newest_at_hand().len() + index)? {
            Line::Pending { message, .. } => Some(message),
            Line::Stored(_) => None,
        }
    }

    fn newest_at_hand(&self) -> Shown<'_> {
        let stored = self.lines.partition_point(|line| matches!(line, Line::Stored(_)));
        Shown::Newest(&self.lines[..stored])
    }

    fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.lines.iter().filter_map(|line| match line {
            Line::Stored(stored) => Some(stored),
            Line::Pending { .. } => None,
        })
    }

    fn oldest(&self) -> Option<u64> {
        self.stored().next().map(|stored| stored.message.sequence)
    }

    fn change(&mut self, later: &Message) {
        let at_hand = self.lines.iter_mut().filter_map(|line| match line {
            Line::Stored(stored) => Some(stored),
            Line::Pending { .. } => None,
        });
        let looked_up = self.lookup.iter_mut().flat_map(|lookup| lookup.lines.iter_mut());
        let of = later.change.as_ref().map(relay::vocabulary::Change::of);
        for stored in at_hand.chain(looked_up).chain(&mut self.pins) {
            if Some(stored.message.sequence) == of && stored.as_of < later.sequence {
                Arc::make_mut(&mut stored.message).apply(later);
                stored.as_of = later.sequence;
            }
        }
    }

    fn note(&mut self, message: &Message) -> Consequence {
        match &message.notice {
            Some(Notice::Named { name }) => self.chat.name.clone_from(name),
            Some(Notice::Picture { file }) => self.chat.picture.clone_from(file),
            Some(Notice::Retention { ms }) => self.chat.retention_ms = *ms,
            Some(
                Notice::Invited { .. } | Notice::Joined | Notice::Left | Notice::Removed { .. } | Notice::Role { .. },
            ) => return Consequence::Membership,
            _ => {}
        }
        Consequence::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::vocabulary::Account;

    const ME: u64 = 1;

    fn message(sequence: u64, from: u64, key: &str) -> Message {
        Message::line(sequence, Account { id: from, name: "a".into() }, key, 0, key)
    }

    fn edit(sequence: u64, of: u64, text: &str) -> Message {
        let mut edit = message(sequence, 2, "");
        edit.change = Some(Change::Edit { of, text: text.into() });
        edit
    }

    fn shown(chat: &ChatState) -> Vec<&str> {
        let text = |line| match line {
            &Line::Stored(Stored { ref message, .. }) => message.text.as_str(),
            Line::Pending { message, .. } => message.text.as_str(),
        };
        chat.lines.iter().map(text).collect()
    }

    fn looked_up(chat: &ChatState) -> Vec<u64> {
        chat.lookup.iter().flat_map(|lookup| &lookup.lines).map(|stored| stored.message.sequence).collect()
    }

    fn page(sequences: std::ops::RangeInclusive<u64>, more: bool, latest: u64) -> History {
        History { messages: sequences.map(|n| message(n, 2, "x")).collect(), more, latest }
    }

    #[test]
    fn pending_lines_stay_last_and_are_replaced_by_their_stored_selves() {
        let mut chat = ChatState::new(Chat { id: 1, track: 5, ..Chat::default() });
        chat.pend("k1".into(), SendMessage::line("one", "k1"));
        chat.pend("k2".into(), SendMessage::line("two", "k2"));
        chat.store(message(1, 2, "other"), ME);
        chat.store(message(2, ME, "k1"), ME);
        assert_eq!(shown(&chat), ["other", "k1", "two"]);
        assert_eq!((chat.newest, chat.unread), (2, 1), "own lines are read");
    }

    #[test]
    fn changes_are_folded_into_lines_at_hand_and_looked_up() {
        let mut chat = ChatState::new(Chat::default());
        chat.store(message(1, 2, "first"), ME);
        chat.store(edit(2, 1, "better"), ME);
        assert_eq!((shown(&chat), chat.newest), (vec!["better"], 2));
        chat.look(Place::Around(1), &History { messages: vec![message(1, 2, "best")], more: false, latest: 3 });
        // The page knows of the third entry already.
        chat.store(edit(3, 1, "stale"), ME);
        assert_eq!(chat.lookup.as_ref().unwrap().lines[0].message.text, "best");
        chat.store(edit(4, 1, "newest"), ME);
        assert_eq!(chat.lookup.as_ref().unwrap().lines[0].message.text, "newest");
        assert_eq!(shown(&chat), ["newest"]);
    }

    #[test]
    fn looking_back_and_on_again_finds_every_line_and_stays_bounded() {
        let mut chat = ChatState::new(Chat { latest: 3000, ..Chat::default() });
        chat.has_older = true;
        for n in 2501..=3000 {
            chat.store(message(n, 2, "x"), ME);
        }
        assert_eq!(chat.query(Place::Newer), None);
        let mut before = 2501;
        chat.look(Place::Older, &page(1..=9, false, 3000));
        assert!(chat.lookup.is_none(), "nobody looks");
        chat.look_back();
        while before > 1 {
            assert_eq!(chat.query(Place::Older), Some(format!("before={before}")));
            chat.look(Place::Older, &page(before - 100..=before - 1, before > 101, 3000));
            before -= 100;
        }
        assert_eq!(chat.query(Place::Older), None);
        assert!(looked_up(&chat).into_iter().eq(1..=1000));
        // A line that comes meanwhile is not put where it does not belong.
        chat.store(message(3001, 2, "x"), ME);
        let mut after = 1000;
        while let Some(query) = chat.query(Place::Newer) {
            assert_eq!(query, format!("after={after}"));
            let last = (after + 200).min(3001);
            chat.look(Place::Newer, &page(after + 1..=last, last < 3001, 3001));
            after = last;
        }
        assert!(looked_up(&chat).into_iter().eq(2002..=3001));
        assert_eq!(chat.lines.len(), LINES_AT_HAND);
    }

    #[test]
    fn what_is_read_counts_no_more() {
        let mut chat = ChatState::new(Chat { unread: 2, latest: 7, ..Chat::default() });
        chat.store(message(8, 2, "a"), ME);
        chat.store(message(9, 2, "b"), ME);
        assert_eq!(chat.unread, 4);
        chat.read_until(8, ME);
        assert_eq!(chat.unread, 1);
        chat.signal(Signal::Marks(Marks { account: ME, delivered: 9, read: 9 }), ME);
        assert_eq!((chat.unread, chat.chat.read), (0, 9), "another device has read it");
        chat.signal(Signal::Typing { account: 2, on: true, at: 1_000 }, ME);
        chat.forget_typing(1_000 + 2 * TYPING_AGAIN_MS - 1);
        assert_eq!(chat.typing.len(), 1);
        chat.forget_typing(1_000 + 2 * TYPING_AGAIN_MS);
        assert!(chat.typing.is_empty());
    }
}

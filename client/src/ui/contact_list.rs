//! What stands in the list of contacts from top to bottom: reckoned when something has changed, drawn as far as it is in
//! sight.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use relay::vocabulary::{Chat, ChatId, ChatKind, Contact, Standing};

use super::{Scene, Tongue, names, presence, theme::size};
use crate::engine::{ChatState, State};

/// The height of a section's head.
pub const HEAD: f32 = 30.0;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// The head of a section: which one.
    Head(usize),
    /// Someone, by the account's number; in this section, for one may be in several groups.
    Contact {
        section: usize,
        account: u64,
    },
    Chat(ChatId),
    /// Someone who was asked and has not answered.
    Asked(u64),
}

/// People or chats that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is called.
    pub name: String,
    /// The same with how many there are.
    pub title: String,
    pub open: bool,
}

/// What the rows are reckoned from.
#[derive(Debug)]
struct Made {
    state: Arc<State>,
    wanted: String,
    tongue: Tongue,
    closed: BTreeSet<String>,
}

/// The rows.
#[derive(Debug, Default)]
pub struct ContactList {
    made: Option<Made>,
    entries: Vec<Entry>,
    sections: Vec<Section>,
    /// Where each row begins, and where the last one ends, in points.
    tops: Vec<f32>,
    /// Who of those that are searched for can be reached best.
    first: Option<u64>,
    found: usize,
}

impl ContactList {
    /// Brings the rows up to date. `wanted` is what is searched for, in small letters; of sections that are `closed` only
    /// the head is seen.
    pub fn update(&mut self, scene: &Scene<'_>, wanted: &str, closed: &BTreeSet<String>) {
        let state = &scene.view.state;
        let tongue = scene.words.tongue();
        let same = self.made.as_ref().is_some_and(|made| {
            Arc::ptr_eq(&made.state, state) && made.wanted == wanted && made.tongue == tongue && made.closed == *closed
        });
        if same {
            return;
        }
        (self.entries, self.sections) = (Vec::new(), Vec::new());
        self.fill(scene, wanted, closed);
        let mut y = 0.0;
        self.tops.clear();
        for entry in &self.entries {
            self.tops.push(y);
            y += if matches!(entry, Entry::Head(_)) { HEAD } else { size::CONTACT_ROW };
        }
        self.tops.push(y);
        self.made = Some(Made { state: state.clone(), wanted: wanted.to_owned(), tongue, closed: closed.clone() });
    }

    fn fill(&mut self, scene: &Scene<'_>, wanted: &str, closed: &BTreeSet<String>) {
        let state = &scene.view.state;
        let is_wanted = |text: &str| wanted.is_empty() || text.to_lowercase().contains(wanted);
        let people: Vec<&Contact> = state
            .roster
            .contacts
            .values()
            .filter(|contact| is_wanted(names::of_profile(&contact.who)) || is_wanted(&contact.who.name))
            .collect();
        let chats = |belongs: fn(&Scene<'_>, &Chat) -> bool| -> Vec<&ChatState> {
            let chats = state.chats.values().map(|known| &**known);
            chats
                .filter(|known| belongs(scene, &known.chat) && is_wanted(&names::of_chat(scene, &known.chat)))
                .collect()
        };
        let (groups, strangers) = (chats(is_group), chats(is_stranger));
        self.found = people.len() + groups.len() + strangers.len();
        self.first =
            people.iter().min_by_key(|contact| presence::rank(contact.presence.state)).map(|first| first.who.id);
        let mut sections: BTreeMap<(u8, &str), Vec<&Contact>> = BTreeMap::new();
        for contact in people {
            if contact.groups.is_empty() {
                sections.entry((1, "")).or_default().push(contact);
            }
            for group in &contact.groups {
                sections.entry((0, group)).or_default().push(contact);
            }
        }
        let only = sections.len() == 1 && sections.contains_key(&(1, "")) && groups.is_empty();
        if !groups.is_empty() {
            let name = scene.say("contacts-chats");
            let title = format!("{name}  {}", groups.len());
            self.section(name, title, closed, |_| groups.iter().map(|known| Entry::Chat(known.chat.id)).collect());
        }
        for ((rank, group), mut members) in sections {
            let name = match (rank, only) {
                (0, _) => group.to_owned(),
                (_, true) => scene.say("contacts-all"),
                (_, false) => scene.say("contacts-others"),
            };
            let there = members.iter().filter(|contact| presence::rank(contact.presence.state) < 4).count();
            let title = format!("{name}  {there}/{}", members.len());
            self.section(name, title, closed, |section| {
                members.sort_by_cached_key(|contact| {
                    (presence::rank(contact.presence.state), names::of_profile(&contact.who).to_lowercase())
                });
                members.iter().map(|contact| Entry::Contact { section, account: contact.who.id }).collect()
            });
        }
        if !strangers.is_empty() {
            let name = scene.say("contacts-strangers");
            self.section(name.clone(), name, closed, |_| {
                strangers.iter().map(|known| Entry::Chat(known.chat.id)).collect()
            });
        }
        if wanted.is_empty() && !state.roster.outgoing.is_empty() {
            let name = scene.say("contacts-asked");
            self.section(name.clone(), name, closed, |_| {
                state.roster.outgoing.keys().copied().map(Entry::Asked).collect()
            });
        }
    }

    fn section(
        &mut self,
        name: String,
        title: String,
        closed: &BTreeSet<String>,
        rows: impl FnOnce(usize) -> Vec<Entry>,
    ) {
        let (section, open) = (self.sections.len(), !closed.contains(&name));
        self.entries.push(Entry::Head(section));
        self.sections.push(Section { name, title, open });
        if open {
            self.entries.extend(rows(section));
        }
    }

    /// How many people and chats there are, those in closed sections included.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Who is met when the search is finished with Enter.
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    /// The height of all rows, in points.
    pub fn height(&self) -> f32 {
        self.tops.last().copied().unwrap_or_default()
    }

    /// The rows between two heights, and one more at each end, to which the keyboard can go.
    pub fn between(&self, from: f32, to: f32) -> Range<usize> {
        let first = self.tops.partition_point(|top| *top <= from).saturating_sub(2);
        let last = (self.tops.partition_point(|top| *top < to) + 1).min(self.entries.len());
        first.min(last)..last
    }

    /// A row, and where it begins.
    pub fn row(&self, index: usize) -> Option<(Entry, f32)> {
        self.entries.get(index).copied().zip(self.tops.get(index).copied())
    }

    pub fn at(&self, section: usize) -> Option<&Section> {
        self.sections.get(section)
    }
}

fn is_group(_: &Scene<'_>, chat: &Chat) -> bool {
    chat.kind == ChatKind::Group && chat.standing == Standing::Joined
}

/// A direct chat with someone who is no contact.
fn is_stranger(scene: &Scene<'_>, chat: &Chat) -> bool {
    chat.kind == ChatKind::Direct
        && chat.standing == Standing::Joined
        && chat.latest > 0
        && names::other(chat, scene.me()).is_some_and(|(id, _)| !scene.view.state.roster.contacts.contains_key(&id))
}

//! The rows of a chat's history from top to bottom and the place of each. Rows are reckoned when the chat has changed,
//! and measured exactly only near what is in sight: drawing costs the same however many lines there are.

use std::{collections::HashMap, ops::Range, sync::Arc};

use relay::vocabulary::Message;

use super::{Scene, theme::letter};
use crate::engine::{ChatState, Shown};

/// Lines by one person within this time stand together.
const TOGETHER_MS: u64 = 5 * 60_000;

/// Heights of lines that were in sight once and are not among the rows now, at most.
const HEIGHTS_KEPT: usize = 4_000;

pub const DAY: f32 = 36.0;
pub const NEW: f32 = 30.0;
pub const NOTICE: f32 = 30.0;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The day of the lines below it: a time within it, in Unix milliseconds.
    Day(u64),
    /// From here on nothing was read.
    New,
    /// A notice: which of the lines that are shown.
    Notice(usize),
    /// A line: which of those that are shown, and whether it is the first and the last of several by one person.
    Line { index: usize, first: bool, last: bool },
    /// A line on its way: which of them.
    Pending { index: usize, first: bool, last: bool },
}

#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The same for the same thing, whatever comes and goes around it.
    pub key: u64,
    pub kind: Kind,
    height: f32,
    /// Whether the height was measured, or only estimated.
    exact: bool,
}

impl Row {
    /// The key of a line.
    pub fn of_line(sequence: u64) -> u64 {
        sequence << 2
    }

    /// Whether other lines do not make it come or go.
    pub fn is_line(&self) -> bool {
        self.key & 3 == 0
    }
}

/// What rows are reckoned for: if all of it is the same, so are the rows.
#[derive(Debug, Clone)]
struct Made {
    chat: Arc<ChatState>,
    me: u64,
    /// All that changes the height of a line besides itself.
    look: u64,
    zone: jiff::tz::TimeZone,
}

/// The rows of one chat.
#[derive(Debug, Default)]
pub struct Timeline {
    made: Option<Made>,
    rows: Vec<Row>,
    /// Where each row begins, and where the last one ends, in points. Not `f32`: that has no halves of a point beyond a
    /// hundred thousand lines.
    tops: Vec<f64>,
    /// Measured heights of lines that are not among the rows now, with the lines that they were measured for.
    heights: HashMap<u64, (Arc<Message>, f32)>,
}

impl Timeline {
    /// Brings the rows up to date; `look` stands for all that changes heights besides the lines, such as the width. Says
    /// whether they are others than before.
    pub fn update(&mut self, scene: &Scene<'_>, chat: &Arc<ChatState>, look: u64) -> bool {
        let me = scene.me();
        let same = self.made.as_ref().is_some_and(|made| {
            Arc::ptr_eq(&made.chat, chat) && made.me == me && made.look == look && made.zone == *scene.now.zone
        });
        if same {
            return false;
        }
        let before = self.made.replace(Made { chat: chat.clone(), me, look, zone: scene.now.zone.clone() });
        let old = std::mem::take(&mut self.rows);
        self.rows = rows(scene, chat, me, old.len() + 16);
        match before {
            Some(before) if before.look == look => self.keep_heights(&before.chat, &old, chat),
            _ => self.heights.clear(),
        }
        self.estimate(chat);
        self.place(0);
        true
    }

    /// Takes over the heights of lines that are the same as before.
    fn keep_heights(&mut self, before: &ChatState, old: &[Row], chat: &ChatState) {
        let (shown, shown_before) = (chat.shown(), before.shown());
        let mut old = old.iter().filter(|row| matches!(row.kind, Kind::Line { .. })).peekable();
        for row in &mut self.rows {
            let Kind::Line { index, first, last } = row.kind else { continue };
            while let Some(gone) = old.next_if(|old| old.key < row.key) {
                remember(&mut self.heights, shown_before, gone);
            }
            let Some(message) = shown.get(index) else { continue };
            if let Some(known) = old.next_if(|old| old.key == row.key) {
                let Kind::Line { index, first: was_first, last: was_last } = known.kind else { continue };
                let same = shown_before.get(index).is_some_and(|was| Arc::ptr_eq(was, message));
                if same && (first, last) == (was_first, was_last) {
                    (row.height, row.exact) = (known.height, known.exact);
                }
            } else if let Some((of, height)) = self.heights.get(&(row.key | edges(first, last)))
                && Arc::ptr_eq(of, message)
            {
                (row.height, row.exact) = (*height, true);
            }
        }
        for gone in old {
            remember(&mut self.heights, shown_before, gone);
        }
        if self.heights.len() > HEIGHTS_KEPT {
            self.heights.clear();
        }
    }

    /// Guesses the heights that are not known, from the lengths of texts.
    fn estimate(&mut self, chat: &ChatState) {
        let shown = chat.shown();
        for row in self.rows.iter_mut().filter(|row| !row.exact && row.height == 0.0) {
            let (length, breaks, more) = match row.kind {
                Kind::Line { index, .. } => shown.get(index).map_or((0, 0, 0.0), |message| {
                    let reply = if message.reply_to.is_some() { 32.0 } else { 0.0 };
                    let files = message.files.len() as f32 * 44.0;
                    let reactions = if message.reactions.is_empty() { 0.0 } else { 26.0 };
                    (message.text.len(), breaks(&message.text), reply + files + reactions)
                }),
                Kind::Pending { index, .. } => chat
                    .pending_line(index)
                    .map_or((0, 0, 0.0), |message| (message.text.len(), breaks(&message.text), 0.0)),
                _ => continue,
            };
            // About forty bytes stand in a row of a narrow window.
            let lines = (length / 40 + breaks + 1) as f32;
            row.height = lines * letter::BODY * 1.45 + 24.0 + more;
        }
    }

    /// Gives each row from this one on its place.
    fn place(&mut self, from: usize) {
        let mut y = if from == 0 { 0.0 } else { self.tops[from] };
        self.tops.truncate(from);
        self.tops.reserve(self.rows.len() + 1 - from);
        for row in &self.rows[from..] {
            self.tops.push(y);
            y += f64::from(row.height);
        }
        self.tops.push(y);
    }

    /// Measures what is not measured yet between two places. Says whether anything came to stand elsewhere.
    pub fn measure(&mut self, from: f64, to: f64, mut height: impl FnMut(&Row) -> f32) -> bool {
        let first = self.at(from);
        let (mut y, mut changed) = (self.top(first), None);
        for index in first..self.rows.len() {
            if y > to {
                break;
            }
            if !self.rows[index].exact {
                let exact = height(&self.rows[index]);
                if (exact - self.rows[index].height).abs() > f32::EPSILON {
                    changed.get_or_insert(index);
                }
                (self.rows[index].height, self.rows[index].exact) = (exact, true);
            }
            y += f64::from(self.rows[index].height);
        }
        if let Some(index) = changed {
            self.place(index);
        }
        changed.is_some()
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where a row begins.
    pub fn top(&self, index: usize) -> f64 {
        self.tops.get(index).copied().unwrap_or_default()
    }

    /// The height of all rows.
    pub fn height(&self) -> f64 {
        self.tops.last().copied().unwrap_or_default()
    }

    /// The row at a place.
    pub fn at(&self, y: f64) -> usize {
        self.tops.partition_point(|top| *top <= y).saturating_sub(1).min(self.rows.len().saturating_sub(1))
    }

    /// The row with this key.
    pub fn find(&self, key: u64) -> Option<usize> {
        // Lines stand in the order of their keys; what stands between them has none of its own that can be told.
        let near = self.rows.partition_point(|row| order(row) < key);
        (near..self.rows.len().min(near + 3)).find(|index| self.rows[*index].key == key)
    }
}

fn breaks(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Where a row stands among lines: what is on its way stands last.
fn order(row: &Row) -> u64 {
    match row.kind {
        Kind::Pending { .. } => u64::MAX,
        _ => row.key,
    }
}

/// Whether a line is the first and the last of several is part of what its height was measured for.
fn edges(first: bool, last: bool) -> u64 {
    u64::from(first) | u64::from(last) << 1
}

fn remember(heights: &mut HashMap<u64, (Arc<Message>, f32)>, shown: Shown<'_>, row: &Row) {
    if let Kind::Line { index, first, last } = row.kind
        && row.exact
        && let Some(message) = shown.get(index)
    {
        heights.insert(row.key | edges(first, last), (message.clone(), row.height));
    }
}

/// What stands in the history, in order.
fn rows(scene: &Scene<'_>, chat: &ChatState, me: u64, about: usize) -> Vec<Row> {
    let fixed = |key, kind, height| Row { key, kind, height, exact: true };
    let shown = chat.shown();
    let mut rows = Vec::with_capacity(about);
    let mut said_new = chat.unread == 0;
    let mut day: Range<u64> = 0..0;
    let mut before: Option<&Message> = None;
    let mut next = shown.get(0);
    let mut index = 0;
    while let Some(message) = next {
        next = shown.get(index + 1);
        let key = Row::of_line(message.sequence);
        let same_day = day.contains(&message.at);
        if before.is_none() || !same_day {
            day = scene.now.bounds_of_day(message.at);
            rows.push(fixed(key | 1, Kind::Day(message.at), DAY));
        }
        if !said_new && message.from.id != me && message.sequence > chat.chat.read && message.notice.is_none() {
            said_new = true;
            rows.push(fixed(key | 2, Kind::New, NEW));
        }
        if message.notice.is_some() {
            rows.push(fixed(key, Kind::Notice(index), NOTICE));
        } else {
            let first = before.is_none_or(|before| !same_day || !is_together(before, message));
            let last = next.is_none_or(|next| !day.contains(&next.at) || !is_together(message, next));
            rows.push(Row { key, kind: Kind::Line { index, first, last }, height: 0.0, exact: false });
        }
        before = Some(message);
        index += 1;
    }
    if chat.lookup.is_none() {
        let count = chat.pending().count();
        for (index, (key, _)) in chat.pending().enumerate() {
            let kind = Kind::Pending { index, first: index == 0, last: index + 1 == count };
            rows.push(Row { key: hash(key) | 3, kind, height: 0.0, exact: false });
        }
    }
    rows
}

fn is_together(a: &Message, b: &Message) -> bool {
    a.from.id == b.from.id && a.notice.is_none() && b.notice.is_none() && b.at.saturating_sub(a.at) < TOGETHER_MS
}

fn hash(key: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use relay::vocabulary::{Account, Change, Chat, History};

    use super::*;
    use crate::{
        app::{Stills, View},
        engine::Place,
        home::Preferences,
        ui::{Moment, Notices, Tongue, Words},
    };

    const DAY_MS: u64 = 86_400_000;

    fn with_scene(test: impl FnOnce(&Scene<'_>)) {
        let (view, words, notices) = (View::default(), Words::new(Tongue::English), Notices::default());
        let (preferences, stills, saved) = (Preferences::default(), Stills::default(), HashMap::new());
        test(&Scene {
            view: &view,
            words: &words,
            preferences: &preferences,
            now: Moment { at: 10 * DAY_MS, zone: &TimeZone::UTC },
            muted: false,
            level: 0.0,
            checked: None,
            voice: &crate::app::VoiceNow::default(),
            hidden: false,
            popped_out: false,
            tray: false,
            has_japanese: true,
            notices: &notices,
            stills: &stills,
            saved: &saved,
            focused: true,
        });
    }

    fn line(sequence: u64, from: u64, at: u64) -> Message {
        Message::line(sequence, Account { id: from, name: "a".into() }, "text", at, "")
    }

    fn chat(lines: impl IntoIterator<Item = Message>) -> Arc<ChatState> {
        let mut chat = ChatState::new(Chat::default());
        for line in lines {
            chat.store(line, 1);
        }
        chat.unread = 0;
        Arc::new(chat)
    }

    #[test]
    fn days_and_people_part_the_lines() {
        with_scene(|scene| {
            let minute = 60_000;
            let lines = [line(1, 2, 0), line(2, 2, minute), line(3, 3, 2 * minute), line(4, 3, DAY_MS)];
            let mut timeline = Timeline::default();
            assert!(timeline.update(scene, &chat(lines), 1));
            let kinds: Vec<Kind> = timeline.rows().iter().map(|row| row.kind).collect();
            let line = |index, first, last| Kind::Line { index, first, last };
            assert_eq!(
                kinds,
                [
                    Kind::Day(0),
                    line(0, true, false),
                    line(1, false, true),
                    line(2, true, true),
                    Kind::Day(DAY_MS),
                    line(3, true, true)
                ]
            );
        });
    }

    #[test]
    fn only_what_is_looked_at_is_measured_and_only_what_changed_again() {
        with_scene(|scene| {
            let mut chat = chat((1..=400).map(|n| line(n, n % 2, n)));
            let mut timeline = Timeline::default();
            timeline.update(scene, &chat, 1);
            let mut measured = 0;
            let mut measure = |timeline: &mut Timeline, from: f64| {
                measured = 0;
                timeline.measure(from, from + 1_000.0, |_| {
                    measured += 1;
                    50.0
                });
                measured
            };
            assert!((1..=21).contains(&measure(&mut timeline, 0.0)));
            assert_eq!(measure(&mut timeline, 0.0), 0);
            assert!(!timeline.update(scene, &chat, 1), "nothing has changed");
            let place = timeline.find(Row::of_line(300)).unwrap();
            assert_eq!(timeline.rows()[place].kind, Kind::Line { index: 299, first: true, last: true });
            let mut edit = line(401, 1, 401);
            edit.change = Some(Change::Edit { of: 3, text: "longer".into() });
            Arc::make_mut(&mut chat).store(edit, 1);
            assert!(timeline.update(scene, &chat, 1));
            assert_eq!(measure(&mut timeline, 0.0), 1, "one line has another text");
            timeline.update(scene, &chat, 2);
            assert!(measure(&mut timeline, 0.0) > 10, "the window has another width");
        });
    }

    #[test]
    fn what_was_measured_is_known_when_it_comes_back() {
        with_scene(|scene| {
            let mut known = chat((1..=40).map(|n| line(n, n % 2, n)));
            let mut timeline = Timeline::default();
            timeline.update(scene, &known, 1);
            timeline.measure(0.0, 1e9, |_| 50.0);
            let newest = known.clone();
            let page = History { messages: vec![line(500, 1, 500)], more: false, latest: 500 };
            Arc::make_mut(&mut known).look(Place::Around(500), &page);
            timeline.update(scene, &known, 1);
            assert_eq!(timeline.rows().len(), 2);
            timeline.update(scene, &newest, 1);
            timeline.measure(0.0, 1e9, |row| panic!("{row:?} was measured before"));
        });
    }
}

//! The lines of a chat, newest below: only those in sight are laid out, however many there are.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use egui::{Align2, Pos2, Rect, ScrollArea, Ui, Vec2};
use relay::vocabulary::{Attachment, Change, ChatKind, Message, Notice};

use super::{
    Out, Scene, Value,
    bubble::{Bubble, Content, Deed, Mark},
    controls, dates, icons, line_menu, names,
    theme::{Palette, letter, radius, regular, semibold, space},
};
use crate::engine::{ChatState, Command, InChat, Line, Place};

/// Lines by one person within this time stand together.
const TOGETHER_MS: u64 = 5 * 60_000;

/// How near to the upper end older lines are asked for, in points.
const AHEAD: f32 = 600.0;

/// What a person wants to do with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    Reply(u64),
    Edit(u64, String),
    /// A picture is to be seen large.
    View(Attachment),
    /// Another line is to be seen.
    Jump(u64),
}

impl With {
    /// The line that the next one is about.
    pub fn about(&self) -> Option<u64> {
        match self {
            Self::Reply(of) | Self::Edit(of, _) => Some(*of),
            Self::View(_) | Self::Jump(_) => None,
        }
    }
}

/// What is remembered between two drawings.
#[derive(Debug, Default)]
pub struct History {
    /// Heights by line, each with what it was measured for.
    heights: HashMap<u64, (u64, f32)>,
    /// The uppermost line that was in sight, and where it was.
    top: Option<(u64, f32)>,
    offset: f32,
    at_end: bool,
    begun: bool,
    asked: Option<(bool, u64)>,
    /// A line that is to be brought in sight, and was asked for if it is not at hand.
    goal: Option<(u64, bool)>,
    /// A line that was brought in sight, and when, in seconds of the window's clock.
    found: Option<(u64, f64)>,
}

/// How long a line that was jumped to stands out, in seconds.
const STANDS_OUT: f64 = 2.0;

/// Something between the head and the composer.
enum Item<'a> {
    Day(u64),
    New,
    Notice(&'a Message),
    Bubble(Box<Content<'a>>),
}

struct Placed<'a> {
    key: u64,
    stamp: u64,
    item: Item<'a>,
}

impl History {
    /// Whether the newest line is in sight.
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Brings a line in sight, which is looked up if it is not at hand.
    pub fn jump(&mut self, sequence: u64) {
        self.goal = Some((sequence, false));
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) -> Option<With> {
        let room = ui.available_rect_before_wrap();
        let inner = room.width() - 2.0 * space::WIDE;
        let items = items(scene, chat);
        let mut tops = Vec::with_capacity(items.len() + 1);
        let mut y = space::NORMAL;
        for placed in &items {
            tops.push(y);
            y += self.height(ui, scene, placed, inner);
        }
        tops.push(y);
        // Few lines stand at the lower end, where the next one will be.
        let lift = (room.height() - y - space::SMALL).max(0.0);
        let total = y + lift + space::SMALL;
        let mut area =
            ScrollArea::vertical().auto_shrink(false).stick_to_bottom(chat.lookup.is_none()).id_salt(chat.chat.id);
        if let Some(index) = self.reach(chat, &items, out) {
            self.begun = true;
            self.at_end = false;
            self.found = Some((items[index].key, ui.input(|input| input.time)));
            let above = (room.height() - (tops[index + 1] - tops[index])).max(0.0) / 3.0;
            area = area.stick_to_bottom(false).vertical_scroll_offset((tops[index] + lift - above).max(0.0));
        } else if !self.begun {
            self.begun = true;
            self.at_end = true;
            area = area.vertical_scroll_offset(total);
        } else if let Some((key, was)) = self.top.filter(|_| !self.at_end)
            && let Some(index) = items.iter().position(|placed| placed.key == key)
            && (tops[index] - was).abs() > 0.5
        {
            // Lines came in above: what is read stays where it is.
            area = area.vertical_scroll_offset(self.offset + tops[index] - was);
        }
        let mut with = None;
        let shown = area.show_viewport(ui, |ui, seen| {
            ui.set_height(total);
            let origin = ui.min_rect().min + Vec2::new(0.0, lift);
            let first = tops.partition_point(|top| *top < seen.min.y - lift).saturating_sub(1);
            // Days come and go with the lines around them: only lines are held on to.
            let held = items.iter().zip(&tops).skip(first).find(|(placed, _)| placed.key & 3 == 0);
            self.top = held.map(|(placed, top)| (placed.key, *top));
            for (index, placed) in items.iter().enumerate().skip(first) {
                if tops[index] > seen.max.y {
                    break;
                }
                let at = Pos2::new(origin.x + space::WIDE, origin.y + tops[index]);
                let place = Rect::from_min_size(at, Vec2::new(inner, tops[index + 1] - tops[index]));
                self.stand_out(ui, placed.key, place);
                if let Some(wanted) = draw(ui, scene, chat, placed, place, out) {
                    with = Some(wanted);
                }
            }
        });
        self.offset = shown.state.offset.y;
        let end = (total - shown.inner_rect.height()).max(0.0);
        self.at_end = self.offset >= end - 4.0;
        self.look(chat, end, out);
        if (!self.at_end || chat.lookup.as_ref().is_some_and(|lookup| lookup.has_newer)) && end > 0.0 {
            self.down(ui, scene, chat, room, out);
        }
        with
    }

    /// Where the line is that is to be brought in sight; asks for it if it is not at hand.
    fn reach(&mut self, chat: &ChatState, items: &[Placed<'_>], out: &mut Out) -> Option<usize> {
        let (sequence, asked) = self.goal?;
        let index = items.iter().position(|placed| placed.key == sequence << 2);
        if index.is_some() {
            self.goal = None;
        } else if !asked {
            self.goal = Some((sequence, true));
            out.give(Command::InChat { chat: chat.chat.id, act: InChat::Look(Place::Around(sequence)) });
        } else if chat.lookup.as_ref().is_some_and(|lookup| lookup.spans(sequence)) {
            // It is not there any more, or is nothing that is shown.
            self.goal = None;
        }
        index
    }

    /// Shows for a moment which line was jumped to.
    fn stand_out(&self, ui: &Ui, key: u64, place: Rect) {
        let Some((_, since)) = self.found.filter(|(found, _)| *found == key) else { return };
        let left = STANDS_OUT - (ui.input(|input| input.time) - since);
        if left > 0.0 {
            let colour = Palette::of(ui).accent_text.gamma_multiply(0.14);
            ui.painter().rect_filled(place.expand2(Vec2::new(space::SMALL, 1.0)), f32::from(radius::NORMAL), colour);
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(left));
        }
    }

    /// Asks for lines that are soon in sight.
    fn look(&mut self, chat: &ChatState, end: f32, out: &mut Out) {
        let older = chat.lookup.as_ref().map_or(chat.has_older, |lookup| lookup.has_older);
        let (first, last) = ends(chat);
        if older && self.offset < AHEAD && self.asked != Some((false, first)) {
            self.asked = Some((false, first));
            out.give(Command::InChat { chat: chat.chat.id, act: InChat::Look(Place::Older) });
        } else if let Some(lookup) = &chat.lookup
            && self.offset > end - AHEAD
        {
            if lookup.has_newer && self.asked != Some((true, last)) {
                self.asked = Some((true, last));
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::Look(Place::Newer) });
            } else if !lookup.has_newer && self.at_end {
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::ShowNewest });
            }
        }
    }

    /// The way down to the newest line.
    fn down(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, room: Rect, out: &mut Out) {
        let palette = Palette::of(ui);
        let centre = room.right_bottom() - Vec2::new(34.0, 30.0);
        let area = Rect::from_center_size(centre, Vec2::splat(36.0));
        let response = ui.interact(area, ui.id().with(chat.chat.id), egui::Sense::click());
        let fill = if response.hovered() { palette.chosen } else { palette.surface };
        ui.painter().circle(centre, 17.0, fill, egui::Stroke::new(1.0, palette.line));
        ui.painter().text(centre, Align2::CENTER_CENTER, icons::ARROW_DOWN, regular(letter::ICON), palette.text);
        if controls::named(ui, response, &scene.say("chat-to-newest")).clicked() {
            if chat.lookup.is_some() {
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::ShowNewest });
            }
            self.begun = false;
        }
    }

    fn height(&mut self, ui: &Ui, scene: &Scene<'_>, placed: &Placed<'_>, width: f32) -> f32 {
        let mut stamp = DefaultHasher::new();
        (placed.stamp, width.to_bits(), scene.words.tongue() as u8).hash(&mut stamp);
        let stamp = stamp.finish();
        if let Some((known, height)) = self.heights.get(&placed.key)
            && *known == stamp
        {
            return *height;
        }
        let height = match &placed.item {
            Item::Day(_) => 36.0,
            Item::New => 30.0,
            Item::Notice(_) => 30.0,
            Item::Bubble(content) => Bubble::lay_out(ui, scene, content, width).height,
        };
        // Lines that are gone are forgotten now and then.
        if self.heights.len() > 4_000 {
            self.heights.clear();
        }
        self.heights.insert(placed.key, (stamp, height));
        height
    }
}

fn ends(chat: &ChatState) -> (u64, u64) {
    let sequence = |line: Option<&Line>| match line {
        Some(Line::Stored(stored)) => stored.message.sequence,
        _ => 0,
    };
    match &chat.lookup {
        Some(lookup) => (
            lookup.lines.first().map_or(0, |stored| stored.message.sequence),
            lookup.lines.last().map_or(0, |stored| stored.message.sequence),
        ),
        None => (sequence(chat.lines.first()), sequence(chat.lines.last())),
    }
}

/// What stands in the history, in order.
fn items<'a>(scene: &Scene<'_>, chat: &'a ChatState) -> Vec<Placed<'a>> {
    let stored: Vec<&'a Message> = match &chat.lookup {
        Some(lookup) => lookup.lines.iter().map(|stored| &*stored.message).collect(),
        None => chat.lines.iter().filter_map(stored).collect(),
    };
    let many = chat.chat.kind != ChatKind::Direct;
    let me = scene.me();
    let mut items = Vec::with_capacity(stored.len() + 16);
    let mut said_new = chat.unread == 0;
    for (index, message) in stored.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| stored[before]);
        let after = stored.get(index + 1).copied();
        let apart = |a: &Message, b: &Message| !scene.now.is_same_day(a.at, b.at);
        if before.is_none_or(|before| apart(before, message)) {
            let stamp =
                if scene.now.at.saturating_sub(message.at) < 3 * 86_400_000 { scene.now.at / 3_600_000 } else { 0 };
            items.push(Placed { key: message.sequence << 2 | 1, stamp, item: Item::Day(message.at) });
        }
        if !said_new && message.from.id != me && message.sequence > chat.chat.read && message.notice.is_none() {
            said_new = true;
            items.push(Placed { key: 2, stamp: 0, item: Item::New });
        }
        if message.notice.is_some() {
            items.push(Placed { key: message.sequence << 2, stamp: 0, item: Item::Notice(message) });
            continue;
        }
        let together = |a: &Message, b: &Message| {
            a.from.id == b.from.id
                && a.notice.is_none()
                && b.notice.is_none()
                && b.at.saturating_sub(a.at) < TOGETHER_MS
                && !apart(a, b)
        };
        let own = message.from.id == me;
        let answers = message.reply_to.map(|to| quoted(scene, &stored, to));
        let content = Content {
            message: Some(message),
            text: &message.text,
            own,
            many,
            first: before.is_none_or(|before| !together(before, message)),
            last: after.is_none_or(|after| !together(message, after)),
            answers,
            files: &message.files,
            at: Some(message.at),
            mark: if own { mark(chat, me, message.sequence) } else { Mark::None },
        };
        let mut stamp = DefaultHasher::new();
        (&message.text, message.edited_at, message.erased.is_some(), content.first, content.last).hash(&mut stamp);
        (content.mark, message.reactions.iter().map(|r| (&r.emoji, r.by.len())).collect::<Vec<_>>()).hash(&mut stamp);
        content.answers.hash(&mut stamp);
        items.push(Placed { key: message.sequence << 2, stamp: stamp.finish(), item: Item::Bubble(Box::new(content)) });
    }
    if chat.lookup.is_none() {
        pending(scene, chat, &stored, many, &mut items);
    }
    items
}

fn stored(line: &Line) -> Option<&Message> {
    match line {
        Line::Stored(stored) => Some(&stored.message),
        Line::Pending { .. } => None,
    }
}

/// Lines that are on their way to the server.
fn pending<'a>(
    scene: &Scene<'_>,
    chat: &'a ChatState,
    stored: &[&'a Message],
    many: bool,
    items: &mut Vec<Placed<'a>>,
) {
    let waiting: Vec<_> = chat
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Pending { key, message } => Some((key, message)),
            Line::Stored(_) => None,
        })
        .collect();
    for (index, (key, message)) in waiting.iter().enumerate() {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let content = Content {
            message: None,
            text: &message.text,
            own: true,
            many,
            first: index == 0,
            last: index + 1 == waiting.len(),
            answers: message.reply_to.map(|to| quoted(scene, stored, to)),
            files: &[],
            at: None,
            mark: Mark::Pending,
        };
        let stamp = u64::from(content.last);
        items.push(Placed { key: hasher.finish() | 3, stamp, item: Item::Bubble(Box::new(content)) });
    }
}

fn quoted(scene: &Scene<'_>, stored: &[&Message], to: u64) -> (String, String) {
    match stored.binary_search_by_key(&to, |message| message.sequence) {
        Ok(index) => {
            let message = stored[index];
            let who = names::of_member(&scene.view.state, message.from.id, &message.from.name).to_owned();
            let what = if message.erased.is_some() { scene.say("chat-erased") } else { message.text.clone() };
            (who, what)
        }
        Err(_) => (scene.say("chat-earlier-line"), String::new()),
    }
}

/// How far an own line has come with all others.
fn mark(chat: &ChatState, me: u64, sequence: u64) -> Mark {
    let mut others = chat.marks.values().filter(|marks| marks.account != me).peekable();
    if others.peek().is_none() {
        return Mark::Sent;
    }
    let (read, delivered) = others
        .fold((u64::MAX, u64::MAX), |(read, delivered), marks| (read.min(marks.read), delivered.min(marks.delivered)));
    match (read >= sequence, delivered >= sequence) {
        (true, _) => Mark::Read,
        (_, true) => Mark::Delivered,
        _ => Mark::Sent,
    }
}

fn draw(
    ui: &mut Ui,
    scene: &Scene<'_>,
    chat: &ChatState,
    placed: &Placed<'_>,
    place: Rect,
    out: &mut Out,
) -> Option<With> {
    let palette = Palette::of(ui);
    match &placed.item {
        Item::Day(at) => {
            let text = scene.now.day(scene.words, *at);
            let text = ui.painter().layout_no_wrap(text, semibold(letter::TINY), palette.soft);
            let area = Rect::from_center_size(place.center(), text.size() + Vec2::new(20.0, 8.0));
            ui.painter().rect_filled(area, 255.0, palette.hover);
            ui.painter().galley(area.center() - text.size() / 2.0, text, palette.soft);
            None
        }
        Item::New => {
            let text = ui.painter().layout_no_wrap(scene.say("chat-new"), semibold(letter::TINY), palette.accent_text);
            let middle = place.center();
            let half = text.size().x / 2.0 + 10.0;
            let stroke = egui::Stroke::new(1.0, palette.accent_text.gamma_multiply(0.4));
            ui.painter().hline(place.left()..=middle.x - half, middle.y, stroke);
            ui.painter().hline(middle.x + half..=place.right(), middle.y, stroke);
            ui.painter().galley(middle - text.size() / 2.0, text, palette.accent_text);
            None
        }
        Item::Notice(message) => {
            let text = format!("{}   {}", notice(scene, message), scene.now.clock(message.at));
            let text = controls::cut(ui, &text, regular(letter::SMALL), palette.soft, place.width());
            ui.painter().galley(place.center() - text.size() / 2.0, text, palette.soft);
            None
        }
        Item::Bubble(content) => {
            let id = ui.id().with(placed.key);
            let bubble = Bubble::lay_out(ui, scene, content, place.width());
            let (response, deed) = bubble.draw(ui, scene, content, place, id, out);
            let said = content.text.to_owned();
            response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &said));
            let message = content.message?;
            let change = |change| Command::InChat { chat: chat.chat.id, act: InChat::Change(change) };
            let mut with = None;
            match deed {
                Some(Deed::React(emoji, on)) => out.give(change(Change::React { of: message.sequence, emoji, on })),
                Some(Deed::Open(address)) => ui.ctx().open_url(egui::OpenUrl::new_tab(address)),
                Some(Deed::View(file)) => with = Some(With::View(file)),
                Some(Deed::Jump(to)) => with = Some(With::Jump(to)),
                None => {}
            }
            if message.erased.is_none() {
                response.context_menu(|ui| with = line_menu::show(ui, scene, chat, message, change, out));
                if response.double_clicked() {
                    with = Some(With::Reply(message.sequence));
                }
            }
            with
        }
    }
}

/// What a notice says.
fn notice(scene: &Scene<'_>, message: &Message) -> String {
    let state = &scene.view.state;
    let who = names::of_member(state, message.from.id, &message.from.name);
    let with =
        |name: &str, what: &str| scene.words.with(name, &[("who", Value::Text(who)), ("what", Value::Text(what))]);
    let name_of = |member: &relay::vocabulary::Member| names::of_member(state, member.id, &member.name).to_owned();
    match &message.notice {
        Some(Notice::MissedCall { .. }) => with("notice-missed-call", ""),
        Some(Notice::CallEnded { duration_ms, .. }) => with("notice-call-ended", &dates::length(*duration_ms)),
        Some(Notice::Opened) => with("notice-opened", ""),
        Some(Notice::Invited { who }) => {
            with("notice-invited", &who.iter().map(name_of).collect::<Vec<_>>().join(", "))
        }
        Some(Notice::Joined) => with("notice-joined", ""),
        Some(Notice::Left) => with("notice-left", ""),
        Some(Notice::Removed { who }) => with("notice-removed", &name_of(who)),
        Some(Notice::Role { who, .. }) => with("notice-role", &name_of(who)),
        Some(Notice::Named { name }) => with("notice-named", name),
        Some(Notice::Picture { .. }) => with("notice-picture", ""),
        Some(Notice::Retention { .. }) => with("notice-retention", ""),
        Some(Notice::Unknown) | None => scene.say("notice-unknown"),
    }
}

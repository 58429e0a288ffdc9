//! The lines of a chat, newest below, as they are scrolled and drawn: only those in sight, however many there are.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use egui::{Align2, Pos2, Rect, ScrollArea, Ui, Vec2};
use relay::vocabulary::{Attachment, Change, ChatKind, Message, Notice};

use super::{
    Out, Scene, Value,
    bubble::{Bubble, Content, Deed, Mark},
    controls, dates, icons, line_menu, names,
    theme::{Palette, letter, radius, regular, semibold, space},
    timeline::{Kind, Row, Timeline},
};
use crate::engine::{ChatState, Command, InChat, Place};

/// How near to the upper end older lines are asked for, in points.
const AHEAD: f64 = 600.0;

/// How far beyond what is seen lines are measured, in points, so that nothing jumps while it is scrolled.
const MEASURED_AHEAD: f64 = 400.0;

/// What a person wants to do with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    Reply(u64),
    Edit(u64, String),
    /// It gets a reaction that is to be chosen.
    React(u64),
    /// A picture is to be seen large.
    View(Attachment),
    /// Another line is to be seen.
    Jump(u64),
}

impl With {
    /// The line that the next one is about.
    pub fn about(&self) -> Option<u64> {
        match self {
            Self::Reply(of) | Self::Edit(of, _) | Self::React(of) => Some(*of),
            Self::View(_) | Self::Jump(_) => None,
        }
    }
}

/// What is remembered between two drawings.
#[derive(Debug, Default)]
pub struct History {
    timeline: Timeline,
    /// A line that was in sight, and where it was among the rows.
    held: Option<(u64, f64)>,
    offset: f64,
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

impl History {
    /// Whether the newest line is in sight.
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Brings a line in sight, which is looked up if it is not at hand.
    pub fn jump(&mut self, sequence: u64) {
        self.goal = Some((sequence, false));
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &Arc<ChatState>, out: &mut Out) -> Option<With> {
        let room = ui.available_rect_before_wrap();
        let inner = room.width() - 2.0 * space::WIDE;
        self.timeline.update(scene, chat, look(ui, scene, inner));
        let wanted = self.place(ui, scene, chat, room.height(), inner, out);
        let height = room.height();
        let (lift, total) = extent(&self.timeline, height);
        let mut area =
            ScrollArea::vertical().auto_shrink(false).stick_to_bottom(chat.lookup.is_none()).id_salt(chat.chat.id);
        if let Some(wanted) = wanted {
            area = area.stick_to_bottom(self.at_end && chat.lookup.is_none()).vertical_scroll_offset(wanted as f32);
        }
        let mut with = None;
        let shown = area.show_viewport(ui, |ui, seen| {
            ui.set_height(total as f32);
            let (above, below) = (f64::from(seen.min.y) - lift, f64::from(seen.max.y) - lift);
            if self.timeline.measure(above, below, |row| height_of(ui, scene, chat, row, inner)) {
                ui.ctx().request_repaint();
            }
            let first = self.timeline.at(above);
            // Days come and go with the lines around them: only lines are held on to.
            let held = self.timeline.rows().iter().enumerate().skip(first).find(|(_, row)| row.is_line());
            self.held = held.map(|(index, row)| (row.key, self.timeline.top(index)));
            for index in first..self.timeline.rows().len() {
                let (top, end) = (self.timeline.top(index), self.timeline.top(index + 1));
                if top > below {
                    break;
                }
                // Places are taken from the edge of what is seen: far down, points in `f32` are too coarse.
                let at = Pos2::new(room.left() + space::WIDE, room.top() + (top - above) as f32);
                let place = Rect::from_min_size(at, Vec2::new(inner, (end - top) as f32));
                let row = self.timeline.rows()[index];
                self.stand_out(ui, row.key, place);
                if let Some(wanted) = draw(ui, scene, chat, &row, place, out) {
                    with = Some(wanted);
                }
            }
        });
        self.offset = f64::from(shown.state.offset.y);
        let end = (total - f64::from(shown.inner_rect.height())).max(0.0);
        self.at_end = self.offset >= end - 4.0;
        self.look(chat, end, out);
        if (!self.at_end || chat.lookup.as_ref().is_some_and(|lookup| lookup.has_newer)) && end > 0.0 {
            self.down(ui, scene, chat, room, out);
        }
        with
    }

    /// Measures what is near to what is going to be seen. Gives where to scroll to, if not where it stands.
    fn place(
        &mut self,
        ui: &Ui,
        scene: &Scene<'_>,
        chat: &Arc<ChatState>,
        height: f32,
        inner: f32,
        out: &mut Out,
    ) -> Option<f64> {
        let height = f64::from(height);
        let goal = self.reach(chat, out);
        let timeline = &mut self.timeline;
        let measure = |timeline: &mut Timeline, from: f64, to: f64| {
            timeline.measure(from - MEASURED_AHEAD, to + MEASURED_AHEAD, |row| height_of(ui, scene, chat, row, inner));
        };
        if let Some(index) = goal {
            let top = timeline.top(index);
            measure(timeline, top - height, top + height);
            self.begun = true;
            self.at_end = false;
            self.found = Some((timeline.rows()[index].key, ui.input(|input| input.time)));
            let (lift, _) = extent(timeline, height as f32);
            let (top, end) = (timeline.top(index), timeline.top(index + 1));
            return Some((top + lift - (height - (end - top)).max(0.0) / 3.0).max(0.0));
        }
        if !self.begun || self.at_end {
            let end = timeline.height();
            measure(timeline, end - height, end);
            self.at_end = true;
            return (!std::mem::replace(&mut self.begun, true)).then(|| extent(timeline, height as f32).1);
        }
        let (key, was) = self.held?;
        let index = timeline.find(key)?;
        let (top, above) = (timeline.top(index), self.offset - was);
        measure(timeline, top + above, top + above + height);
        // Lines came in above, or turned out to be higher: what is read stays where it is.
        let moved = timeline.top(index) - was;
        (moved.abs() > 0.5).then(|| (self.offset + moved).max(0.0))
    }

    /// Where the line is that is to be brought in sight; asks for it if it is not at hand.
    fn reach(&mut self, chat: &ChatState, out: &mut Out) -> Option<usize> {
        let (sequence, asked) = self.goal?;
        let index = self.timeline.find(Row::of_line(sequence));
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
    fn look(&mut self, chat: &ChatState, end: f64, out: &mut Out) {
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
}

/// All that changes heights of lines besides the lines themselves.
fn look(ui: &Ui, scene: &Scene<'_>, width: f32) -> u64 {
    let mut look = DefaultHasher::new();
    (width.to_bits(), scene.words.tongue() as u8, ui.ctx().pixels_per_point().to_bits()).hash(&mut look);
    scene.preferences.chat_style.hash(&mut look);
    look.finish()
}

/// What the rows are moved down by, and the height of everything: few lines stand at the lower end, where the next one
/// will be.
fn extent(timeline: &Timeline, room: f32) -> (f64, f64) {
    let (above, below) = (f64::from(space::NORMAL), f64::from(space::SMALL));
    let height = above + timeline.height() + below;
    let lift = (f64::from(room) - height).max(0.0);
    (above + lift, height + lift)
}

fn height_of(ui: &Ui, scene: &Scene<'_>, chat: &ChatState, row: &Row, width: f32) -> f32 {
    content(scene, chat, row).map_or(0.0, |content| Bubble::lay_out(ui, scene, &content, width).height)
}

fn ends(chat: &ChatState) -> (u64, u64) {
    let shown = chat.shown();
    let sequence = |index: usize| shown.get(index).map_or(0, |message| message.sequence);
    (sequence(0), sequence(shown.len().wrapping_sub(1)))
}

/// What a row that is a line has in it.
fn content<'a>(scene: &Scene<'_>, chat: &'a ChatState, row: &Row) -> Option<Content<'a>> {
    let many = chat.chat.kind != ChatKind::Direct;
    match row.kind {
        Kind::Line { index, first, last } => {
            let message = chat.shown().get(index)?;
            let own = message.from.id == scene.me();
            Some(Content {
                message: Some(message),
                text: &message.text,
                own,
                many,
                first,
                last,
                answers: message.reply_to.map(|to| quoted(scene, chat, to)),
                files: &message.files,
                at: Some(message.at),
                mark: if own { mark(chat, scene.me(), message.sequence) } else { Mark::None },
            })
        }
        Kind::Pending { index, first, last } => {
            let message = chat.pending_line(index)?;
            Some(Content {
                message: None,
                text: &message.text,
                own: true,
                many,
                first,
                last,
                answers: message.reply_to.map(|to| quoted(scene, chat, to)),
                files: &[],
                at: None,
                mark: Mark::Pending,
            })
        }
        Kind::Day(_) | Kind::New | Kind::Notice(_) => None,
    }
}

fn quoted(scene: &Scene<'_>, chat: &ChatState, to: u64) -> (String, String) {
    match chat.shown().find(to) {
        Some(message) => {
            let who = names::of_member(&scene.view.state, message.from.id, &message.from.name).to_owned();
            let what = if message.erased.is_some() { scene.say("chat-erased") } else { message.text.clone() };
            (who, what)
        }
        None => (scene.say("chat-earlier-line"), String::new()),
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

fn draw(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, row: &Row, place: Rect, out: &mut Out) -> Option<With> {
    let palette = Palette::of(ui);
    match row.kind {
        Kind::Day(at) => {
            let text = scene.now.day(scene.words, at);
            let text = ui.painter().layout_no_wrap(text, semibold(letter::TINY), palette.soft);
            let area = Rect::from_center_size(place.center(), text.size() + Vec2::new(20.0, 8.0));
            ui.painter().rect_filled(area, 255.0, palette.hover);
            ui.painter().galley(area.center() - text.size() / 2.0, text, palette.soft);
            None
        }
        Kind::New => {
            let text = ui.painter().layout_no_wrap(scene.say("chat-new"), semibold(letter::TINY), palette.accent_text);
            let middle = place.center();
            let half = text.size().x / 2.0 + 10.0;
            let stroke = egui::Stroke::new(1.0, palette.accent_text.gamma_multiply(0.4));
            ui.painter().hline(place.left()..=middle.x - half, middle.y, stroke);
            ui.painter().hline(middle.x + half..=place.right(), middle.y, stroke);
            ui.painter().galley(middle - text.size() / 2.0, text, palette.accent_text);
            None
        }
        Kind::Notice(index) => {
            let message = chat.shown().get(index)?;
            let text = format!("{}   {}", notice(scene, message), scene.now.clock(message.at));
            let text = controls::cut(ui, &text, regular(letter::SMALL), palette.soft, place.width());
            ui.painter().galley(place.center() - text.size() / 2.0, text, palette.soft);
            None
        }
        Kind::Line { .. } | Kind::Pending { .. } => {
            let content = content(scene, chat, row)?;
            let id = ui.id().with(row.key);
            let bubble = Bubble::lay_out(ui, scene, &content, place.width());
            let (response, deed) = bubble.draw(ui, scene, &content, place, id, out);
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
                controls::context_menu(ui, &response, |ui| {
                    with = line_menu::show(ui, scene, chat, message, change, out)
                });
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

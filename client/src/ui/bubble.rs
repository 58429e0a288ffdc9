//! One line of a chat as a bubble: laid out exactly before it is drawn, so that a long history can be scrolled.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, Galley, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, text::TextFormat,
};
use relay::vocabulary::{Attachment, Message, Reaction};

use super::{
    Out, Scene, Value,
    attachment::Part,
    avatar::Face,
    controls, icons,
    markup::{self, Marked},
    names,
    theme::{Palette, letter, radius, regular, semibold, size, space},
};
use crate::home::ChatStyle;

/// How far a line has come on its way to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Not one's own.
    None,
    Pending,
    Sent,
    Delivered,
    Read,
}

/// What a bubble is made of.
pub struct Content<'a> {
    pub message: Option<&'a Message>,
    pub text: &'a str,
    pub own: bool,
    /// Whether faces and names are shown, for there are several others.
    pub many: bool,
    /// Whether it is the first, and the last, of several by one person.
    pub first: bool,
    pub last: bool,
    /// The line that is answered: who wrote it, and what.
    pub answers: Option<(String, String)>,
    pub files: &'a [Attachment],
    pub at: Option<u64>,
    pub mark: Mark,
}

/// A bubble that knows its size.
pub struct Bubble {
    pub height: f32,
    width: f32,
    name: Option<Arc<Galley>>,
    answers: Option<(Arc<Galley>, Arc<Galley>)>,
    text: Option<(Marked, Arc<Galley>)>,
    files: Vec<Part>,
    reactions: Vec<(Arc<Galley>, bool, String)>,
    meta: Option<Arc<Galley>>,
    body: f32,
}

const PAD: Vec2 = Vec2::new(12.0, 7.0);
/// The same where lines stand without bubbles.
const PLAIN_PAD: Vec2 = Vec2::new(0.0, 1.0);
const CHIP: f32 = 24.0;

/// Whether lines stand without bubbles around them.
fn is_plain(scene: &Scene<'_>) -> bool {
    scene.preferences.chat_style == ChatStyle::Lines
}

/// The room for a face beside a line.
fn side(content: &Content<'_>, plain: bool) -> f32 {
    if plain || content.many && !content.own { size::AVATAR_SMALL + space::SMALL } else { 0.0 }
}

/// What a person did with a bubble.
#[derive(Debug)]
pub enum Deed {
    React(String, bool),
    Open(String),
    /// A picture is to be seen large.
    View(Attachment),
    /// The line that is answered is to be seen.
    Jump(u64),
}

impl Bubble {
    pub fn lay_out(ui: &Ui, scene: &Scene<'_>, content: &Content<'_>, room: f32) -> Self {
        let palette = Palette::of(ui);
        let plain = is_plain(scene);
        let side = side(content, plain);
        let pad = if plain { PLAIN_PAD } else { PAD };
        let part = if plain { 1.0 } else { size::BUBBLE_PART };
        let inner = (room * part - side).max(80.0) - 2.0 * pad.x;
        let message = content.message;
        let named = content.first && (plain || content.many && !content.own);
        let name = named.then_some(message).flatten().map(|message| {
            let name = names::of_member(&scene.view.state, message.from.id, &message.from.name);
            controls::cut(ui, name, semibold(letter::SMALL), palette.accent_text, inner)
        });
        let answers = content.answers.as_ref().map(|(who, what)| {
            let who = controls::cut(ui, who, semibold(letter::TINY), palette.accent_text, inner - 10.0);
            let what = markup::preview(what);
            (who, controls::cut(ui, &what, regular(letter::SMALL), palette.soft, inner - 10.0))
        });
        let text = text(ui, scene, content, palette, inner);
        let files: Vec<_> = content.files.iter().map(|file| Part::lay_out(ui, scene, file, inner)).collect();
        let reactions = message.map(|message| chips(ui, scene, &message.reactions, palette)).unwrap_or_default();
        let meta = content.last.then(|| meta(ui, scene, content, palette)).flatten();
        let mut size = Vec2::ZERO;
        let mut below = |part: Vec2| {
            size.x = size.x.max(part.x);
            size.y += part.y;
        };
        name.iter().for_each(|name| below(name.size() + Vec2::new(0.0, 2.0)));
        answers.iter().for_each(|(who, what)| {
            below(Vec2::new(who.size().x.max(what.size().x) + 10.0, who.size().y + what.size().y + 6.0));
        });
        text.iter().for_each(|(_, text)| below(text.size()));
        files.iter().for_each(|part| below(part.size()));
        let body = size.y + 2.0 * pad.y;
        let chips = if reactions.is_empty() { 0.0 } else { CHIP + 2.0 };
        let meta_height = meta.as_ref().map_or(0.0, |meta| meta.size().y + 3.0);
        let after = if content.last { space::NORMAL - 2.0 } else { 2.0 };
        Self {
            height: body + chips + meta_height + after,
            width: size.x.min(inner) + 2.0 * pad.x,
            name,
            answers,
            text,
            files,
            reactions,
            meta,
            body,
        }
    }

    /// Draws it at the upper edge of `room`; gives the bubble's own response, and what was done.
    pub fn draw(
        &self,
        ui: &mut Ui,
        scene: &Scene<'_>,
        content: &Content<'_>,
        room: Rect,
        id: egui::Id,
        out: &mut Out,
    ) -> (Response, Option<Deed>) {
        let palette = Palette::of(ui);
        let plain = is_plain(scene);
        let side = side(content, plain);
        let at_right = content.own && !plain;
        let left = if at_right { room.right() - self.width } else { room.left() + side };
        let area = Rect::from_min_size(Pos2::new(left, room.top()), Vec2::new(self.width, self.body));
        let response = ui.interact(area, id, Sense::click());
        let (small, full) = (4, radius::BUBBLE);
        let corners = match (content.own, content.last) {
            (true, true) => CornerRadius { se: small, ..CornerRadius::same(full) },
            (false, true) => CornerRadius { sw: small, ..CornerRadius::same(full) },
            _ => CornerRadius::same(full),
        };
        let (fill, edge) =
            if content.own { (palette.own, Color32::TRANSPARENT) } else { (palette.surface, palette.line) };
        let calls_me = content.message.is_some_and(|message| message.mentions.contains(&scene.me())) && !content.own;
        let edge = if calls_me { palette.accent_text } else { edge };
        let fill = if content.mark == Mark::Pending { fill.gamma_multiply(0.6) } else { fill };
        match plain {
            false => {
                ui.painter().rect(area, corners, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
            }
            // Whoever is meant sees it all the same.
            true if calls_me => {
                let bar = Rect::from_min_size(area.left_top() - Vec2::new(6.0, 0.0), Vec2::new(2.5, area.height()));
                ui.painter().rect_filled(bar, 1.0, palette.accent_text);
            }
            true => {}
        }
        controls::focus_ring(ui, &response, full);
        let has_face = if plain { content.first } else { content.last };
        if side > 0.0
            && has_face
            && let Some(message) = content.message
        {
            let half = size::AVATAR_SMALL / 2.0;
            let y = if plain { area.top() + half + 2.0 } else { area.bottom() - half };
            let centre = Pos2::new(room.left() + half, y);
            let name = names::of_member(&scene.view.state, message.from.id, &message.from.name);
            Face::of(scene, message.from.id, name).draw(ui, scene, centre, size::AVATAR_SMALL, None, out);
        }
        let mut deed = None;
        let mut at = area.min + if plain { PLAIN_PAD } else { PAD };
        if let Some(name) = &self.name {
            ui.painter().galley(at, name.clone(), palette.accent_text);
            at.y += name.size().y + 2.0;
        }
        if let Some((who, what)) = &self.answers {
            let height = who.size().y + what.size().y;
            let bar = Rect::from_min_size(at, Vec2::new(2.5, height));
            ui.painter().rect_filled(bar, 1.0, palette.accent_text);
            ui.painter().galley(at + Vec2::new(10.0, 0.0), who.clone(), palette.accent_text);
            ui.painter().galley(at + Vec2::new(10.0, who.size().y), what.clone(), palette.soft);
            let width = who.size().x.max(what.size().x) + 10.0;
            let quote = ui.interact(
                Rect::from_min_size(at, Vec2::new(width, height)),
                egui::Id::new((id, "quote")),
                Sense::click(),
            );
            controls::focus_ring(ui, &quote, radius::SMALL);
            let quote = controls::named(ui, quote, &scene.say("chat-to-quoted"));
            if quote.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
                && let Some(to) = content.message.and_then(|message| message.reply_to)
            {
                deed = Some(Deed::Jump(to));
            }
            at.y += height + 6.0;
        }
        if let Some((marked, text)) = &self.text {
            let link = response.hover_pos().filter(|pos| Rect::from_min_size(at, text.size()).contains(*pos));
            let link = link.and_then(|pos| marked.link_at(text.cursor_from_pos(pos - at).index.0));
            if let Some(link) = link {
                ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
                if response.clicked() {
                    deed = Some(Deed::Open(link.to_owned()));
                }
            }
            for (index, (range, code)) in marked.code.iter().enumerate() {
                let place = code_place(text, range, at);
                ui.painter().rect_filled(place, f32::from(radius::SMALL), palette.text.gamma_multiply(0.07));
                if copy_button(ui, scene, place, id.with(("code", index)), response.hovered()) {
                    ui.ctx().copy_text(code.clone());
                }
            }
            ui.painter().galley(at, text.clone(), palette.text);
            at.y += text.size().y;
        }
        for (index, (part, file)) in self.files.iter().zip(content.files).enumerate() {
            if part.draw(ui, scene, file, at, id.with(("file", index)), out) {
                deed = Some(Deed::View(file.clone()));
            }
            at.y += part.size().y;
        }
        let below = self.reactions_below(ui, palette, at_right, area, id, &mut deed);
        if let Some(meta) = &self.meta {
            let inset = if plain { 0.0 } else { 4.0 };
            let x = if at_right { area.right() - meta.size().x - inset } else { area.left() + inset };
            ui.painter().galley(Pos2::new(x, below + 3.0), meta.clone(), palette.soft);
        }
        (response, deed)
    }

    fn reactions_below(
        &self,
        ui: &mut Ui,
        palette: &Palette,
        own: bool,
        area: Rect,
        id: egui::Id,
        deed: &mut Option<Deed>,
    ) -> f32 {
        if self.reactions.is_empty() {
            return area.bottom();
        }
        let all: f32 = self.reactions.iter().map(|(galley, ..)| galley.size().x + 18.0).sum();
        let mut x = if own { area.right() - all - 4.0 } else { area.left() + 4.0 };
        let top = area.bottom() - 3.0;
        for (index, (galley, mine, emoji)) in self.reactions.iter().enumerate() {
            let chip = Rect::from_min_size(Pos2::new(x, top), Vec2::new(galley.size().x + 14.0, CHIP - 2.0));
            let edge = if *mine { palette.accent_text } else { palette.line };
            ui.painter().rect(chip, 255.0, palette.ground, Stroke::new(1.0, edge), StrokeKind::Inside);
            ui.painter().galley(chip.center() - galley.size() / 2.0, galley.clone(), palette.text);
            let response = ui.interact(chip, id.with(index), Sense::click());
            if controls::named(ui, response, emoji).clicked() {
                *deed = Some(Deed::React(emoji.clone(), !mine));
            }
            x = chip.right() + 4.0;
        }
        top + CHIP
    }
}

/// Where a block of code stands in a text that begins at `at`.
fn code_place(text: &Galley, range: &std::ops::Range<usize>, at: Pos2) -> Rect {
    let cursor = |at: usize| text.pos_from_cursor(egui::text::CCursor::new(at));
    let (top, bottom) = (cursor(range.start).min.y, cursor(range.end).max.y);
    Rect::from_min_max(at + Vec2::new(-5.0, top), at + Vec2::new(text.size().x + 5.0, bottom))
}

/// The way to the clipboard, at the upper right of a block of code while the pointer is on the line, or the keyboard on
/// the button.
fn copy_button(ui: &mut Ui, scene: &Scene<'_>, place: Rect, id: egui::Id, shown: bool) -> bool {
    let palette = Palette::of(ui);
    let area = Rect::from_min_size(place.right_top() - Vec2::new(26.0, -2.0), Vec2::splat(24.0));
    let button = ui.interact(area, id, Sense::click());
    if shown || button.hovered() || button.has_focus() {
        ui.painter().rect_filled(area, f32::from(radius::SMALL), palette.surface);
        let colour = if button.hovered() { palette.text } else { palette.soft };
        ui.painter().text(area.center(), egui::Align2::CENTER_CENTER, icons::COPY, regular(letter::BODY), colour);
    }
    controls::focus_ring(ui, &button, radius::SMALL);
    let name = scene.say("chat-copy-code");
    controls::named(ui, button, &name).on_hover_text(name).clicked()
}

fn text(
    ui: &Ui,
    scene: &Scene<'_>,
    content: &Content<'_>,
    palette: &Palette,
    width: f32,
) -> Option<(Marked, Arc<Galley>)> {
    let soft = TextFormat { color: palette.soft, ..markup::plain(palette) };
    let marked = match content.message {
        Some(message) if message.erased.is_some() => {
            let mut marked = Marked::default();
            marked.job.wrap.max_width = width;
            marked.put(&scene.say("chat-erased"), TextFormat { italics: true, ..soft });
            marked
        }
        message => {
            if content.text.is_empty() {
                return None;
            }
            let me = scene.view.state.account.as_ref().map_or("", |account| &account.name);
            let mut marked = Marked::read(content.text, palette, width, me);
            if message.is_some_and(|message| message.edited_at.is_some()) {
                let words = format!("  {}", scene.say("chat-edited"));
                marked.put(&words, TextFormat { font_id: regular(letter::TINY), ..soft });
            }
            marked
        }
    };
    let galley = ui.painter().layout_job(marked.job.clone());
    Some((marked, galley))
}

fn chips(ui: &Ui, scene: &Scene<'_>, reactions: &[Reaction], palette: &Palette) -> Vec<(Arc<Galley>, bool, String)> {
    let chip = |reaction: &Reaction| {
        let text = match reaction.by.len() {
            1 => reaction.emoji.clone(),
            count => format!("{} {count}", reaction.emoji),
        };
        let galley = ui.painter().layout_no_wrap(text, regular(letter::SMALL), palette.text);
        (galley, reaction.by.contains(&scene.me()), reaction.emoji.clone())
    };
    reactions.iter().map(chip).collect()
}

fn meta(ui: &Ui, scene: &Scene<'_>, content: &Content<'_>, palette: &Palette) -> Option<Arc<Galley>> {
    let clock = content.at.map(|at| scene.now.clock(at)).unwrap_or_default();
    let text = match content.mark {
        Mark::None => clock,
        Mark::Pending => format!("{} {}", icons::CLOCK, scene.say("chat-pending")),
        Mark::Sent => format!("{clock} {}", icons::CHECK),
        Mark::Delivered => format!("{clock} {}", icons::CHECKS),
        Mark::Read => scene.words.with("chat-read", &[("when", Value::Text(&clock))]),
    };
    (!text.is_empty()).then(|| ui.painter().layout_no_wrap(text, regular(letter::TINY), palette.soft))
}

//! Searching what was written, in one chat or in all: a field, the lines that were found, and the way to each.

use egui::{Frame, Key, Margin, RichText, ScrollArea, Sense, TextEdit, TextFormat, Ui, Vec2, text::LayoutJob};
use relay::vocabulary::{ChatId, Hit, Message, SEARCH_MAX};

use super::{
    Action, Out, Scene, contacts, controls, icons, markup, names,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::engine::{Command, Search};

/// Shorter words are not searched for: nearly everything has them.
const LEAST: usize = 2;

const ROW: f32 = 58.0;

/// The search in one chat.
#[derive(Debug, Default)]
pub struct ChatSearch {
    text: Option<String>,
    begins: bool,
    asked: Asked,
}

impl ChatSearch {
    /// Opens the search, or closes it.
    pub fn toggle(&mut self, chat: ChatId, out: &mut Out) {
        self.asked = Asked::default();
        match self.text.take() {
            Some(_) => out.give(Command::StopSearch { chat: Some(chat) }),
            None => (self.text, self.begins) = (Some(String::new()), true),
        }
    }

    /// Whether there is a field for it, into which text is written and pasted.
    pub fn has_field(&self) -> bool {
        self.text.is_some()
    }

    /// Whether what was found stands in place of the history.
    pub fn is_open(&self) -> bool {
        self.text.as_ref().is_some_and(|text| is_enough(text))
    }

    /// Draws the field, while it is open.
    pub fn field(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: ChatId, out: &mut Out) {
        let Some(text) = &mut self.text else { return };
        let palette = Palette::of(ui);
        let mut close = ui.input(|input| input.key_pressed(Key::Escape));
        Frame::new().inner_margin(Margin { left: 12, right: 12, top: 8, bottom: 4 }).show(ui, |ui| {
            ui.horizontal(|ui| {
                let width = ui.available_width() - size::ICON_BUTTON - space::SMALL;
                let hint = format!("{}  {}", icons::MAGNIFYING_GLASS, scene.say("chat-search"));
                let edit = TextEdit::singleline(text)
                    .hint_text(RichText::new(hint).color(palette.soft))
                    .char_limit(SEARCH_MAX / 4)
                    .desired_width(width)
                    .min_size(Vec2::new(width, 32.0))
                    .vertical_align(egui::Align::Center)
                    .frame(Frame::new().fill(palette.hover).corner_radius(8).inner_margin(Margin::symmetric(10, 6)));
                let edit = ui.add(edit);
                let name = scene.say("chat-search");
                edit.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &name));
                controls::focus_ring(ui, &edit, 8);
                if std::mem::take(&mut self.begins) {
                    edit.request_focus();
                }
                close |= controls::icon_button(ui, icons::X, &scene.say("chat-search-close")).clicked();
            });
        });
        if close {
            return self.toggle(chat, out);
        }
        self.asked.ask(scene, Some(chat), text, out);
    }

    /// Draws what was found. Gives the line that the person wants to see.
    pub fn hits(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: ChatId, out: &mut Out) -> Option<u64> {
        let search = scene.view.state.searches.get(&Some(chat))?;
        if search.hits.is_empty() {
            if !search.waits {
                let text = scene.say("chat-search-none-text");
                contacts::empty(ui, &scene.say("chat-search-none"), &text, icons::MAGNIFYING_GLASS);
            }
            return None;
        }
        let mut chosen = None;
        ScrollArea::vertical().auto_shrink(false).id_salt("hits").show_rows(ui, ROW, search.hits.len(), |ui, seen| {
            more(scene, Some(chat), search, seen.end, out);
            for hit in &search.hits[seen.start..seen.end.min(search.hits.len())] {
                let who = names::of_member(&scene.view.state, hit.message.from.id, &hit.message.from.name);
                if row(ui, scene, hit, who, &search.query) {
                    chosen = Some(hit.message.sequence);
                }
            }
        });
        if chosen.is_some() {
            self.toggle(chat, out);
        }
        chosen
    }
}

fn is_enough(text: &str) -> bool {
    // One sign of a script that does not part words is a word.
    let text = text.trim();
    text.chars().count() >= LEAST || text.chars().any(|letter| letter >= '\u{2E80}')
}

/// What was asked for last, so that it is asked for once.
#[derive(Debug, Default)]
pub struct Asked(String);

impl Asked {
    /// Asks for what is written in the field, one question at a time.
    fn ask(&mut self, scene: &Scene<'_>, chat: Option<ChatId>, text: &str, out: &mut Out) {
        let query = if is_enough(text) { text.trim() } else { "" };
        if self.0 == query {
            return;
        }
        if query.is_empty() {
            out.give(Command::StopSearch { chat });
        } else if scene.view.state.searches.get(&chat).is_some_and(|search| search.waits) {
            return;
        } else {
            out.give(Command::Search { query: query.to_owned(), chat, before: None });
        }
        query.clone_into(&mut self.0);
    }
}

/// Asks for older ones once the last one is nearly in sight.
fn more(scene: &Scene<'_>, chat: Option<ChatId>, search: &Search, seen: usize, out: &mut Out) {
    let connected = matches!(scene.view.state.connection, crate::engine::ConnectionState::Connected { .. });
    if let Some(before) = search.next.filter(|_| connected && !search.waits && seen + 5 > search.hits.len()) {
        out.give(Command::Search { query: search.query.clone(), chat, before: Some(before) });
    }
}

/// Draws the lines of all chats that have these words, below the people that have them in their names. Says whether
/// there are any, or may be.
pub fn everywhere(ui: &mut Ui, scene: &Scene<'_>, asked: &mut Asked, text: &str, out: &mut Out) -> bool {
    asked.ask(scene, None, text, out);
    let Some(search) = scene.view.state.searches.get(&None).filter(|_| is_enough(text)) else { return false };
    if search.hits.is_empty() {
        return search.waits;
    }
    contacts::heading(ui, &scene.say("search-lines"));
    for (index, hit) in search.hits.iter().enumerate() {
        let Some(known) = scene.view.state.chats.get(&hit.chat) else { continue };
        let name = names::of_chat(scene, &known.chat);
        if row(ui, scene, hit, &name, &search.query) {
            out.act(Action::ShowLine(hit.chat, hit.message.sequence));
        }
        if index + 1 == search.hits.len() && ui.cursor().top() < ui.clip_rect().bottom() + ROW {
            more(scene, None, search, index + 1, out);
        }
    }
    true
}

fn row(ui: &mut Ui, scene: &Scene<'_>, hit: &Hit, who: &str, query: &str) -> bool {
    let palette = Palette::of(ui);
    let (area, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    let text = preview(&hit.message);
    let row = controls::named(ui, row, &format!("{who}: {text}"));
    if !ui.is_rect_visible(area) {
        return row.clicked();
    }
    if row.hovered() || row.has_focus() {
        ui.painter().rect_filled(area.shrink2(Vec2::new(6.0, 0.0)), 8.0, palette.hover);
    }
    controls::focus_ring(ui, &row, 8);
    let inside = area.shrink2(Vec2::new(space::WIDE, 9.0));
    let when = scene.now.when(scene.words, hit.message.at);
    let align = egui::Align2::RIGHT_TOP;
    let when = ui.painter().text(inside.right_top(), align, when, regular(letter::TINY), palette.soft);
    let width = when.left() - inside.left() - space::SMALL;
    controls::line(ui, inside.min, width, who, semibold(letter::SMALL), palette.text);
    let mut job = marked(&text, query, palette);
    job.wrap = egui::text::TextWrapping::truncate_at_width(inside.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(inside.min + Vec2::new(0.0, 20.0), galley, palette.text);
    row.clicked()
}

/// A line in a few words: its text in one row, or the names of its files.
pub fn preview(message: &Message) -> String {
    let text = markup::preview(&message.text);
    match text.is_empty() {
        true => message.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", "),
        false => text,
    }
}

/// A text from shortly before where it has one of the words that were searched for, which stand out.
fn marked(text: &str, query: &str, palette: &Palette) -> LayoutJob {
    let format = |color, font_id| TextFormat { color, font_id, ..TextFormat::default() };
    let plain = || format(palette.soft, regular(letter::SMALL));
    let mut job = LayoutJob::default();
    let Some((begin, end)) = found(text, query) else {
        job.append(text, 0.0, plain());
        return job;
    };
    let before = text[..begin].char_indices().rev().nth(19).map_or(0, |(at, _)| at);
    if before > 0 {
        job.append("…", 0.0, plain());
    }
    job.append(&text[before..begin], 0.0, plain());
    job.append(&text[begin..end], 0.0, format(palette.accent_text, semibold(letter::SMALL)));
    job.append(&text[end..], 0.0, plain());
    job
}

/// Where a text has one of the words, whatever their capitals.
fn found(text: &str, query: &str) -> Option<(usize, usize)> {
    let words: Vec<Vec<char>> =
        query.split_whitespace().map(|word| word.chars().flat_map(char::to_lowercase).collect()).collect();
    text.char_indices().find_map(|(begin, _)| {
        words.iter().filter(|word| !word.is_empty()).find_map(|word| {
            let mut rest = text[begin..].char_indices();
            for wanted in word {
                let (_, letter) = rest.next()?;
                if letter != *wanted && !letter.to_lowercase().eq([*wanted]) {
                    return None;
                }
            }
            Some((begin, begin + rest.offset()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_capitals() {
        assert_eq!(found("Über die Straße", "STRASSE die"), Some((6, 9)));
        assert_eq!(found("Über die Straße", "über"), Some((0, 5)));
        assert_eq!(found("昨日の図面を見ました", "図面"), Some((9, 15)));
        assert_eq!((found("abc", "x"), found("abc", "")), (None, None));
    }

    #[test]
    fn one_sign_of_japanese_is_enough_to_search_for() {
        assert!(is_enough("窓") && is_enough("ab") && !is_enough("a ") && !is_enough(""));
    }
}

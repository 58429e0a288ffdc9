//! Where a line is written: Enter sends it, Shift and Enter begin another row; what is answered or changed stands above.

use std::collections::HashMap;

use egui::{
    Align2, Frame, Key, KeyboardShortcut, Margin, Modifiers, Rect, RichText, ScrollArea, TextEdit, Ui, UiBuilder, Vec2,
};
use relay::vocabulary::{Change, ChatId, FILES_MAX, SendMessage, TEXT_MAX, TYPING_AGAIN_MS};

use super::{
    Action, Out, Scene, Value, attachment, controls,
    emoji_picker::{EmojiPicker, Picked},
    history::With,
    icons, markup,
    mention::{Completion, Writing, mentioned},
    staged::Staged,
    theme::{Palette, letter, radius, regular, semibold, size, space},
    voice_message,
};
use crate::{
    engine::{ChatState, Command, InChat},
    home::Draft,
};

/// Rows that are seen at a time.
const MOST_ROWS: usize = 6;

/// Between the text and the edge of its field.
const PAD: f32 = 7.0;

/// A line that is being written.
#[derive(Debug, Default)]
pub struct Composer {
    text: String,
    with: Option<With>,
    /// Files that go with the line.
    files: Vec<Staged>,
    said_typing: Option<u64>,
    focused: bool,
    /// Where the caret is, in characters.
    caret: usize,
    completion: Completion,
    picker: Option<EmojiPicker>,
}

impl Composer {
    /// A line is to be answered or changed.
    pub fn take(&mut self, with: With) {
        match &with {
            With::React(_) => {
                self.picker = Some(EmojiPicker::new());
                self.with = Some(with);
                return;
            }
            With::Edit(_, text) => {
                self.text.clone_from(text);
                self.caret = text.chars().count();
            }
            _ => {}
        }
        self.with = Some(with);
        self.focused = false;
    }

    /// Goes on with what was being written when the window was closed.
    pub fn go_on_with(&mut self, draft: &Draft) {
        if self.text.is_empty() && self.with.is_none() {
            self.text.clone_from(&draft.text);
            self.caret = self.text.chars().count();
            self.with = draft.reply_to.map(With::Reply);
            self.focused = false;
        }
    }

    /// What is being written, as far as it is a line of its own.
    pub fn draft(&self) -> Draft {
        match self.with {
            Some(With::Edit(..)) => Draft::default(),
            _ if self.text.trim().is_empty() => Draft::default(),
            _ => Draft { text: self.text.clone(), reply_to: self.about() },
        }
    }

    /// Files are to go with the line. Gives how many there was no room for.
    pub fn stage(&mut self, files: Vec<Staged>) -> usize {
        let room = FILES_MAX.saturating_sub(self.files.len());
        let surplus = files.len().saturating_sub(room);
        for file in files {
            match self.files.len() < FILES_MAX {
                true => self.files.push(file),
                false => file.discard(),
            }
        }
        self.focused = false;
        surplus
    }

    /// The files that go with the line, above it.
    fn staged(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        let palette = Palette::of(ui);
        let mut gone = None;
        for (index, file) in self.files.iter().enumerate() {
            ui.horizontal(|ui| {
                let width = ui.available_width() - size::ICON_BUTTON - space::SMALL;
                let (area, _) = ui.allocate_exact_size(Vec2::new(width, size::ICON_BUTTON), egui::Sense::hover());
                let at = area.left_center();
                ui.painter().text(at, Align2::LEFT_CENTER, icons::FILE, regular(letter::ICON), palette.soft);
                let text = format!("{}  {}", file.name, attachment::bytes(file.size));
                let text = controls::cut(ui, &text, regular(letter::SMALL + 1.0), palette.text, width - 26.0);
                ui.painter().galley(at + Vec2::new(26.0, -text.size().y / 2.0), text, palette.text);
                let name = scene.words.with("chat-attach-drop", &[("name", Value::Text(&file.name))]);
                if controls::icon_button(ui, icons::X, &name).clicked() {
                    gone = Some(index);
                }
            });
        }
        if !self.files.is_empty() {
            ui.add_space(space::SMALL);
        }
        if let Some(index) = gone {
            self.files.remove(index).discard();
            self.focused = false;
        }
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, quoted: Option<String>, out: &mut Out) {
        let palette = Palette::of(ui);
        Frame::new().inner_margin(Margin { left: 12, right: 12, top: 6, bottom: 12 }).show(ui, |ui| {
            self.above(ui, scene, quoted);
            self.pick(ui, scene, chat.chat.id, out);
            self.staged(ui, scene);
            let frame = Frame::new()
                .fill(palette.surface)
                .stroke(egui::Stroke::new(1.0, palette.edge))
                .corner_radius(radius::NORMAL)
                .inner_margin(Margin::same(3));
            frame.show(ui, |ui| {
                let recording = scene.voice.recording.as_ref().filter(|recording| recording.chat == chat.chat.id);
                match recording {
                    Some(recording) => voice_message::recording(ui, scene, recording, out),
                    None => self.row(ui, scene, chat, out),
                }
            });
        });
    }

    /// Emoji, the field, and sending: the buttons stay at the lower edge while the field grows.
    fn row(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) {
        let palette = Palette::of(ui);
        let width = ui.available_width();
        let inner = width - 3.0 * size::ICON_BUTTON - 2.0 * PAD;
        let text = ui.painter().layout(self.text.clone(), regular(letter::BODY), palette.text, inner);
        let rows = text.rows.len().clamp(1, MOST_ROWS) as f32;
        let row = text.size().y / text.rows.len().max(1) as f32;
        let height = (rows * row + 2.0 * PAD).max(size::ICON_BUTTON);
        let (area, _) = ui.allocate_exact_size(Vec2::new(width, height), egui::Sense::hover());
        let corner = |x: f32| {
            Rect::from_min_size(egui::pos2(x, area.bottom() - size::ICON_BUTTON), Vec2::splat(size::ICON_BUTTON))
        };
        ui.scope_builder(UiBuilder::new().id_salt("emoji").max_rect(corner(area.left())), |ui| self.emoji(ui, scene));
        let attach = corner(area.left() + size::ICON_BUTTON);
        ui.scope_builder(UiBuilder::new().id_salt("attach").max_rect(attach), |ui| {
            if controls::icon_button(ui, icons::PAPERCLIP, &scene.say("chat-attach")).clicked() {
                out.act(Action::ChooseFiles(chat.chat.id));
            }
        });
        let field = Rect::from_x_y_ranges(attach.right()..=area.right() - size::ICON_BUTTON, area.y_range());
        ui.scope_builder(UiBuilder::new().id_salt("field").max_rect(field), |ui| self.field(ui, scene, chat, out));
        let send = corner(area.right() - size::ICON_BUTTON);
        ui.scope_builder(UiBuilder::new().id_salt("send").max_rect(send), |ui| {
            let ready = self.is_ready();
            if !ready && self.with.is_none() && scene.voice.recording.is_none() {
                let name = scene.say("voice-record");
                if controls::icon_button(ui, icons::MICROPHONE, &name).clicked() {
                    out.act(Action::Record(chat.chat.id));
                }
                return;
            }
            let colour = if ready { palette.accent_text } else { palette.soft };
            let send = controls::icon_button_in(ui, icons::PAPER_PLANE_RIGHT, &scene.say("chat-send"), colour);
            if send.clicked() && ready {
                self.send(chat, out);
            }
        });
    }

    fn above(&mut self, ui: &mut Ui, scene: &Scene<'_>, quoted: Option<String>) {
        let Some(with) = &self.with else { return };
        let palette = Palette::of(ui);
        let title = scene.say(match with {
            With::Edit(..) => "chat-editing",
            With::React(_) => "chat-reacting",
            _ => "chat-replying",
        });
        let mut drop = self.picker.is_none() && ui.input(|input| input.key_pressed(Key::Escape));
        ui.horizontal(|ui| {
            ui.label(RichText::new(title).font(semibold(letter::SMALL)).color(palette.accent_text));
            let width = ui.available_width() - size::ICON_BUTTON - space::SMALL;
            let text = quoted.unwrap_or_default();
            let text = controls::cut(ui, &markup::preview(&text), regular(letter::SMALL), palette.soft, width);
            let (area, _) = ui.allocate_exact_size(Vec2::new(width, size::ICON_BUTTON), egui::Sense::hover());
            ui.painter().galley(area.left_center() - Vec2::new(0.0, text.size().y / 2.0), text, palette.soft);
            drop |= controls::icon_button(ui, icons::X, &scene.say("cancel")).clicked();
        });
        if drop {
            match self.with {
                Some(With::Edit(..)) => self.text.clear(),
                Some(With::React(_)) => self.picker = None,
                _ => {}
            }
            self.with = None;
        }
    }

    /// The emoji, while they are open: for the line, or as a reaction.
    fn pick(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: ChatId, out: &mut Out) {
        let Some(picker) = &mut self.picker else { return };
        let picked = picker.show(ui, scene, out);
        ui.add_space(space::SMALL);
        match (picked, &self.with) {
            (Picked::Nothing, _) => return,
            (Picked::One(sign), Some(With::React(of))) => {
                let react = Change::React { of: *of, emoji: sign.to_owned(), on: true };
                out.give(Command::InChat { chat, act: InChat::Change(react) });
            }
            (Picked::One(sign), _) => return self.replace(self.caret, self.caret, sign),
            (Picked::Close, _) => {}
        }
        self.picker = None;
        self.with.take_if(|with| matches!(with, With::React(_)));
        self.focused = false;
    }

    /// Puts something in the place of some characters, and the caret behind it.
    fn replace(&mut self, from: usize, to: usize, with: &str) {
        let byte = |at: usize| self.text.char_indices().nth(at).map_or(self.text.len(), |(byte, _)| byte);
        self.text.replace_range(byte(from)..byte(to.max(from)), with);
        self.caret = from + with.chars().count();
        self.focused = false;
    }

    fn emoji(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        let colour = if self.picker.is_some() { Palette::of(ui).accent_text } else { Palette::of(ui).soft };
        let button = controls::icon_button_in(ui, icons::SMILEY, &scene.say("chat-emoji"), colour);
        if controls::turns(ui, &button) {
            self.picker = if self.picker.is_some() { None } else { Some(EmojiPicker::new()) };
            self.with.take_if(|with| matches!(with, With::React(_)));
        }
    }

    fn field(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) {
        let palette = Palette::of(ui);
        let place = ui.max_rect();
        let id = egui::Id::new(("line", chat.chat.id));
        if ui.memory(|memory| memory.has_focus(id))
            && let Some(done) =
                self.completion.take_keys(ui, scene, chat, Writing { text: &self.text, caret: self.caret })
        {
            self.replace(done.from, done.to, &done.text);
        }
        let height = ui.available_height();
        let response = ScrollArea::vertical()
            .id_salt("composer")
            .max_height(height)
            .min_scrolled_height(0.0)
            .auto_shrink(false)
            .show(ui, |ui| {
                let hint = RichText::new(scene.say("chat-write")).color(palette.soft);
                let edit = TextEdit::multiline(&mut self.text)
                    .id(id)
                    .hint_text(hint)
                    .font(regular(letter::BODY))
                    .desired_rows(1)
                    .desired_width(f32::INFINITY)
                    .min_size(Vec2::new(0.0, height))
                    .char_limit(TEXT_MAX / 4)
                    .frame(Frame::new().inner_margin(Margin::symmetric(PAD as i8, PAD as i8)))
                    .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
                ui.add(edit)
            })
            .inner;
        let name = scene.say("chat-write");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &name));
        let mut state = TextEdit::load_state(ui.ctx(), response.id).unwrap_or_default();
        if !std::mem::replace(&mut self.focused, true) {
            response.request_focus();
            // What was put in is gone on with behind it.
            let caret = egui::text::CCursor::new(self.caret);
            state.cursor.set_char_range(Some(egui::text::CCursorRange::one(caret)));
            TextEdit::store_state(ui.ctx(), response.id, state);
        } else if let Some(range) = state.cursor.char_range() {
            self.caret = range.primary.index.0;
        }
        // A press on a name takes the keyboard away before it is let go of.
        let presses =
            self.completion.is_open() && ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
        if response.has_focus() || presses {
            // While names are offered these keys are for them.
            let offers = self.completion.is_open();
            let filter =
                egui::EventFilter { tab: offers, escape: offers, vertical_arrows: true, horizontal_arrows: true };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
            let above = place.left_top() - Vec2::new(2.0 * size::ICON_BUTTON, space::SMALL);
            let writing = Writing { text: &self.text, caret: self.caret };
            let width = (place.width() + 2.0 * size::ICON_BUTTON).min(size::FORM) - 2.0 * space::TINY;
            if let Some(done) = self.completion.show(ui, scene, chat, writing, (above, width), out) {
                self.replace(done.from, done.to, &done.text);
            }
        }
        let enter = response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter) && !input.modifiers.any());
        if response.changed() && !self.text.is_empty() {
            let again = self.said_typing.is_none_or(|said| scene.now.at.saturating_sub(said) >= TYPING_AGAIN_MS);
            if again {
                self.said_typing = Some(scene.now.at);
                out.give(Command::InChat { chat: chat.chat.id, act: InChat::Typing(true) });
            }
        }
        if enter && self.is_ready() {
            self.send(chat, out);
        }
    }

    fn is_ready(&self) -> bool {
        let changes = matches!(self.with, Some(With::Edit(..)));
        !self.text.trim().is_empty() || !self.files.is_empty() && !changes
    }

    fn send(&mut self, known: &ChatState, out: &mut Out) {
        let chat = known.chat.id;
        let text = std::mem::take(&mut self.text).trim().to_owned();
        (self.caret, self.completion, self.picker) = (0, Completion::default(), None);
        let act = match self.with.take() {
            Some(With::Edit(of, _)) => InChat::Change(Change::Edit { of, text }),
            with => {
                let reply_to = with.and_then(|with| with.about());
                let mentions = mentioned(&text, known);
                let message = SendMessage { text, reply_to, mentions, ..SendMessage::default() };
                match std::mem::take(&mut self.files) {
                    files if files.is_empty() => InChat::Send(message),
                    files => InChat::Attach(message, files.into_iter().map(Staged::into_attach).collect()),
                }
            }
        };
        out.give(Command::InChat { chat, act });
        if self.said_typing.take().is_some() {
            out.give(Command::InChat { chat, act: InChat::Typing(false) });
        }
        self.focused = false;
    }

    /// The line that is answered or changed.
    pub fn about(&self) -> Option<u64> {
        self.with.as_ref().and_then(With::about)
    }
}

/// When it was seen here that someone said to type, by account, with when that was on the server's clock: the two clocks
/// need not agree.
pub type Seen = HashMap<u64, (u64, u64)>;

/// Who types, in words; `None` while nobody does.
pub fn typing(scene: &Scene<'_>, chat: &ChatState, seen: &mut Seen) -> Option<String> {
    seen.retain(|id, (at, _)| chat.typing.get(id) == Some(at));
    for (id, at) in &chat.typing {
        seen.entry(*id).or_insert((*at, scene.now.at));
    }
    let fresh =
        |id: &u64| seen.get(id).is_some_and(|(_, here)| scene.now.at.saturating_sub(*here) < 2 * TYPING_AGAIN_MS);
    let mut who = chat.typing.keys().filter(|id| fresh(id)).map(|id| {
        let member = chat.chat.members.iter().find(|member| member.id == *id);
        super::names::of_member(&scene.view.state, *id, member.map_or("?", |member| &member.name))
    });
    let first = who.next()?;
    Some(match who.count() {
        0 => scene.words.with("chat-typing", &[("who", Value::Text(first))]),
        _ => scene.say("chat-typing-many"),
    })
}

//! A chat in a window of its own: its head, its history, and where the next line is written.

use egui::{CentralPanel, Frame, Key, KeyboardShortcut, Margin, Modifiers, Panel, RichText, Ui};
use relay::vocabulary::{ChatId, ChatKind, FILES_MAX, Standing};

use super::{
    Action, Native, Out, Scene, Value, Words, attachment, call,
    chat_head::{self, Turned},
    chat_search::ChatSearch,
    composer::{self, Composer},
    contacts, controls,
    history::{History, With},
    icons,
    members::Members,
    names, notices, pins,
    staged::{Staged, Unfit},
    theme::{Palette, letter, regular, size, space},
    viewer::{self, Viewer},
};
use crate::{
    engine::{ChatState, Command, InChat},
    home::Draft,
};

const SEARCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

/// How often what is being written is kept, in milliseconds.
const DRAFT_MS: u64 = 1_000;

/// One chat's window.
#[derive(Debug)]
pub struct ChatScreen {
    chat: ChatId,
    /// Whether it stands beside something else, which says with whom it is.
    beside: bool,
    history: History,
    composer: Composer,
    watched: bool,
    typing: composer::Seen,
    /// Up to where the server was told that this was read.
    read: u64,
    /// A picture that is looked at.
    viewer: Option<Viewer>,
    search: ChatSearch,
    /// What was kept last of what is being written, and when, in Unix milliseconds.
    drafted: (Draft, u64),
    /// The members, while they are seen.
    members: Option<Members>,
}

impl ChatScreen {
    pub fn new(chat: ChatId) -> Self {
        Self {
            chat,
            beside: false,
            history: History::default(),
            composer: Composer::default(),
            watched: false,
            typing: composer::Seen::new(),
            read: 0,
            viewer: None,
            search: ChatSearch::default(),
            drafted: (Draft::default(), 0),
            members: None,
        }
    }

    /// The same without a head of its own.
    pub fn beside(chat: ChatId) -> Self {
        Self { beside: true, ..Self::new(chat) }
    }

    /// Brings a line in sight.
    pub fn jump(&mut self, sequence: u64) {
        self.history.jump(sequence);
    }

    /// Files are to go with the next line. Gives what the person should know of those that do not.
    #[must_use]
    pub fn stage(&mut self, words: &Words, files: Vec<Staged>, unfit: &[Unfit]) -> Vec<String> {
        let mut troubles: Vec<_> = unfit.iter().map(|unfit| unfit.say(words)).collect();
        if self.composer.stage(files) > 0 {
            troubles.push(words.with("chat-attach-many", &[("count", Value::Number(FILES_MAX as u64))]));
        }
        troubles
    }

    /// Whether what is pasted is for the next line.
    pub fn takes_pasted(&self) -> bool {
        self.viewer.is_none() && !self.search.has_field()
    }

    pub fn chat(&self) -> ChatId {
        self.chat
    }

    /// What the native window is called.
    pub fn title(&self, scene: &Scene<'_>) -> String {
        scene
            .view
            .state
            .chats
            .get(&self.chat)
            .map_or_else(|| scene.say("app-name"), |known| names::of_chat(scene, &known.chat))
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let Some(known) = scene.view.state.chats.get(&self.chat) else {
            // Left, or signed out.
            return out.act(Action::Native(Native::Close));
        };
        if !self.watched {
            self.watched = true;
            if let Some(draft) = scene.view.drafts.get(&self.chat) {
                self.composer.go_on_with(draft);
                self.drafted.0 = draft.clone();
            }
            out.give(Command::InChat { chat: self.chat, act: InChat::Watch(true) });
            out.give(Command::InChat { chat: self.chat, act: InChat::Pins });
            if known.chat.kind == ChatKind::Group {
                out.give(Command::InChat { chat: self.chat, act: InChat::Members });
            }
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        if let Some(viewer) = &self.viewer {
            if viewer.show(ui, scene, out) {
                self.viewer = None;
            }
            return;
        }
        self.take_dropped(ui, scene, known, out);
        viewer::invite_files(ui, scene);
        let turned = if self.beside { Turned::default() } else { chat_head::show(ui, scene, known, out) };
        if turned.search || ui.input_mut(|input| input.consume_shortcut(&SEARCH)) {
            self.search.toggle(self.chat, out);
        }
        if turned.members {
            self.members = if self.members.is_some() { None } else { Some(Members::default()) };
        }
        if let Some(members) = &mut self.members {
            let mut close = false;
            if ui.available_width() < size::SIDE_FROM {
                // There is no side: they stand in the chat's place.
                if members.show(ui, scene, known, out) {
                    self.members = None;
                }
                return;
            }
            let side = Panel::right("members").exact_size(size::SIDE).resizable(false);
            side.frame(Frame::NONE).show(ui, |ui| close = members.show(ui, scene, known, out));
            if close {
                self.members = None;
            }
        }
        self.search.field(ui, scene, self.chat, out);
        if let Some(call) = scene.view.state.call.as_ref().filter(|call| call.call.chat == self.chat && !self.beside) {
            call::bar(ui, scene, call, out);
        }
        if let Some(to) = pins::show(ui, scene, known) {
            self.history.jump(to);
        }
        let quoted = self.composer.about().and_then(|of| known.line(of)).map(|message| message.text.clone());
        controls::at_the_bottom(ui, "composer", |ui| {
            if let Some(text) = composer::typing(scene, known, &mut self.typing) {
                Frame::new().inner_margin(Margin::symmetric(16, 0)).show(ui, |ui| {
                    ui.label(RichText::new(text).font(regular(letter::SMALL)).color(Palette::of(ui).soft));
                });
                // It is over when nothing more is heard.
                ui.ctx().request_repaint_after(std::time::Duration::from_secs(2));
            }
            transfers(ui, scene, self.chat);
            notices::show_trouble(ui, scene, out);
            match known.chat.standing {
                Standing::Joined => self.composer.show(ui, scene, known, quoted, out),
                Standing::Requested => requested(ui, scene, self.chat, out),
                _ => {}
            }
        });
        CentralPanel::no_frame().show(ui, |ui| {
            let nothing = known.lines.is_empty() && known.lookup.is_none() && !known.has_older;
            if nothing {
                let name = names::of_chat(scene, &known.chat);
                let text = scene.words.with("chat-empty-text", &[("name", Value::Text(&name))]);
                return contacts::empty(ui, &scene.say("chat-empty"), &text, icons::CHAT_CIRCLE);
            }
            if self.search.is_open() {
                if let Some(to) = self.search.hits(ui, scene, self.chat, out) {
                    self.history.jump(to);
                }
                return;
            }
            match self.history.show(ui, scene, known, out) {
                Some(With::View(file)) => self.viewer = Some(Viewer::new(file)),
                Some(With::Jump(to)) => self.history.jump(to),
                Some(with) => self.composer.take(with),
                None => {}
            }
        });
        self.keep_draft(ui, scene, out);
        let seen = scene.focused && self.history.is_at_end() && known.lookup.is_none();
        if seen && known.unread > 0 && known.newest > self.read {
            self.read = known.newest;
            out.give(Command::InChat { chat: self.chat, act: InChat::Read(None) });
        }
    }

    /// Has what is being written kept: a little after it has changed, and at once when it is sent.
    fn keep_draft(&mut self, ui: &Ui, scene: &Scene<'_>, out: &mut Out) {
        let draft = self.composer.draft();
        let (known, since) = &mut self.drafted;
        if draft == *known {
            return;
        }
        let waited = scene.now.at.saturating_sub(*since);
        if draft.is_empty() || waited >= DRAFT_MS {
            (*known, *since) = (draft.clone(), scene.now.at);
            out.act(Action::Draft(self.chat, draft));
        } else {
            ui.ctx().request_repaint_after(std::time::Duration::from_millis(DRAFT_MS - waited));
        }
    }

    /// Files that were dropped on the window go with the next line.
    fn take_dropped(&mut self, ui: &Ui, scene: &Scene<'_>, known: &ChatState, out: &mut Out) {
        let dropped = ui.ctx().input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        if known.chat.standing != Standing::Joined || dropped.is_empty() {
            return;
        }
        let (files, unfit) = Staged::look_at_all(dropped.into_iter().filter_map(|file| file.path));
        for trouble in self.stage(scene.words, files, &unfit) {
            out.act(Action::Complain(trouble));
        }
    }

    /// What is being written, when the window is closed.
    pub fn draft(&self) -> Draft {
        self.composer.draft()
    }

    /// What the engine must know when the window is closed.
    pub fn closing(&self) -> Command {
        Command::InChat { chat: self.chat, act: InChat::Watch(false) }
    }
}

/// Files on their way up, with how far they have come.
fn transfers(ui: &mut Ui, scene: &Scene<'_>, chat: ChatId) {
    let palette = Palette::of(ui);
    let mine = scene.view.state.transfers.values().filter(|transfer| transfer.up && transfer.chat == Some(chat));
    for transfer in mine {
        Frame::new().inner_margin(Margin::symmetric(16, 4)).show(ui, |ui| {
            let (area, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 24.0), egui::Sense::hover());
            let words = attachment::progress_words(scene, transfer);
            let name = [("name", Value::Text(&transfer.name)), ("how", Value::Text(&words))];
            let text = scene.words.with("file-sending", &name);
            let font = regular(letter::SMALL);
            controls::line(ui, area.min, area.width(), &text, font, palette.soft);
            let bar = egui::Rect::from_min_max(egui::pos2(area.left(), area.bottom() - 4.0), area.max);
            attachment::progress_bar(ui, bar, transfer);
        });
    }
}

/// Before anything can be written, the request is answered.
fn requested(ui: &mut Ui, scene: &Scene<'_>, chat: ChatId, out: &mut Out) {
    Frame::new().inner_margin(Margin::same(space::NORMAL as i8)).show(ui, |ui| {
        if controls::primary_button(ui, &scene.say("request-accept"), true).clicked() {
            out.give(Command::InChat { chat, act: InChat::Accept });
        }
        if controls::quiet_button(ui, &scene.say("request-decline")).clicked() {
            out.give(Command::InChat { chat, act: InChat::Decline });
        }
    });
}

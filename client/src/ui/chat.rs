//! A chat in a window of its own: its head, its history, and where the next line is written.

use egui::{CentralPanel, Frame, Margin, RichText, Ui};
use relay::vocabulary::{ChatId, Standing};

use super::{
    Action, Native, Out, Scene, call, chat_head,
    composer::{self, Composer},
    contacts, controls,
    history::History,
    icons, names,
    theme::{Palette, letter, regular, space},
};
use crate::engine::{ChatState, Command, InChat, Line};

/// One chat's window.
#[derive(Debug)]
pub struct ChatScreen {
    chat: ChatId,
    history: History,
    composer: Composer,
    watched: bool,
    typing: composer::Seen,
    /// Up to where the server was told that this was read.
    read: u64,
}

impl ChatScreen {
    pub fn new(chat: ChatId) -> Self {
        Self {
            chat,
            history: History::default(),
            composer: Composer::default(),
            watched: false,
            typing: composer::Seen::new(),
            read: 0,
        }
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
            out.give(Command::InChat { chat: self.chat, act: InChat::Watch(true) });
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        chat_head::show(ui, scene, known, out);
        if let Some(call) = scene.view.state.call.as_ref().filter(|call| call.call.chat == self.chat) {
            call::bar(ui, scene, call, out);
        }
        let quoted = self.composer.about().and_then(|of| text_of(known, of));
        controls::at_the_bottom(ui, "composer", |ui| {
            if let Some(text) = composer::typing(scene, known, &mut self.typing) {
                Frame::new().inner_margin(Margin::symmetric(16, 0)).show(ui, |ui| {
                    ui.label(RichText::new(text).font(regular(letter::SMALL)).color(Palette::of(ui).soft));
                });
                // It is over when nothing more is heard.
                ui.ctx().request_repaint_after(std::time::Duration::from_secs(2));
            }
            match known.chat.standing {
                Standing::Joined => self.composer.show(ui, scene, self.chat, quoted, out),
                Standing::Requested => requested(ui, scene, self.chat, out),
                _ => {}
            }
        });
        CentralPanel::no_frame().show(ui, |ui| {
            let nothing = known.lines.is_empty() && known.lookup.is_none() && !known.has_older;
            if nothing {
                let name = names::of_chat(scene, &known.chat);
                let text = scene.words.with("chat-empty-text", &[("name", super::Value::Text(&name))]);
                return contacts::empty(ui, &scene.say("chat-empty"), &text, icons::CHAT_CIRCLE);
            }
            if let Some(with) = self.history.show(ui, scene, known, out) {
                self.composer.take(with);
            }
        });
        let seen = scene.focused && self.history.is_at_end() && known.lookup.is_none();
        if seen && known.unread > 0 && known.newest > self.read {
            self.read = known.newest;
            out.give(Command::InChat { chat: self.chat, act: InChat::Read(None) });
        }
    }

    /// What the engine must know when the window is closed.
    pub fn closing(&self) -> Command {
        Command::InChat { chat: self.chat, act: InChat::Watch(false) }
    }
}

fn text_of(chat: &ChatState, sequence: u64) -> Option<String> {
    let looked_up = chat.lookup.iter().flat_map(|lookup| &lookup.lines).map(|stored| &stored.message);
    let at_hand = chat.lines.iter().filter_map(|line| match line {
        Line::Stored(stored) => Some(&stored.message),
        Line::Pending { .. } => None,
    });
    looked_up.chain(at_hand).find(|message| message.sequence == sequence).map(|message| message.text.clone())
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

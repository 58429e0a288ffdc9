//! A call in a window of its own: the pictures, and beside them the chat that it was started from, where there is room.

use egui::{CentralPanel, Frame, Panel, Ui};
use relay::vocabulary::ChatId;

use super::{
    Action, ChatScreen, Native, Out, Scene, call,
    call::CallRegion,
    controls, icons,
    theme::{Palette, size},
    title_bar,
};
use crate::engine::Command;

/// The window of a call.
#[derive(Debug)]
pub struct CallScreen {
    region: CallRegion,
    chat: Option<ChatScreen>,
    with_chat: bool,
}

impl Default for CallScreen {
    fn default() -> Self {
        Self { region: CallRegion::alone(), chat: None, with_chat: true }
    }
}

impl CallScreen {
    /// What the native window is called.
    pub fn title(&self, scene: &Scene<'_>) -> String {
        let call = scene.view.state.call.as_ref();
        call.map_or_else(|| scene.say("app-name"), |call| call::other_name(scene, call::other(scene, call)).to_owned())
    }

    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let Some(call) = scene.view.state.call.as_ref().filter(|call| call::is_talking(call)) else {
            // It is over.
            return out.act(Action::Native(Native::PopOut(false)));
        };
        ui.spacing_mut().item_spacing.y = 0.0;
        let wide = ui.available_width() >= size::CALL_WIDE;
        if !self.region.is_full_screen() {
            let title = self.title(scene);
            title_bar::show(ui, scene, &title, out, |ui, out| {
                if controls::icon_button(ui, icons::ARROW_SQUARE_IN, &scene.say("call-pop-in")).clicked() {
                    out.act(Action::Native(Native::PopOut(false)));
                }
                let accent = if self.with_chat { Palette::of(ui).accent_text } else { Palette::of(ui).soft };
                let name = scene.say(if self.with_chat { "call-chat-hide" } else { "call-chat-show" });
                if wide && controls::icon_button_in(ui, icons::CHAT_CIRCLE, &name, accent).clicked() {
                    self.with_chat = !self.with_chat;
                }
            });
        }
        if wide && self.with_chat {
            self.show_chat(ui, scene, call.call.chat, out);
        }
        CentralPanel::no_frame().show(ui, |ui| self.region.show(ui, scene, None, out));
    }

    fn show_chat(&mut self, ui: &mut Ui, scene: &Scene<'_>, chat: ChatId, out: &mut Out) {
        if !scene.view.state.chats.contains_key(&chat) {
            return;
        }
        let screen = self.chat.get_or_insert_with(|| ChatScreen::beside(chat));
        let side = Panel::right("chat").exact_size(size::CALL_CHAT).resizable(false);
        side.frame(Frame::NONE).show(ui, |ui| screen.show(ui, scene, out));
    }

    /// The chat beside the picture, if it is this one.
    pub fn chat(&mut self, chat: ChatId) -> Option<&mut ChatScreen> {
        self.chat.as_mut().filter(|screen| screen.chat() == chat)
    }

    /// The chat beside the picture.
    pub fn beside(&self) -> Option<&ChatScreen> {
        self.chat.as_ref().filter(|_| self.with_chat)
    }

    /// What the engine must know when the window is closed.
    pub fn closing(&self) -> Option<Command> {
        self.chat.as_ref().map(ChatScreen::closing)
    }
}

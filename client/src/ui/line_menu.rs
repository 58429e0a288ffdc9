//! What can be done with a line: reactions at hand, replying, copying, pinning, and with an own one changing it.

use egui::{Ui, Vec2};
use relay::vocabulary::{
    Change, ChatKind, ChatRole, Message,
    markup::{Block, parse},
};

use super::{
    Out, Scene,
    contacts::menu_item,
    controls, emoji,
    history::With,
    icons,
    theme::{letter, size},
};
use crate::engine::{ChatState, Command};

/// Emoji that are at hand.
const EMOJI: [&str; 6] = ["👍", "❤", "😂", "😮", "🙏", "🎉"];

/// Draws the entries. Gives what the composer or the history is to do.
pub fn show(
    ui: &mut Ui,
    scene: &Scene<'_>,
    chat: &ChatState,
    message: &Message,
    change: impl Fn(Change) -> Command,
    out: &mut Out,
) -> Option<With> {
    let mut with = None;
    let of = message.sequence;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for emoji in EMOJI {
            let button = egui::Button::new(egui::RichText::new(emoji).size(letter::ICON)).frame(false);
            let button = ui.add_sized(Vec2::splat(size::ICON_BUTTON), button);
            let name = emoji::of_sign(emoji).map_or(emoji, |emoji| emoji.name(scene.words.tongue()));
            if controls::named(ui, button, name).on_hover_text(name).clicked() {
                out.give(change(Change::React { of, emoji: emoji.to_owned(), on: true }));
                ui.close();
            }
        }
        if controls::icon_button(ui, icons::PLUS, &scene.say("chat-react-other")).clicked() {
            with = Some(With::React(of));
            ui.close();
        }
    });
    ui.separator();
    if menu_item(ui, icons::ARROW_BEND_UP_LEFT, &scene.say("chat-reply")) {
        with = Some(With::Reply(of));
    }
    if menu_item(ui, icons::COPY, &scene.say("chat-copy")) {
        ui.ctx().copy_text(message.text.clone());
    }
    let code: Vec<&str> = code_of(&message.text);
    if !code.is_empty() && menu_item(ui, icons::COPY, &scene.say("chat-copy-code")) {
        ui.ctx().copy_text(code.join("\n"));
    }
    if may_pin(chat) {
        let (icon, word) =
            if message.pinned { (icons::PUSH_PIN_SLASH, "chat-unpin") } else { (icons::PUSH_PIN, "chat-pin") };
        if menu_item(ui, icon, &scene.say(word)) {
            out.give(change(Change::Pin { of, on: !message.pinned }));
        }
    }
    if message.from.id == scene.me() {
        if menu_item(ui, icons::PENCIL_SIMPLE, &scene.say("chat-edit")) {
            with = Some(With::Edit(of, message.text.clone()));
        }
        if menu_item(ui, icons::TRASH, &scene.say("chat-delete")) {
            out.give(change(Change::Delete { of }));
        }
    }
    with
}

/// The blocks of code in a text.
fn code_of(text: &str) -> Vec<&str> {
    let blocks = parse(text).into_iter();
    blocks
        .filter_map(|block| match block {
            Block::Code { text, .. } => Some(text),
            _ => None,
        })
        .collect()
}

/// Whether lines of a chat may be pinned by who is signed in: in a group by those who keep order.
fn may_pin(chat: &ChatState) -> bool {
    chat.chat.kind == ChatKind::Direct || chat.chat.role >= ChatRole::Moderator
}

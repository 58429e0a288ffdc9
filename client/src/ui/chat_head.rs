//! The head of a chat's window, by which it is also moved: with whom it is, and the call buttons.

use egui::{Rect, Sense, Ui, Vec2};
use relay::vocabulary::ChatKind;

use super::{
    Action, Native, Out, Scene, Value, avatar, controls, icons, names, presence,
    theme::{Palette, letter, regular, semibold, size, space},
    title_bar,
};
use crate::engine::{ChatState, Command};

pub const HEIGHT: f32 = 56.0;

/// Draws it. Says whether the person wants to search, or no more.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) -> bool {
    let palette = Palette::of(ui);
    let (area, grip) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::click_and_drag());
    if grip.drag_started() {
        out.act(Action::Native(Native::Move));
    }
    ui.painter().hline(area.x_range(), area.bottom(), egui::Stroke::new(1.0, palette.line));
    let other = names::other(&chat.chat, scene.me()).filter(|_| chat.chat.kind == ChatKind::Direct);
    let contact = other.and_then(|(id, _)| scene.view.state.roster.contacts.get(&id));
    let name = names::of_chat(scene, &chat.chat);
    let centre = area.left_center() + Vec2::new(space::WIDE + size::AVATAR / 2.0, 0.0);
    let face = other.map_or(chat.chat.id.wrapping_mul(3), |(id, _)| id);
    avatar::draw(ui, centre, size::AVATAR, face, &name, contact.map(|contact| contact.presence.state));
    let line = match (contact, chat.chat.kind) {
        (_, ChatKind::Group) => {
            scene.words.with("chat-members", &[("count", Value::Number(u64::from(chat.chat.joined)))])
        }
        (Some(contact), _) => presence::line(scene, &contact.presence),
        (None, _) => scene.say("chat-no-contact"),
    };
    let left = centre.x + size::AVATAR / 2.0 + space::NORMAL;
    let width = area.right() - left - 5.0 * size::ICON_BUTTON - space::NORMAL;
    controls::line(ui, egui::pos2(left, area.center().y - 18.0), width, &name, semibold(letter::HEADING), palette.text);
    controls::line(ui, egui::pos2(left, area.center().y + 3.0), width, &line, regular(letter::SMALL), palette.soft);
    let inside = Rect::from_min_max(area.min, area.max - Vec2::new(space::SMALL, 0.0));
    let mut search = false;
    title_bar::buttons(ui, scene, out, inside, |ui, out| {
        let button = controls::icon_button(ui, icons::MAGNIFYING_GLASS, &scene.say("chat-search"));
        search = controls::turns(ui, &button);
        if scene.view.state.call.is_some() {
            return;
        }
        let accent = palette.accent_text;
        if controls::icon_button_in(ui, icons::VIDEO_CAMERA, &scene.say("call-video"), accent).clicked() {
            out.act(Action::Hide(false));
            out.give(Command::Call { chat: chat.chat.id });
        }
        if controls::icon_button_in(ui, icons::PHONE, &scene.say("call-voice"), accent).clicked() {
            out.act(Action::Hide(true));
            out.give(Command::Call { chat: chat.chat.id });
        }
    });
    search
}

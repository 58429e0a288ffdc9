//! The head of a chat's window, by which it is also moved: with whom it is, and the call buttons.

use egui::{Popup, Rect, Sense, Ui, Vec2};
use relay::vocabulary::ChatKind;

use super::{
    Action, Native, Out, Scene, Value,
    avatar::Face,
    contacts::menu_item,
    controls, icons, names, presence,
    theme::{Palette, letter, regular, semibold, size, space},
    title_bar,
};
use crate::engine::{ChatState, Command};

pub const HEIGHT: f32 = 56.0;

/// What the person wants of the chat's window, each of which turns over: the search, the members at the side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    pub search: bool,
    pub members: bool,
}

/// Draws it.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState, out: &mut Out) -> Turned {
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
    let face = Face::of_chat(scene, &chat.chat, &name);
    face.draw(ui, scene, centre, size::AVATAR, contact.map(|contact| contact.presence.state), out);
    let line = match (contact, chat.chat.kind) {
        (_, ChatKind::Group) => {
            scene.words.with("chat-members", &[("count", Value::Number(u64::from(chat.chat.joined)))])
        }
        (Some(contact), _) => presence::line(scene, &contact.presence),
        (None, _) => scene.say("chat-no-contact"),
    };
    let left = centre.x + size::AVATAR / 2.0 + space::NORMAL;
    let is_group = chat.chat.kind == ChatKind::Group;
    let narrow = area.width() < size::HEAD_NARROW;
    let calls = if scene.view.state.call.is_none() { 2 } else { 0 };
    let others = if narrow { 1 } else { 2 + usize::from(is_group) };
    let width = area.right() - left - (1 + calls + others) as f32 * size::ICON_BUTTON - space::NORMAL;
    controls::line(ui, egui::pos2(left, area.center().y - 18.0), width, &name, semibold(letter::HEADING), palette.text);
    controls::line(ui, egui::pos2(left, area.center().y + 3.0), width, &line, regular(letter::SMALL), palette.soft);
    let inside = Rect::from_min_max(area.min, area.max - Vec2::new(space::SMALL, 0.0));
    let mut turned = Turned::default();
    // A name is read before all that can be done.
    title_bar::buttons_with(ui, scene, out, inside, !narrow, |ui, out| {
        if narrow {
            let more = controls::icon_button(ui, icons::DOTS_THREE, &scene.say("chat-more"));
            Popup::menu(&more).show(|ui| turned = menu(ui, scene, is_group, out));
        } else {
            let search = controls::icon_button(ui, icons::MAGNIFYING_GLASS, &scene.say("chat-search"));
            turned.search = controls::turns(ui, &search);
            if is_group {
                let members = controls::icon_button(ui, icons::USERS, &scene.say("group-members"));
                turned.members = controls::turns(ui, &members);
            }
        }
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
    turned
}

/// What a narrow head has no place for.
fn menu(ui: &mut Ui, scene: &Scene<'_>, is_group: bool, out: &mut Out) -> Turned {
    let search = menu_item(ui, icons::MAGNIFYING_GLASS, &scene.say("chat-search"));
    let members = is_group && menu_item(ui, icons::USERS, &scene.say("group-members"));
    if menu_item(ui, icons::MINUS, &scene.say("window-minimise")) {
        out.act(Action::Native(Native::Minimise));
    }
    Turned { search, members }
}

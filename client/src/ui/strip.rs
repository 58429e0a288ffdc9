//! The strip: only faces, for those who want to lose as little of their desktop as can be.

use std::sync::Arc;

use egui::{Id, ScrollArea, Sense, Ui, UiBuilder, Vec2};
use relay::vocabulary::Contact;

use super::{
    Action, Out, Scene, Then,
    avatar::Face,
    controls, icons, names, presence,
    theme::{Palette, size, space},
};
use crate::{app::Entrance, engine::Roster, home::Dock};

const ROW: f32 = size::AVATAR + space::SMALL;

/// What the strip remembers: in which order the contacts stand, and whose order that is.
#[derive(Debug, Default)]
pub struct Strip {
    order: Vec<u64>,
    sorted: Option<Arc<Roster>>,
}

impl Strip {
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
        let palette = Palette::of(ui);
        ui.vertical_centered(|ui| {
            ui.add_space(space::TINY);
            if controls::icon_button(ui, icons::CARET_LEFT, &scene.say("dock-widen")).clicked() {
                let mut preferences = scene.preferences.clone();
                preferences.dock = Dock::Right;
                out.act(Action::Prefer(preferences));
            }
            if scene.view.entrance != Entrance::Inside {
                return;
            }
            if let Some(call) = scene.view.state.call.as_ref().filter(|call| !call.outgoing && !call.joined) {
                ui.add_space(space::SMALL);
                let accept = controls::round_button(
                    ui,
                    icons::PHONE_INCOMING,
                    &scene.words.with("call-from", &[("name", super::Value::Text(&call.call.caller.name))]),
                    palette.good,
                    palette.on_good,
                    size::AVATAR,
                );
                if accept.clicked() {
                    out.give(crate::engine::Command::Accept { call: call.call.id });
                }
            }
            ui.add_space(space::SMALL);
            let state = &scene.view.state;
            self.sort(&state.roster);
            ui.spacing_mut().item_spacing.y = 0.0;
            ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, self.order.len(), |ui, seen| {
                let contacts = self.order[seen].iter().filter_map(|account| state.roster.contacts.get(account));
                for contact in contacts {
                    // Of its own, whatever is in sight above it: the keyboard stays where it is.
                    let id = Id::new(("strip", contact.who.id));
                    ui.scope_builder(UiBuilder::new().id(id), |ui| face(ui, scene, contact, out));
                }
            });
        });
    }

    /// Those who can be reached come first.
    fn sort(&mut self, roster: &Arc<Roster>) {
        if self.sorted.as_ref().is_some_and(|sorted| Arc::ptr_eq(sorted, roster)) {
            return;
        }
        let mut contacts: Vec<_> = roster.contacts.values().collect();
        contacts.sort_by_cached_key(|contact| {
            (presence::rank(contact.presence.state), names::of_profile(&contact.who).to_lowercase())
        });
        self.order = contacts.iter().map(|contact| contact.who.id).collect();
        self.sorted = Some(roster.clone());
    }
}

fn face(ui: &mut Ui, scene: &Scene<'_>, contact: &Contact, out: &mut Out) {
    let palette = Palette::of(ui);
    let state = &scene.view.state;
    let (area, face) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    controls::follow_focus(&face);
    if face.hovered() || face.has_focus() {
        ui.painter().rect_filled(area.shrink2(Vec2::new(4.0, 0.0)), 10.0, palette.hover);
    }
    let name = names::of_profile(&contact.who);
    let shown = Face::of(scene, contact.who.id, name);
    shown.draw(ui, scene, area.center(), size::AVATAR, Some(contact.presence.state), out);
    let chat = names::direct_chat_of(state, contact.who.id);
    let unread = chat.and_then(|chat| state.chats.get(&chat)).map_or(0, |known| known.unread);
    if unread > 0 {
        let at = egui::pos2(area.center().x + size::AVATAR / 2.0 + 11.0, area.top() + 10.0);
        controls::badge(ui, at, unread);
    }
    let line = presence::line(scene, &contact.presence);
    let face = controls::named(ui, face, &format!("{name}, {line}")).on_hover_text(format!("{name}\n{line}"));
    if face.clicked() {
        out.act(chat.map_or_else(|| Action::Meet { name: contact.who.name.clone(), then: Then::Talk }, Action::Show));
    }
}

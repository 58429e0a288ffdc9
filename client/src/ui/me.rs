//! Who I am and what I say of myself: name, presence, status text.

use egui::{Popup, Rect, RichText, Sense, TextEdit, Ui, Vec2};
use relay::vocabulary::Wish;

use super::{
    Out, Scene,
    avatar::Face,
    contacts::menu_item,
    controls, icons, names, presence,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::engine::Command;

/// A status text that is being written.
#[derive(Debug, Default)]
pub struct Me {
    status: Option<String>,
}

impl Me {
    /// Draws it. Says whether the person wants to see their profile.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        let Some(account) = &scene.view.state.account else {
            // Known again as soon as the server answers.
            let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::CONTACT_ROW), Sense::hover());
            let user = scene.view.suggested.user.as_str();
            face(ui, scene, area, 0, user, out);
            return false;
        };
        let (area, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::CONTACT_ROW), Sense::click());
        if row.hovered() || row.has_focus() {
            ui.painter().rect_filled(area.expand2(Vec2::new(4.0, 0.0)), 8.0, palette.hover);
        }
        let me = scene.view.state.me.as_ref().filter(|me| me.profile.id == account.id);
        let name = me.map_or(account.name.as_str(), |me| names::of_profile(&me.profile));
        face(ui, scene, area, account.id, name, out);
        let caret = egui::Align2::RIGHT_CENTER;
        ui.painter().text(area.right_center(), caret, icons::CARET_DOWN, regular(letter::BODY), palette.soft);
        let row = controls::named(ui, row, &scene.say("me-change"));
        let menu = Popup::menu(&row)
            .width(area.width())
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .show(|ui| self.menu(ui, scene, out));
        menu.is_some_and(|menu| menu.inner)
    }

    fn menu(&mut self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        let own = &scene.view.state.roster.own;
        ui.spacing_mut().item_spacing.y = 0.0;
        for (wish, state, word) in [
            (Wish::Available, relay::vocabulary::Availability::Available, "presence-available"),
            (Wish::Away, relay::vocabulary::Availability::Away, "presence-away"),
            (Wish::DoNotDisturb, relay::vocabulary::Availability::DoNotDisturb, "presence-do-not-disturb"),
        ] {
            let (area, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::BUTTON), Sense::click());
            if row.hovered() || row.has_focus() {
                ui.painter().rect_filled(area, 6.0, palette.hover);
            }
            presence::sign(ui, area.left_center() + Vec2::new(16.0, 0.0), 5.5, state);
            let (at, word) = (area.left_center() + Vec2::new(34.0, 0.0), scene.say(word));
            ui.painter().text(at, egui::Align2::LEFT_CENTER, &word, regular(letter::BODY), palette.text);
            if own.chosen == wish {
                let at = area.right_center() - Vec2::new(10.0, 0.0);
                ui.painter().text(
                    at,
                    egui::Align2::RIGHT_CENTER,
                    icons::CHECK,
                    regular(letter::BODY),
                    palette.accent_text,
                );
            }
            if controls::named(ui, row, &word).clicked() {
                out.give(Command::SetPresence { state: Some(wish), status: None });
                ui.close();
            }
        }
        ui.add_space(space::SMALL);
        let status = self.status.get_or_insert_with(|| own.presence.status.clone());
        let label = ui.label(RichText::new(scene.say("status")).font(regular(letter::SMALL)).color(palette.soft));
        ui.add_space(space::TINY);
        let edit = TextEdit::singleline(status)
            .hint_text(scene.say("status-hint"))
            .char_limit(relay::vocabulary::STATUS_TEXT_MAX / 4)
            .desired_width(f32::INFINITY)
            .frame(controls::field_frame(palette));
        let edit = ui.add(edit).labelled_by(label.id);
        controls::field_edge(ui, &edit);
        ui.add_space(space::TINY);
        if controls::entered(ui, &edit) || edit.lost_focus() && *status != own.presence.status {
            out.give(Command::SetPresence { state: None, status: Some(status.trim().to_owned()) });
            self.status = None;
            ui.close();
        }
        ui.separator();
        menu_item(ui, icons::PENCIL_SIMPLE, &scene.say("profile-edit"))
    }
}

fn face(ui: &Ui, scene: &Scene<'_>, area: Rect, account: u64, name: &str, out: &mut Out) {
    let palette = Palette::of(ui);
    let own = &scene.view.state.roster.own.presence;
    let centre = area.left_center() + Vec2::new(size::AVATAR / 2.0, 0.0);
    Face::of(scene, account, name).draw(ui, scene, centre, size::AVATAR, Some(own.state), out);
    let left = centre.x + size::AVATAR / 2.0 + space::NORMAL;
    let width = area.right() - left - space::LARGE;
    controls::line(ui, egui::pos2(left, area.center().y - 18.0), width, name, semibold(letter::HEADING), palette.text);
    let line = presence::line(scene, own);
    controls::line(ui, egui::pos2(left, area.center().y + 2.0), width, &line, regular(letter::SMALL), palette.soft);
}

//! Choosing several people: from the contacts by any part of their names, or by the name of an account.

use egui::{RichText, Sense, TextEdit, Ui, Vec2};
use relay::vocabulary::NAME_MAX;

use super::{
    Out, Scene, Value,
    avatar::Face,
    controls, icons, names,
    theme::{Palette, letter, radius, regular, size, space},
};

/// Contacts that are offered at a time.
const OFFERED: usize = 5;

const ROW: f32 = 38.0;

/// Those who were chosen so far, and what is being written.
#[derive(Debug, Default)]
pub struct PeoplePicker {
    text: String,
    /// Names of accounts.
    chosen: Vec<String>,
}

impl PeoplePicker {
    /// Names of the accounts that were chosen; what is written and not chosen counts as one.
    pub fn names(&self) -> Vec<String> {
        let written = Some(self.text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut names = self.chosen.clone();
        names.extend(written.filter(|name| !self.chosen.contains(name)));
        names
    }

    /// Draws it; contacts that are `left_out` are not offered. Gives whether the person finished with Enter.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, left_out: impl Fn(u64) -> bool, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        self.chips(ui, scene);
        let name = scene.say("people-choose");
        let field = TextEdit::singleline(&mut self.text)
            .hint_text(RichText::new(&name).color(palette.soft))
            .char_limit(NAME_MAX)
            .font(regular(letter::BODY))
            .desired_width(f32::INFINITY)
            .min_size(Vec2::new(0.0, size::FIELD))
            .vertical_align(egui::Align::Center)
            .frame(controls::field_frame(palette));
        let field = ui.add(field);
        field.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, &name));
        controls::field_edge(ui, &field);
        let entered = controls::entered(ui, &field);
        let offered = self.offered(scene, left_out);
        let first = offered.first().map(|(_, name)| name.clone());
        let mut taken = None;
        ui.spacing_mut().item_spacing.y = 0.0;
        for (account, name) in offered {
            if person(ui, scene, account, &name, out) {
                taken = Some(name);
            }
        }
        if entered && !self.text.trim().is_empty() {
            taken = first.or_else(|| Some(self.text.trim().to_owned()));
        }
        match taken {
            Some(name) => {
                if !self.chosen.contains(&name) {
                    self.chosen.push(name);
                }
                self.text.clear();
                field.request_focus();
                false
            }
            None => entered && !self.chosen.is_empty(),
        }
    }

    fn chips(&mut self, ui: &mut Ui, scene: &Scene<'_>) {
        if self.chosen.is_empty() {
            return;
        }
        let mut gone = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(space::TINY);
            for (index, name) in self.chosen.iter().enumerate() {
                let text = format!("{}  {}", shown(scene, name), icons::X);
                let chip = controls::small_button(ui, &text, false);
                let says = scene.words.with("people-drop", &[("name", Value::Text(shown(scene, name)))]);
                if controls::named(ui, chip, &says).clicked() {
                    gone = Some(index);
                }
            }
        });
        ui.add_space(space::TINY);
        if let Some(index) = gone {
            self.chosen.remove(index);
        }
    }

    /// Contacts whose names have what is written, with the names of their accounts.
    fn offered(&self, scene: &Scene<'_>, left_out: impl Fn(u64) -> bool) -> Vec<(u64, String)> {
        let wanted = self.text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let contacts = scene.view.state.roster.contacts.values();
        let found = contacts.filter(|contact| {
            let has = |name: &str| name.to_lowercase().contains(&wanted);
            !left_out(contact.who.id)
                && !self.chosen.contains(&contact.who.name)
                && (has(&contact.who.name) || has(names::of_profile(&contact.who)))
        });
        found.take(OFFERED).map(|contact| (contact.who.id, contact.who.name.clone())).collect()
    }
}

/// How someone with this account wants to be called, if it is a contact.
fn shown<'a>(scene: &'a Scene<'_>, name: &'a str) -> &'a str {
    let contacts = &scene.view.state.roster.contacts;
    contacts.values().find(|contact| contact.who.name == name).map_or(name, |contact| names::of_profile(&contact.who))
}

fn person(ui: &mut Ui, scene: &Scene<'_>, account: u64, name: &str, out: &mut Out) -> bool {
    let palette = Palette::of(ui);
    let (area, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    if row.hovered() || row.has_focus() {
        ui.painter().rect_filled(area, f32::from(radius::SMALL), palette.hover);
    }
    let shown = names::of_member(&scene.view.state, account, name);
    let centre = area.left_center() + Vec2::new(space::SMALL + size::AVATAR_SMALL / 2.0, 0.0);
    Face::of(scene, account, shown).draw(ui, scene, centre, size::AVATAR_SMALL, None, out);
    let left = centre.x + size::AVATAR_SMALL / 2.0 + space::SMALL;
    let at = egui::pos2(left, area.center().y - 9.0);
    controls::line(ui, at, area.right() - left - space::SMALL, shown, regular(letter::BODY), palette.text);
    controls::focus_ring(ui, &row, radius::SMALL);
    let says = scene.words.with("people-take", &[("name", Value::Text(shown))]);
    controls::named(ui, row, &says).clicked()
}

//! What can be preferred: language, theme, where the window sits; signing out. Effective at once.

use egui::{Frame, Margin, RichText, Ui};

use super::{
    Action, Out, Scene, Value, controls, icons,
    theme::{Palette, letter, radius, regular, semibold, size, space},
};
use crate::home::{Dock, Language, Preferences, Theme};

/// What the main window shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    People,
    Preferences,
    /// What one says of oneself.
    Profile,
}

/// Draws the page. Says whether the person wants to leave it.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, inside: bool, out: &mut Out) -> bool {
    let palette = Palette::of(ui);
    let mut leave = false;
    Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        ui.horizontal(|ui| {
            leave = controls::icon_button(ui, icons::CARET_LEFT, &scene.say("back")).clicked();
            ui.label(RichText::new(scene.say("preferences")).font(semibold(letter::HEADING)).color(palette.text));
        });
        ui.add_space(space::SMALL);
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let mut chosen = scene.preferences.clone();
            choices(ui, scene, &mut chosen);
            if chosen != *scene.preferences {
                out.act(Action::Prefer(chosen));
            }
            ui.add_space(space::LARGE);
            if let Some(account) = &scene.view.state.account {
                let who = [("name", Value::Text(&account.name)), ("server", Value::Text(&scene.view.suggested.server))];
                let text = scene.words.with("signed-in-as", &who);
                ui.label(RichText::new(text).font(regular(letter::SMALL)).color(palette.soft));
            }
            if inside && controls::quiet_button(ui, &scene.say("sign-out")).clicked() {
                out.act(Action::SignOut);
                leave = true;
            }
            if controls::quiet_button(ui, &scene.say("quit")).clicked() {
                out.act(Action::Quit);
            }
            if !scene.has_japanese {
                ui.add_space(space::NORMAL);
                // In English whatever was chosen: nothing else could be read.
                let text = super::Words::new(super::Tongue::English).say("fonts-no-japanese");
                controls::card(ui, true, |ui| ui.label(RichText::new(text).color(palette.text)));
            }
        });
    });
    leave
}

fn choices(ui: &mut Ui, scene: &Scene<'_>, chosen: &mut Preferences) {
    let languages = [
        (Language::System, scene.say("as-the-system")),
        (Language::English, scene.say("language-english")),
        (Language::Japanese, scene.say("language-japanese")),
    ];
    choice(ui, &scene.say("language"), &languages, &mut chosen.language);
    let themes = [
        (Theme::System, scene.say("as-the-system")),
        (Theme::Light, scene.say("theme-light")),
        (Theme::Dark, scene.say("theme-dark")),
    ];
    choice(ui, &scene.say("theme"), &themes, &mut chosen.theme);
    let docks = [
        (Dock::Free, scene.say("dock-free")),
        (Dock::Left, scene.say("dock-left")),
        (Dock::Right, scene.say("dock-right")),
        (Dock::Strip, scene.say("dock-strip")),
    ];
    choice(ui, &scene.say("dock"), &docks, &mut chosen.dock);
}

/// One of a few, side by side, where each has the same place.
fn choice<T: PartialEq + Copy>(ui: &mut Ui, name: &str, options: &[(T, String)], chosen: &mut T) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(name).font(regular(letter::SMALL)).color(palette.soft));
    ui.add_space(-space::TINY);
    Frame::new().fill(palette.hover).corner_radius(radius::NORMAL).inner_margin(Margin::same(3)).show(ui, |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let width = ui.available_width() / options.len() as f32;
        ui.horizontal(|ui| {
            for (value, text) in options {
                let (area, response) =
                    ui.allocate_exact_size(egui::vec2(width, size::ICON_BUTTON), egui::Sense::click());
                let is_chosen = value == chosen;
                if is_chosen {
                    ui.painter().rect(
                        area,
                        radius::SMALL,
                        palette.surface,
                        egui::Stroke::new(1.0, palette.line),
                        egui::StrokeKind::Inside,
                    );
                }
                let colour = if is_chosen || response.hovered() { palette.text } else { palette.soft };
                let font = if is_chosen { semibold(letter::SMALL) } else { regular(letter::SMALL) };
                let galley = controls::cut(ui, text, font, colour, width - 6.0);
                ui.painter().galley(area.center() - galley.size() / 2.0, galley, colour);
                controls::focus_ring(ui, &response, radius::SMALL);
                response.widget_info(|| {
                    egui::WidgetInfo::selected(egui::WidgetType::RadioButton, true, is_chosen, text.as_str())
                });
                if response.clicked() {
                    *chosen = *value;
                }
            }
        });
    });
    ui.add_space(space::NORMAL);
}

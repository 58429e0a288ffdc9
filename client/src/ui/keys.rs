//! Which keys do what, as a page of the main window: F1 or Ctrl+? opens it.

use egui::{Frame, InputState, Key, Margin, Modifiers, RichText, ScrollArea, Sense, Ui, Vec2};

use super::{
    Scene, controls, icons,
    theme::{Palette, letter, radius, regular, semibold, size, space},
};

/// What is pressed, and the message that says what it does.
const KEYS: [(&str, &str); 13] = [
    ("F1", "keys-this"),
    ("Ctrl+F", "keys-search"),
    ("Ctrl+N", "keys-add"),
    ("Enter", "keys-enter"),
    ("Shift+Enter", "keys-row"),
    ("@", "keys-mention"),
    ("Ctrl+V", "keys-paste"),
    ("Esc", "keys-escape"),
    ("Tab, Shift+Tab", "keys-tab"),
    ("Space", "keys-space"),
    ("Shift+F10", "keys-menu"),
    ("Enter, Esc", "keys-call"),
    ("Space", "keys-talk"),
];

/// Whether the person asks for the list.
pub fn wanted(input: &mut InputState) -> bool {
    input.consume_key(Modifiers::NONE, Key::F1)
        || input.consume_key(Modifiers::COMMAND, Key::Questionmark)
        || input.consume_key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Questionmark)
}

/// Draws the page. Says whether the person wants to leave it.
pub fn show(ui: &mut Ui, scene: &Scene<'_>) -> bool {
    let palette = Palette::of(ui);
    let mut leave = false;
    Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        ui.horizontal(|ui| {
            leave = controls::icon_button(ui, icons::CARET_LEFT, &scene.say("back")).clicked();
            ui.label(RichText::new(scene.say("keys")).font(semibold(letter::HEADING)).color(palette.text));
        });
        ui.add_space(space::SMALL);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for (keys, says) in KEYS {
                ui.horizontal(|ui| {
                    let (area, _) = ui.allocate_exact_size(Vec2::new(104.0, size::ICON_BUTTON), Sense::hover());
                    let text = ui.painter().layout_no_wrap(keys.to_owned(), regular(letter::SMALL), palette.text);
                    let width = text.size().x + 2.0 * space::SMALL;
                    let cap =
                        egui::Rect::from_min_size(area.left_center() - Vec2::new(0.0, 11.0), Vec2::new(width, 22.0));
                    let stroke = egui::Stroke::new(1.0, palette.line);
                    let inside = egui::StrokeKind::Inside;
                    ui.painter().rect(cap, f32::from(radius::SMALL), palette.surface, stroke, inside);
                    ui.painter().galley(cap.center() - text.size() / 2.0, text, palette.text);
                    ui.add(egui::Label::new(RichText::new(scene.say(says)).color(palette.text)).wrap());
                });
            }
        });
    });
    leave
}

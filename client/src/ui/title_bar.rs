//! The slim bar on top of each window: what it is, by which it is moved, and how it is put away.

use egui::{Align2, Rect, Sense, Ui, UiBuilder, Vec2};

use super::{
    Action, Native, Out, Scene, controls, icons,
    theme::{Palette, letter, semibold, size, space},
};

/// Draws the bar over the whole width; `more` adds buttons left of the usual ones.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, title: &str, out: &mut Out, more: impl FnOnce(&mut Ui, &mut Out)) {
    let palette = Palette::of(ui);
    let (area, grip) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), size::TITLE_BAR), Sense::click_and_drag());
    if grip.drag_started() {
        out.act(Action::Native(Native::Move));
    }
    let mark = Rect::from_center_size(area.left_center() + Vec2::new(space::WIDE + 5.0, 0.0), Vec2::splat(13.0));
    draw_mark(ui, mark);
    let taken = 6.0 * size::ICON_BUTTON;
    let text = controls::cut(ui, title, semibold(letter::SMALL), palette.soft, area.width() - taken - space::HUGE);
    let at = Align2::LEFT_CENTER.anchor_size(mark.right_center() + Vec2::new(space::SMALL, 0.0), text.size());
    ui.painter().galley(at.min, text, palette.soft);
    let inside = area.shrink2(Vec2::new(space::TINY, 0.0));
    buttons(ui, scene, out, inside, more);
}

/// The window's own buttons at the right end of `bar`, and what stands left of them.
pub fn buttons(ui: &mut Ui, scene: &Scene<'_>, out: &mut Out, bar: Rect, more: impl FnOnce(&mut Ui, &mut Out)) {
    buttons_with(ui, scene, out, bar, true, more);
}

/// The same, with or without the one that minimises.
pub fn buttons_with(
    ui: &mut Ui,
    scene: &Scene<'_>,
    out: &mut Out,
    bar: Rect,
    minimises: bool,
    more: impl FnOnce(&mut Ui, &mut Out),
) {
    ui.scope_builder(UiBuilder::new().max_rect(bar), |ui| {
        controls::from_the_right(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if controls::icon_button(ui, icons::X, &scene.say("window-close")).clicked() {
                out.act(Action::Native(Native::Close));
            }
            if minimises && controls::icon_button(ui, icons::MINUS, &scene.say("window-minimise")).clicked() {
                out.act(Action::Native(Native::Minimise));
            }
            more(ui, out);
        });
    });
}

/// The mark of Komado: a small window, of which one pane is lit.
pub fn draw_mark(ui: &Ui, area: Rect) {
    let palette = Palette::of(ui);
    let radius = area.width() * 0.22;
    let stroke = egui::Stroke::new((area.width() / 9.0).max(1.5), palette.accent_text);
    ui.painter().rect_stroke(area, radius, stroke, egui::StrokeKind::Inside);
    let pane = Rect::from_min_max(area.center(), area.max - Vec2::splat(area.width() * 0.22));
    ui.painter().rect_filled(pane, radius * 0.4, palette.accent_text);
}

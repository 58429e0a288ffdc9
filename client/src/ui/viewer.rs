//! A picture of a chat, as large as its window: seen whole, saved, closed.

use egui::{Id, Key, LayerId, Order, Sense, Ui, UiBuilder, Vec2};
use relay::vocabulary::Attachment;

use super::{
    Out, Scene, attachment, controls, icons,
    theme::{Palette, letter, radius, regular, size, space},
};
use crate::app::StillKey;

/// A picture that is looked at.
#[derive(Debug)]
pub struct Viewer {
    file: Attachment,
}

impl Viewer {
    pub fn new(file: Attachment) -> Self {
        Self { file }
    }

    /// Draws it over the whole window. Says whether the person is done with it.
    pub fn show(&self, ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) -> bool {
        let palette = Palette::of(ui);
        let area = ui.max_rect();
        ui.painter().rect_filled(area, 0.0, palette.stage);
        let done = ui.interact(area, Id::new((ui.id(), "viewer")), Sense::click()).clicked();
        let inside = area.shrink2(Vec2::new(space::SMALL, size::TITLE_BAR + space::SMALL));
        let whole = StillKey::Whole(self.file.id.clone());
        if !super::still::draw_whole(ui, scene, &whole, inside, out) {
            // The small one stands there until the whole one has come.
            let (width, height) = self.file.picture.unwrap_or((1, 1));
            let place = super::still::within(Vec2::new(width.max(1) as f32, height.max(1) as f32), inside);
            let small = StillKey::Thumbnail(self.file.id.clone());
            super::still::draw(ui, scene, &small, place, 0, out);
        }
        let bar =
            egui::Rect::from_min_size(area.min, Vec2::new(area.width(), size::TITLE_BAR)).shrink2(Vec2::new(8.0, 0.0));
        let width = bar.width() - 3.0 * size::CALL_BUTTON;
        let at = bar.left_center() - Vec2::new(0.0, 8.0);
        controls::line(ui, at, width, &self.file.name, regular(letter::SMALL + 1.0), palette.on_stage);
        let mut close = false;
        ui.scope_builder(UiBuilder::new().max_rect(bar), |ui| {
            controls::from_the_right(ui, |ui| {
                ui.spacing_mut().item_spacing.x = space::TINY;
                let mut button = |icon, word: &str| {
                    let name = scene.say(word);
                    controls::round_button(ui, icon, &name, palette.stage_button, palette.on_stage, 28.0).clicked()
                };
                close = button(icons::X, "file-close");
                if button(icons::DOWNLOAD_SIMPLE, "file-save") {
                    out.act(attachment::save(&self.file, false));
                }
            });
        });
        done || close || ui.input(|input| input.key_pressed(Key::Escape))
    }
}

/// Says that files are taken, while some are held over the window.
pub fn invite_files(ui: &Ui, scene: &Scene<'_>) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let palette = Palette::of(ui);
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Foreground, Id::new("files")));
    let area = ui.ctx().content_rect().shrink(space::NORMAL);
    let stroke = egui::Stroke::new(2.0, palette.accent_text);
    painter.rect_filled(area, f32::from(radius::NORMAL), palette.ground.gamma_multiply(0.94));
    painter.rect_stroke(area, f32::from(radius::NORMAL), stroke, egui::StrokeKind::Inside);
    let (centre, text) = (area.center(), scene.say("chat-attach-here"));
    let above = centre - Vec2::new(0.0, 22.0);
    painter.text(above, egui::Align2::CENTER_CENTER, icons::PAPERCLIP, regular(28.0), palette.accent_text);
    let below = centre + Vec2::new(0.0, 14.0);
    painter.text(below, egui::Align2::CENTER_CENTER, text, regular(letter::BODY), palette.accent_text);
}

//! What is pinned in a chat, at its head: one line at a time, which leads to where it was written.

use egui::{Rect, Sense, Ui, Vec2};

use super::{
    Scene, Value, controls, icons, names,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::engine::ChatState;

const HEIGHT: f32 = 40.0;

/// Draws it, if anything is pinned. Gives the line that the person wants to see.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, chat: &ChatState) -> Option<u64> {
    let count = chat.pins.len();
    if count == 0 {
        return None;
    }
    // The newest one first, and each click shows the one before.
    let id = egui::Id::new((ui.id(), "pins"));
    let turn = ui.data(|data| data.get_temp::<usize>(id)).unwrap_or_default();
    let index = count - 1 - turn % count;
    let message = &chat.pins[index].message;
    let palette = Palette::of(ui);
    let (area, row) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::click());
    if row.hovered() {
        ui.painter().rect_filled(area, 0.0, palette.hover);
    }
    ui.painter().hline(area.x_range(), area.bottom(), egui::Stroke::new(1.0, palette.line));
    let at = area.left_center() + Vec2::new(space::WIDE + size::ICON_BUTTON / 2.0, 0.0);
    ui.painter().text(at, egui::Align2::CENTER_CENTER, icons::PUSH_PIN, regular(letter::ICON), palette.accent_text);
    let right = match count {
        1 => area.right() - space::WIDE,
        _ => {
            let text = format!("{} / {count}", index + 1);
            let at = area.right_center() - Vec2::new(space::WIDE, 0.0);
            let align = egui::Align2::RIGHT_CENTER;
            ui.painter().text(at, align, text, regular(letter::TINY), palette.soft).left() - space::SMALL
        }
    };
    let left = at.x + size::ICON_BUTTON / 2.0 + space::TINY;
    let words = Rect::from_min_max(egui::pos2(left, area.top()), egui::pos2(right, area.bottom()));
    let who = names::of_member(&scene.view.state, message.from.id, &message.from.name);
    let text = super::chat_search::preview(message);
    controls::line(
        ui,
        words.min + Vec2::new(0.0, 4.0),
        words.width(),
        who,
        semibold(letter::TINY),
        palette.accent_text,
    );
    controls::line(ui, words.min + Vec2::new(0.0, 19.0), words.width(), &text, regular(letter::SMALL), palette.text);
    controls::focus_ring(ui, &row, 0);
    let name = scene.words.with("chat-pinned", &[("text", Value::Text(&text))]);
    let row = controls::named(ui, row, &name);
    if controls::turns(ui, &row) {
        ui.data_mut(|data| data.insert_temp(id, turn + 1));
        return Some(message.sequence);
    }
    None
}

//! One row of the list: a face, a name, what they say, what waits, and what can be done at once.

use egui::{Rect, Response, Sense, Ui, Vec2};
use relay::vocabulary::Availability;

use super::{
    Out, Scene, Value,
    avatar::Face,
    controls,
    theme::{Palette, letter, regular, semibold, size, space},
};

/// What a row shows.
pub struct Row<'a> {
    pub face: Face<'a>,
    pub line: &'a str,
    pub presence: Option<Availability>,
    pub unread: u32,
}

/// What was drawn: the row, and the place at its right for buttons while the pointer is on it.
pub struct Drawn {
    pub row: Response,
    pub buttons: Option<Rect>,
}

/// Draws a row; `buttons` of them may be put at its right.
pub fn draw(ui: &mut Ui, scene: &Scene<'_>, row: &Row<'_>, buttons: usize, out: &mut Out) -> Drawn {
    let palette = Palette::of(ui);
    let (area, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::CONTACT_ROW), Sense::click());
    let unread = scene.words.with("unread", &[("count", Value::Number(u64::from(row.unread)))]);
    let parts = [row.face.name, row.line, if row.unread > 0 { &unread } else { "" }];
    let label = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let response = controls::named(ui, response, &label);
    controls::follow_focus(&response);
    if !ui.is_rect_visible(area) {
        return Drawn { row: response, buttons: None };
    }
    // Buttons are reached with the keyboard too, once the row or one of them has it.
    let points = ui.rect_contains_pointer(area) || response.has_focus() || response.context_menu_opened();
    if points {
        ui.painter().rect_filled(area.shrink2(Vec2::new(6.0, 0.0)), 8.0, palette.hover);
    }
    controls::focus_ring(ui, &response, 8);
    let inside = area.shrink2(Vec2::new(space::WIDE, 0.0));
    let centre = inside.left_center() + Vec2::new(size::AVATAR / 2.0, 0.0);
    row.face.draw(ui, scene, centre, size::AVATAR, row.presence, out);
    let left = centre.x + size::AVATAR / 2.0 + space::NORMAL;
    let mut right = inside.right();
    let place = (points && buttons > 0).then(|| {
        let width = buttons as f32 * size::ICON_BUTTON;
        let middle = egui::pos2(right + space::TINY - width / 2.0, area.center().y);
        right -= width;
        Rect::from_center_size(middle, Vec2::new(width, size::ICON_BUTTON))
    });
    if row.unread > 0 && place.is_none() {
        right -= controls::badge(ui, egui::pos2(right, area.center().y), row.unread) + space::SMALL;
    }
    let width = right - left - space::TINY;
    let strong = row.unread > 0;
    let font = if strong { semibold(letter::BODY) } else { regular(letter::BODY) };
    if row.line.is_empty() {
        controls::line(ui, egui::pos2(left, area.center().y - 9.0), width, row.face.name, font, palette.text);
    } else {
        controls::line(ui, egui::pos2(left, area.center().y - 18.0), width, row.face.name, font, palette.text);
        controls::line(
            ui,
            egui::pos2(left, area.center().y + 2.0),
            width,
            row.line,
            regular(letter::SMALL),
            palette.soft,
        );
    }
    Drawn { row: response, buttons: place }
}

//! The regions of the main window as they are seen: the borders by which they are divided, and the bar that is left of one
//! that is folded.

use egui::{Align2, CursorIcon, EventFilter, Id, Key, Rect, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use super::{
    Action, Out, Scene, Value,
    contacts::menu_item,
    controls, icons,
    region_stack::{self, Part, Share},
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::home::{Preferences, Region, Regions};

/// What the borders remember while one is dragged.
#[derive(Debug, Default)]
pub struct Borders {
    drag: Option<Drag>,
}

#[derive(Debug)]
struct Drag {
    /// The region above the border.
    above: Region,
    /// How far down it was dragged, in points.
    by: f32,
    /// The division when it began.
    from: Vec<Share>,
}

/// How far a border goes with one press of a key.
const STEP: f32 = 24.0;

impl Borders {
    /// Divides the place that is left in the window.
    pub fn divide(&self, parts: &[Part], height: f32, preferred: &Regions) -> Vec<Share> {
        match &self.drag {
            Some(drag) => region_stack::divide(parts, height, &drag.wanted(preferred)),
            None => region_stack::divide(parts, height, preferred),
        }
    }

    /// The border below a region.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, shares: &[Share], above: Region, out: &mut Out) {
        let Some((_, below)) = region_stack::neighbours(shares, above) else { return };
        let palette = Palette::of(ui);
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::BORDER), Sense::hover());
        // Its own, whatever is drawn above it: it is dragged on while a region folds.
        let response = ui.interact(area, Id::new(("border below", above)), Sense::click_and_drag());
        let active = response.hovered() || response.dragged() || response.has_focus();
        if active {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
        }
        let grip = Rect::from_center_size(area.center(), Vec2::new(36.0, 4.0));
        ui.painter().rect_filled(grip, 2.0, if active { palette.accent_text } else { palette.edge });
        controls::focus_ring(ui, &response, 4);
        let (first, second) = (name(scene, above), name(scene, below.part.region));
        let name =
            scene.words.with("regions-border", &[("above", Value::Text(&first)), ("below", Value::Text(&second))]);
        response.widget_info(|| WidgetInfo::labeled(WidgetType::ResizeHandle, true, &name));
        if response.dragged() {
            let drag = self.drag.get_or_insert_with(|| Drag { above, by: 0.0, from: shares.to_vec() });
            drag.by += response.drag_delta().y;
        }
        let before = &scene.preferences.regions;
        if response.drag_stopped() {
            if let Some(drag) = self.drag.take() {
                prefer(scene, drag.wanted(before), out);
            }
        } else if response.double_clicked() {
            prefer(scene, region_stack::reset(shares, above, before), out);
        } else if response.has_focus() {
            let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
            let steps = ui.input(|input| {
                f32::from(input.key_pressed(Key::ArrowDown)) - f32::from(input.key_pressed(Key::ArrowUp))
            });
            if steps != 0.0 {
                prefer(scene, region_stack::step(shares, above, steps * STEP, before), out);
            }
        }
        controls::context_menu(ui, &response, |ui| {
            for share in shares {
                fold_item(ui, scene, share.part.region, out);
            }
        });
    }
}

impl Drag {
    fn wanted(&self, before: &Regions) -> Regions {
        region_stack::pull(&self.from, self.above, self.by, before)
    }
}

/// An entry of a menu that folds a region, or unfolds it.
pub fn fold_item(ui: &mut Ui, scene: &Scene<'_>, region: Region, out: &mut Out) {
    let folded = scene.preferences.regions.is_folded(region);
    let (icon, word) = match folded {
        true => (icons::CARET_DOWN, "region-unfold"),
        false => (icons::ARROWS_IN_LINE_VERTICAL, "region-fold"),
    };
    let text = scene.words.with(word, &[("region", Value::Text(&name(scene, region)))]);
    if menu_item(ui, icon, &text) {
        fold(scene, region, !folded, out);
    }
}

/// A region of which only this is seen: what it is, and how many things wait in it.
pub fn folded(ui: &mut Ui, scene: &Scene<'_>, region: Region, text: &str, waiting: u32, out: &mut Out) {
    let palette = Palette::of(ui);
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(area, 0.0, palette.hover);
    }
    let slim = area.height() < size::FOLDED;
    let (font, colour) = match slim {
        true => (semibold(letter::TINY), palette.soft),
        false => (semibold(letter::BODY), palette.text),
    };
    let at = area.left_center() + Vec2::new(space::WIDE, 0.0);
    let caret = regular(if slim { letter::TINY } else { letter::SMALL });
    ui.painter().text(at, Align2::LEFT_CENTER, icons::CARET_RIGHT, caret, palette.soft);
    let beside = if waiting > 0 { 2.0 * space::HUGE } else { space::HUGE };
    let shown = controls::cut(ui, text, font, colour, area.width() - beside);
    ui.painter().galley(at + Vec2::new(space::LARGE - 4.0, -shown.size().y / 2.0), shown, colour);
    if waiting > 0 {
        controls::badge(ui, area.right_center() - Vec2::new(space::WIDE, 0.0), waiting);
    }
    controls::focus_ring(ui, &response, 4);
    let response = controls::named(ui, response, text);
    if response.clicked() {
        fold(scene, region, false, out);
    }
    controls::context_menu(ui, &response, |ui| fold_item(ui, scene, region, out));
}

/// Folds a region from now on, or no more.
pub fn fold(scene: &Scene<'_>, region: Region, folded: bool, out: &mut Out) {
    prefer(scene, scene.preferences.regions.with_fold(region, folded), out);
}

/// What a region is called.
pub fn name(scene: &Scene<'_>, region: Region) -> String {
    scene.say(match region {
        Region::Display => "region-display",
        Region::Functions => "region-functions",
        Region::Contacts => "region-contacts",
        Region::Information => "region-information",
        Region::Page => "region-page",
        Region::Messages => "region-messages",
    })
}

/// Divides the window so from now on.
pub fn prefer(scene: &Scene<'_>, regions: Regions, out: &mut Out) {
    if regions != scene.preferences.regions {
        out.act(Action::Prefer(Preferences { regions, ..scene.preferences.clone() }));
    }
}

//! How the main window is divided while there is a display: it stands above, the contacts below, and the border between
//! them is dragged. Past its ends it folds a region into a bar, and the other one has the whole place.

use egui::{Align2, CursorIcon, EventFilter, Id, Key, Rect, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use super::{
    Action, Out, Scene, controls, icons,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::home::{Preferences, Region, Regions};

/// What the border remembers while it is dragged.
#[derive(Debug, Default)]
pub struct Border {
    /// How high the display would be.
    dragged: Option<f32>,
}

/// What each region has, of a window's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// In points, without the border.
    pub display: f32,
    pub folded: Option<Region>,
}

/// How far the border goes with one press of a key.
const STEP: f32 = 24.0;

impl Border {
    /// Divides the place that is left in the window.
    pub fn divide(&self, place: Vec2, preferred: Regions) -> Shares {
        let wanted = match (self.dragged, preferred.display_height) {
            (Some(height), _) => return shares_at(place, height),
            (None, Some(height)) => f32::from(height),
            (None, None) => usual(place),
        };
        match preferred.folded {
            Some(Region::Display) => Shares { display: size::FOLDED, folded: preferred.folded },
            Some(Region::Contacts) => {
                let display = place.y - size::BORDER - size::FOLDED;
                Shares { display, folded: preferred.folded }
            }
            None => Shares { display: wanted.clamp(size::DISPLAY_LEAST, most(place)), folded: None },
        }
    }

    /// The border below the display; `place` is what both regions have together.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, place: Vec2, shares: Shares, out: &mut Out) {
        let palette = Palette::of(ui);
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::BORDER), Sense::hover());
        // Its own, whatever is drawn above it: it is dragged on while a region folds.
        let response = ui.interact(area, Id::new("regions"), Sense::click_and_drag());
        let active = response.hovered() || response.dragged() || response.has_focus();
        if active {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeVertical);
        }
        let grip = Rect::from_center_size(area.center(), Vec2::new(36.0, 4.0));
        let colour = if active { palette.accent_text } else { palette.edge };
        ui.painter().rect_filled(grip, 2.0, colour);
        controls::focus_ring(ui, &response, 4);
        let name = scene.say("regions-border");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::ResizeHandle, true, &name));
        if response.dragged() {
            let from = self.dragged.unwrap_or(shares.display);
            self.dragged = Some(from + response.drag_delta().y);
        }
        let mut regions = scene.preferences.regions;
        if response.drag_stopped() {
            if let Some(height) = self.dragged.take() {
                regions = keep(shares_at(place, height), regions);
            }
        } else if response.double_clicked() {
            regions = Regions::default();
        } else if response.has_focus() {
            let filter = EventFilter { vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
            let steps = ui.input(|input| {
                f32::from(input.key_pressed(Key::ArrowDown)) - f32::from(input.key_pressed(Key::ArrowUp))
            });
            if steps != 0.0 {
                regions = keep(step(place, shares, steps * STEP), regions);
            }
        }
        prefer(scene, regions, out);
    }
}

/// A region of which only this is seen: what it is, and how many things wait in it.
pub fn folded(ui: &mut Ui, scene: &Scene<'_>, name: &str, waiting: u32, out: &mut Out) {
    let palette = Palette::of(ui);
    let (area, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), size::FOLDED), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(area, 0.0, palette.hover);
    }
    let at = area.left_center() + Vec2::new(space::WIDE, 0.0);
    ui.painter().text(at, Align2::LEFT_CENTER, icons::CARET_RIGHT, regular(letter::SMALL), palette.soft);
    let beside = if waiting > 0 { 2.0 * space::HUGE } else { space::HUGE };
    let text = controls::cut(ui, name, semibold(letter::BODY), palette.text, area.width() - beside);
    ui.painter().galley(at + Vec2::new(space::LARGE - 4.0, -text.size().y / 2.0), text, palette.text);
    if waiting > 0 {
        controls::badge(ui, area.right_center() - Vec2::new(space::WIDE, 0.0), waiting);
    }
    controls::focus_ring(ui, &response, 4);
    if controls::named(ui, response, name).clicked() {
        fold(scene, None, out);
    }
}

/// Folds a region from now on, or none.
pub fn fold(scene: &Scene<'_>, folded: Option<Region>, out: &mut Out) {
    prefer(scene, Regions { folded, ..scene.preferences.regions }, out);
}

fn prefer(scene: &Scene<'_>, regions: Regions, out: &mut Out) {
    if regions != scene.preferences.regions {
        out.act(Action::Prefer(Preferences { regions, ..scene.preferences.clone() }));
    }
}

/// As high as a picture of 16 to 9 is, if that leaves something to the contacts.
fn usual(place: Vec2) -> f32 {
    (place.x * 9.0 / 16.0).max(200.0)
}

/// The contacts keep their tools and a row.
fn most(place: Vec2) -> f32 {
    (place.y - size::BORDER - size::CONTACTS_LEAST).max(size::DISPLAY_LEAST)
}

/// What a border stands for that was dragged there: far past an end, one region is folded.
fn shares_at(place: Vec2, height: f32) -> Shares {
    let most = most(place);
    if height < size::DISPLAY_LEAST * 0.6 {
        Shares { display: size::FOLDED, folded: Some(Region::Display) }
    } else if height > most + size::CONTACTS_LEAST * 0.5 {
        Shares { display: place.y - size::BORDER - size::FOLDED, folded: Some(Region::Contacts) }
    } else {
        Shares { display: height.clamp(size::DISPLAY_LEAST, most), folded: None }
    }
}

/// What a key makes of it: at an end the next press folds a region, and the first one back unfolds it.
fn step(place: Vec2, shares: Shares, by: f32) -> Shares {
    let most = most(place);
    let open = |display| Shares { display, folded: None };
    match shares.folded {
        Some(Region::Display) if by > 0.0 => open(size::DISPLAY_LEAST),
        Some(Region::Contacts) if by < 0.0 => open(most),
        Some(_) => shares,
        None if by < 0.0 && shares.display <= size::DISPLAY_LEAST => shares_at(place, 0.0),
        None if by > 0.0 && shares.display >= most => shares_at(place, place.y),
        None => open((shares.display + by).clamp(size::DISPLAY_LEAST, most)),
    }
}

/// The height that it had is kept while a region is folded.
fn keep(shares: Shares, before: Regions) -> Regions {
    match shares.folded {
        Some(region) => Regions { folded: Some(region), ..before },
        None => Regions { display_height: Some(shares.display.round() as u16), folded: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Vec2 = Vec2::new(320.0, 600.0);

    #[test]
    fn each_region_keeps_its_least_place_or_is_folded() {
        let border = Border::default();
        let usual = border.divide(PLACE, Regions::default());
        assert_eq!(usual, Shares { display: 200.0, folded: None });
        for height in 0..700 {
            let shares = shares_at(PLACE, height as f32);
            let contacts = PLACE.y - size::BORDER - shares.display;
            match shares.folded {
                None => assert!(shares.display >= size::DISPLAY_LEAST && contacts >= size::CONTACTS_LEAST, "{height}"),
                Some(Region::Display) => assert_eq!(shares.display, size::FOLDED),
                Some(Region::Contacts) => assert!((contacts - size::FOLDED).abs() < 0.01),
            }
        }
        assert_eq!(shares_at(PLACE, 10.0).folded, Some(Region::Display));
        assert_eq!(shares_at(PLACE, 599.0).folded, Some(Region::Contacts));
        let kept = keep(shares_at(PLACE, 300.0), Regions::default());
        assert_eq!(kept, Regions { display_height: Some(300), folded: None });
        let folded = keep(shares_at(PLACE, 0.0), kept);
        assert_eq!(folded, Regions { display_height: Some(300), folded: Some(Region::Display) });
        assert_eq!(border.divide(PLACE, Regions { folded: None, ..folded }).display, 300.0);
    }

    #[test]
    fn a_window_that_is_too_low_for_both_shows_the_display() {
        let low = Vec2::new(320.0, 180.0);
        assert_eq!(Border::default().divide(low, Regions::default()).display, size::DISPLAY_LEAST);
    }

    #[test]
    fn keys_go_from_one_end_to_the_other_and_back() {
        let mut shares = Border::default().divide(PLACE, Regions::default());
        for _ in 0..20 {
            shares = step(PLACE, shares, STEP);
        }
        assert_eq!(shares.folded, Some(Region::Contacts));
        shares = step(PLACE, shares, -STEP);
        assert_eq!((shares.folded, shares.display), (None, most(PLACE)));
        for _ in 0..20 {
            shares = step(PLACE, shares, -STEP);
        }
        assert_eq!(shares.folded, Some(Region::Display));
        assert_eq!(step(PLACE, shares, STEP), Shares { display: size::DISPLAY_LEAST, folded: None });
    }
}

//! Still pictures on the screen: what the application's store has of them, brought to the GPU once for each window and
//! let go of when nobody looks any more.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use egui::{Align2, ColorImage, CornerRadius, Rect, Shape, TextureHandle, TextureOptions, Ui, Vec2, epaint::RectShape};

use super::{
    Action, Out, Scene, icons,
    theme::{Palette, UNTINTED, regular},
};
use crate::app::{Look, StillKey};

/// Textures of a window that are kept though nobody looks at them.
const KEPT: usize = 48;

/// The textures of one window.
#[derive(Clone, Default)]
struct Textures {
    /// With what each was made from, and when it was drawn last, in drawings of the window.
    known: HashMap<StillKey, (Weak<ColorImage>, TextureHandle, u64)>,
}

/// Draws a picture so that it fills `area`, and loses its edges. Before it has come, and if it cannot be shown, a sign
/// stands there.
pub fn draw(ui: &Ui, scene: &Scene<'_>, key: &StillKey, area: Rect, radius: u8, out: &mut Out) {
    let palette = Palette::of(ui);
    let sign = match find(ui, scene, key, out) {
        Found::Here(texture) => {
            return paint(ui, &texture, area, middle(texture.size_vec2(), area.size()), f32::from(radius));
        }
        Found::Awaited => icons::IMAGE,
        Found::Broken => icons::PROHIBIT,
    };
    ui.painter().rect_filled(area, CornerRadius::same(radius), palette.hover);
    let size = (area.height() * 0.3).clamp(14.0, 28.0);
    ui.painter().text(area.center(), Align2::CENTER_CENTER, sign, regular(size), palette.soft);
}

/// Draws a picture so that it fills `area`, which has round corners. False if it has not come.
pub fn fill(ui: &Ui, scene: &Scene<'_>, key: &StillKey, area: Rect, radius: f32, out: &mut Out) -> bool {
    let Found::Here(texture) = find(ui, scene, key, out) else { return false };
    paint(ui, &texture, area, middle(texture.size_vec2(), area.size()), radius);
    true
}

/// Draws a picture so that it is seen whole within `area`. False if it has not come.
pub fn draw_whole(ui: &Ui, scene: &Scene<'_>, key: &StillKey, area: Rect, out: &mut Out) -> bool {
    let Found::Here(texture) = find(ui, scene, key, out) else { return false };
    paint(ui, &texture, within(texture.size_vec2(), area), UNIT, 0.0);
    true
}

fn paint(ui: &Ui, texture: &TextureHandle, area: Rect, seen: Rect, radius: f32) {
    let shape = RectShape::filled(area, radius, UNTINTED).with_texture(texture.id(), seen);
    ui.painter().add(Shape::Rect(shape));
}

enum Found {
    Awaited,
    Broken,
    Here(TextureHandle),
}

fn find(ui: &Ui, scene: &Scene<'_>, key: &StillKey, out: &mut Out) -> Found {
    let still = match scene.stills.look(key) {
        Look::Unknown => {
            out.act(Action::See(key.clone()));
            return Found::Awaited;
        }
        Look::Awaited => return Found::Awaited,
        Look::Broken => return Found::Broken,
        Look::Here(still) => still,
    };
    let now = ui.ctx().cumulative_frame_nr();
    let id = egui::Id::new("stills");
    let known = ui.data_mut(|data| {
        let textures = data.get_temp_mut_or_default::<Textures>(id);
        let known = textures.known.get_mut(key).filter(|(of, ..)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(&still)));
        known.map(|(_, texture, drawn)| {
            *drawn = now;
            texture.clone()
        })
    });
    if let Some(texture) = known {
        return Found::Here(texture);
    }
    let texture = ui.ctx().load_texture("still", still.clone(), TextureOptions::LINEAR);
    let made = (Arc::downgrade(&still), texture.clone(), now);
    let gone = ui.data_mut(|data| {
        let textures = data.get_temp_mut_or_default::<Textures>(id);
        let before = textures.known.insert(key.clone(), made);
        textures.let_go(now).into_iter().chain(before.map(|(_, texture, _)| texture)).collect::<Vec<_>>()
    });
    // Outside: what lets go of a texture asks the context again.
    drop(gone);
    Found::Here(texture)
}

impl Textures {
    /// Takes out those that were drawn longest ago, beyond what is kept.
    fn let_go(&mut self, now: u64) -> Vec<TextureHandle> {
        let mut idle: Vec<(u64, StillKey)> = self.known.iter().map(|(key, (.., at))| (*at, key.clone())).collect();
        idle.retain(|(at, _)| *at < now);
        idle.sort_by_key(|(at, _)| *at);
        let surplus = self.known.len().saturating_sub(KEPT);
        idle.iter().take(surplus).filter_map(|(_, key)| self.known.remove(key)).map(|(_, texture, _)| texture).collect()
    }
}

const UNIT: Rect = Rect { min: egui::Pos2::ZERO, max: egui::Pos2::new(1.0, 1.0) };

/// The part of a picture, in parts of its sides, that fills a place of this size.
fn middle(picture: Vec2, place: Vec2) -> Rect {
    let scale = (place.x / picture.x).max(place.y / picture.y);
    Rect::from_center_size(UNIT.center(), place / (picture * scale))
}

/// Where a picture is seen whole: in the middle of `area`, and not enlarged.
pub fn within(picture: Vec2, area: Rect) -> Rect {
    let scale = (area.width() / picture.x).min(area.height() / picture.y).min(1.0);
    Rect::from_center_size(area.center(), picture * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fill_their_place_or_are_seen_whole() {
        let seen = middle(Vec2::new(400.0, 200.0), Vec2::new(100.0, 100.0));
        assert_eq!((seen.width(), seen.height()), (0.5, 1.0));
        let area = Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(100.0, 100.0));
        assert_eq!(within(Vec2::new(400.0, 200.0), area).size(), Vec2::new(100.0, 50.0));
        assert_eq!(within(Vec2::new(40.0, 20.0), area).size(), Vec2::new(40.0, 20.0), "small ones stay small");
    }
}

//! One's own picture within the other's: in one of four corners, moved there by hand, or hidden.

use egui::{Pos2, Rect, Sense, Ui, Vec2};

use super::{Out, PicturePlace, Scene, Whose, controls, theme::space};

/// Where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Corner {
    LeftTop,
    #[default]
    RightTop,
    LeftBottom,
    RightBottom,
}

#[derive(Debug, Default)]
pub struct OwnPicture {
    pub hidden: bool,
    corner: Corner,
    /// From its corner, while it is moved.
    moved: Vec2,
}

/// Parts of the stage's width, and points.
const PART: f32 = 0.24;
const LEAST: f32 = 72.0;
const MOST: f32 = 200.0;

impl OwnPicture {
    /// Leaves a place open for it; `taken` are the heights at the upper and lower edge in which other things stand.
    pub fn show(&mut self, ui: &mut Ui, scene: &Scene<'_>, stage: Rect, taken: (f32, f32), out: &mut Out) {
        if self.hidden {
            return;
        }
        let wide = (stage.width() * PART).clamp(LEAST, MOST);
        let size = Vec2::new(wide, wide * 9.0 / 16.0);
        let area = Rect::from_min_size(self.corner.place(stage, size, taken) + self.moved, size);
        let response = ui.interact(area, ui.id().with(("own picture",)), Sense::drag());
        let response = controls::named(ui, response, &scene.say("call-own-move"));
        if response.dragged() {
            self.moved += response.drag_delta();
        }
        if response.drag_stopped() {
            self.corner = Corner::nearest(stage, area.center());
            self.moved = Vec2::ZERO;
        }
        if response.hovered() || response.dragged() {
            ui.ctx().set_cursor_icon(egui::CursorIcon::Grab);
        }
        let area = Rect::from_min_size(self.corner.place(stage, size, taken) + self.moved, size);
        out.pictures.push(PicturePlace { whose: Whose::Mine, area, radius: 6.0, fill: true });
        controls::focus_ring(ui, &response, 6);
    }
}

impl Corner {
    fn place(self, stage: Rect, size: Vec2, (above, below): (f32, f32)) -> Pos2 {
        let gap = space::SMALL + 2.0;
        let (left, right) = (stage.left() + gap, stage.right() - gap - size.x);
        let (top, bottom) = (stage.top() + gap, stage.bottom() - gap - size.y);
        match self {
            Self::RightTop => Pos2::new(right, top),
            Self::LeftTop => Pos2::new(left, top + above),
            Self::LeftBottom => Pos2::new(left, bottom - below),
            Self::RightBottom => Pos2::new(right, bottom - below),
        }
    }

    fn nearest(stage: Rect, at: Pos2) -> Self {
        match (at.x < stage.center().x, at.y < stage.center().y) {
            (true, true) => Self::LeftTop,
            (false, true) => Self::RightTop,
            (true, false) => Self::LeftBottom,
            (false, false) => Self::RightBottom,
        }
    }
}

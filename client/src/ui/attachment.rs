//! What hangs on a line, within its bubble: pictures as they are, files with their size and how far they have come.

use std::sync::Arc;

use egui::{Align2, CornerRadius, Galley, Id, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};
use relay::vocabulary::Attachment;

use super::{
    Action, Out, Scene, Value,
    contacts::menu_item,
    controls, icons,
    theme::{Palette, letter, radius, regular, size, space},
    voice_message,
};
use crate::{app::StillKey, engine::Transfer};

/// The largest place of a picture, in points, and the least side that can be pointed at.
const PICTURE: Vec2 = Vec2::new(260.0, 220.0);
const PICTURE_LEAST: f32 = 48.0;

const ROW: f32 = 46.0;

/// The width that a file takes if it can.
const ROW_WIDTH: f32 = 230.0;

/// One attachment that knows its size.
pub enum Part {
    Picture(Vec2),
    File { width: f32, name: Arc<Galley>, below: Arc<Galley> },
    Voice { width: f32 },
}

impl Part {
    pub fn lay_out(ui: &Ui, scene: &Scene<'_>, file: &Attachment, room: f32) -> Self {
        if let Some((width, height)) = file.picture {
            return Self::Picture(place(Vec2::new(width as f32, height as f32), room));
        }
        if file.voice.is_some() {
            return Self::Voice { width: ROW_WIDTH.min(room) };
        }
        let palette = Palette::of(ui);
        let width = ROW_WIDTH.min(room);
        let words = width - size::ICON_BUTTON * 2.0 - space::SMALL;
        let below = match (coming(scene, file), scene.saved.contains_key(&file.id)) {
            (Some(transfer), _) => progress_words(scene, transfer),
            (None, true) => format!("{} · {}", bytes(file.size), scene.say("file-saved")),
            (None, false) => bytes(file.size),
        };
        Self::File {
            width,
            name: controls::cut(ui, &file.name, regular(letter::SMALL + 1.0), palette.text, words),
            below: controls::cut(ui, &below, regular(letter::TINY), palette.soft, words),
        }
    }

    pub fn size(&self) -> Vec2 {
        match self {
            Self::Picture(size) => *size + Vec2::new(0.0, space::TINY),
            Self::File { width, .. } | Self::Voice { width } => Vec2::new(*width, ROW),
        }
    }

    /// Draws it. Says whether the person wants to see it large.
    pub fn draw(&self, ui: &mut Ui, scene: &Scene<'_>, file: &Attachment, at: Pos2, id: Id, out: &mut Out) -> bool {
        match self {
            Self::Picture(size) => picture(ui, scene, file, Rect::from_min_size(at, *size), id, out),
            Self::File { width, name, below } => {
                let area = Rect::from_min_size(at, Vec2::new(*width, ROW));
                row(ui, scene, file, area, id, (name, below), out);
                false
            }
            Self::Voice { width } => {
                voice_message::show(ui, scene, file, Rect::from_min_size(at, Vec2::new(*width, ROW)), id, out);
                false
            }
        }
    }
}

/// A picture's place: as large as it is, within bounds, and never so thin that it cannot be pointed at.
fn place(picture: Vec2, room: f32) -> Vec2 {
    let most = Vec2::new(PICTURE.x.min(room), PICTURE.y);
    let picture = picture.max(Vec2::splat(1.0));
    let scale = (most.x / picture.x).min(most.y / picture.y).min(1.0);
    (picture * scale).max(Vec2::splat(PICTURE_LEAST)).min(most)
}

fn picture(ui: &mut Ui, scene: &Scene<'_>, file: &Attachment, area: Rect, id: Id, out: &mut Out) -> bool {
    let response = ui.interact(area, id, Sense::click());
    super::still::draw(ui, scene, &StillKey::Thumbnail(file.id.clone()), area, radius::SMALL, out);
    ui.painter().rect_stroke(
        area,
        CornerRadius::same(radius::SMALL),
        Stroke::new(1.0, Palette::of(ui).line),
        StrokeKind::Inside,
    );
    controls::focus_ring(ui, &response, radius::SMALL);
    let name = scene.words.with("file-picture", &[("name", Value::Text(&file.name))]);
    let response = controls::named(ui, response, &name).on_hover_cursor(egui::CursorIcon::PointingHand);
    controls::context_menu(ui, &response, |ui| menu(ui, scene, file, out));
    response.clicked()
}

fn row(
    ui: &mut Ui,
    scene: &Scene<'_>,
    file: &Attachment,
    area: Rect,
    id: Id,
    (name, below): (&Arc<Galley>, &Arc<Galley>),
    out: &mut Out,
) {
    let palette = Palette::of(ui);
    let response = ui.interact(area, id, Sense::click());
    let mark = Rect::from_center_size(area.left_center() + Vec2::new(15.0, 0.0), Vec2::splat(30.0));
    ui.painter().rect_filled(mark, CornerRadius::same(radius::SMALL), palette.hover);
    ui.painter().text(mark.center(), Align2::CENTER_CENTER, icons::FILE, regular(letter::ICON), palette.soft);
    let left = mark.right() + space::SMALL;
    ui.painter().galley(Pos2::new(left, area.center().y - 17.0), name.clone(), palette.text);
    ui.painter().galley(Pos2::new(left, area.center().y + 2.0), below.clone(), palette.soft);
    let transfer = coming(scene, file);
    if let Some(transfer) = transfer {
        let bar = Rect::from_min_size(Pos2::new(left, area.bottom() - 5.0), Vec2::new(area.right() - left, 3.0));
        progress_bar(ui, bar, transfer);
    }
    controls::context_menu(ui, &response, |ui| menu(ui, scene, file, out));
    if transfer.is_some() {
        return;
    }
    let button = Rect::from_center_size(area.right_center() - Vec2::new(15.0, 0.0), Vec2::splat(size::ICON_BUTTON));
    ui.scope_builder(egui::UiBuilder::new().id_salt(id).max_rect(button), |ui| match scene.saved.get(&file.id) {
        Some(path) => {
            let name = scene.words.with("file-show-named", &[("name", Value::Text(&file.name))]);
            if controls::icon_button(ui, icons::FOLDER_OPEN, &name).clicked() {
                out.act(Action::Reveal(path.clone()));
            }
        }
        None => {
            let name = scene.words.with("file-save-named", &[("name", Value::Text(&file.name))]);
            if controls::icon_button(ui, icons::DOWNLOAD_SIMPLE, &name).clicked() {
                out.act(save(file, false));
            }
        }
    });
}

/// What can be done with a file.
pub fn menu(ui: &mut Ui, scene: &Scene<'_>, file: &Attachment, out: &mut Out) {
    if menu_item(ui, icons::DOWNLOAD_SIMPLE, &scene.say("file-save")) {
        out.act(save(file, false));
    }
    if menu_item(ui, icons::DOWNLOAD_SIMPLE, &scene.say("file-save-as")) {
        out.act(save(file, true));
    }
    if let Some(path) = scene.saved.get(&file.id)
        && menu_item(ui, icons::FOLDER_OPEN, &scene.say("file-show"))
    {
        out.act(Action::Reveal(path.clone()));
    }
}

/// Keeps a file in the folder for what is downloaded, or where the person says.
pub fn save(file: &Attachment, ask: bool) -> Action {
    Action::Save { file: file.id.clone(), name: file.name.clone(), ask }
}

/// A file that is fetched to be kept; a thumbnail of it is not.
fn coming<'a>(scene: &Scene<'a>, file: &Attachment) -> Option<&'a Transfer> {
    let is_it = |transfer: &&Transfer| !transfer.up && transfer.name == file.id && transfer.size == file.size;
    scene.view.state.transfers.values().find(is_it)
}

/// How far a file has come, in words.
pub fn progress_words(scene: &Scene<'_>, transfer: &Transfer) -> String {
    let (done, all) = (bytes(transfer.done), bytes(transfer.size));
    scene.words.with("file-progress", &[("done", Value::Text(&done)), ("all", Value::Text(&all))])
}

/// How far a file has come, as a bar.
pub fn progress_bar(ui: &Ui, bar: Rect, transfer: &Transfer) {
    let palette = Palette::of(ui);
    let part = transfer.done as f32 / transfer.size.max(1) as f32;
    let done = Rect::from_min_size(bar.min, Vec2::new(bar.width() * part.clamp(0.0, 1.0), bar.height()));
    ui.painter().rect_filled(bar, 2.0, palette.chosen);
    ui.painter().rect_filled(done, 2.0, palette.accent_text);
}

/// A size in the unit that is short.
pub fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{} kB", size.div_ceil(1_000)),
        _ => format!("{:.1} MB", size as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_within_bounds() {
        assert_eq!(place(Vec2::new(520.0, 220.0), 400.0), Vec2::new(260.0, 110.0));
        assert_eq!(place(Vec2::new(100.0, 80.0), 400.0), Vec2::new(100.0, 80.0));
        assert_eq!(place(Vec2::new(4_000.0, 10.0), 400.0), Vec2::new(260.0, PICTURE_LEAST));
        assert_eq!(place(Vec2::new(300.0, 300.0), 150.0), Vec2::new(150.0, 150.0));
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!((bytes(999), bytes(1_001), bytes(2_345_678)), ("999 B".into(), "2 kB".into(), "2.3 MB".into()));
    }
}

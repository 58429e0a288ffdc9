//! Voice messages: one that is listened to, with its loudness as it was recorded, and one that is being recorded.

use egui::{Align2, CornerRadius, EventFilter, Id, Key, Pos2, Rect, Response, Sense, Ui, UiBuilder, Vec2};
use relay::vocabulary::Attachment;

use super::{
    Action, Out, Scene, Value, attachment, controls, dates, icons,
    theme::{Palette, letter, radius, regular, size, space},
};
use crate::app::Recording;

/// The width of one bar of the loudness, and of the gap behind it.
const BAR: (f32, f32) = (2.0, 1.5);

/// The least and the greatest height of a bar.
const HEIGHT: (f32, f32) = (2.0, 24.0);

/// How far an arrow goes, in milliseconds.
const STEP: u64 = 5_000;

/// A voice message in its bubble.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, file: &Attachment, area: Rect, id: Id, out: &mut Out) {
    let Some(voice) = &file.voice else { return };
    let palette = Palette::of(ui);
    let playing = scene.voice.playing.as_ref().filter(|playing| playing.file == file.id);
    let response = ui.interact(area, id, Sense::click());
    let plays = playing.is_some_and(|playing| !playing.pauses);
    let length = dates::length(voice.duration_ms);
    let (icon, name) = if plays {
        (icons::PAUSE, scene.say("voice-pause"))
    } else {
        (icons::PLAY, scene.words.with("voice-play", &[("length", Value::Text(&length))]))
    };
    let button = Rect::from_center_size(area.left_center() + Vec2::new(17.0, 0.0), Vec2::splat(34.0));
    ui.scope_builder(UiBuilder::new().id_salt(id).max_rect(button), |ui| {
        let (fill, ink) = (palette.accent, palette.on_accent);
        if controls::round_button(ui, icon, &name, fill, ink, button.width()).clicked() {
            out.act(Action::Hear(file.id.clone()));
        }
    });
    let left = button.right() + space::SMALL;
    let wave = Rect::from_min_max(Pos2::new(left, area.top() + 4.0), Pos2::new(area.right(), area.bottom() - 14.0));
    let now = playing.map_or(0, |playing| playing.heard);
    let whole = voice.duration_ms.max(1);
    draw_wave(ui, palette, wave, &voice.waveform, now as f32 / whole as f32);
    let name = scene
        .words
        .with("voice-place", &[("heard", Value::Text(&dates::length(now))), ("length", Value::Text(&length))]);
    let (bars, from) = place(ui, wave, id, &name, now, whole);
    from.into_iter().for_each(|from| out.act(Action::HearFrom(file.id.clone(), from)));
    for response in [response, bars] {
        controls::context_menu(ui, &response, |ui| attachment::menu(ui, scene, file, out));
    }
    let time = playing.map_or(length.clone(), |playing| format!("{} / {length}", dates::length(playing.heard)));
    let at = Pos2::new(left, area.bottom());
    ui.painter().text(at, Align2::LEFT_BOTTOM, time, regular(letter::TINY), palette.soft);
}

/// Where in the message it goes on: by a press on the wave, by dragging along it, or with the arrows. In milliseconds.
fn place(ui: &Ui, wave: Rect, id: Id, name: &str, now: u64, whole: u64) -> (Response, Option<u64>) {
    let response = ui.interact(wave, id.with(("place",)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::slider(true, now as f64 / 1_000.0, name));
    controls::focus_ring(ui, &response, radius::SMALL);
    if response.hovered() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
    }
    let last = whole.saturating_sub(1);
    let pressed = response.interact_pointer_pos().filter(|_| response.clicked() || response.drag_stopped());
    if let Some(at) = pressed {
        let part = ((at.x - wave.left()) / wave.width().max(1.0)).clamp(0.0, 1.0);
        return (response, Some(((whole as f32 * part) as u64).min(last)));
    }
    if !response.has_focus() {
        return (response, None);
    }
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let to = match ui.input(|input| (input.key_pressed(Key::ArrowLeft), input.key_pressed(Key::ArrowRight))) {
        (true, false) => Some(now.saturating_sub(STEP)),
        (false, true) => Some((now + STEP).min(last)),
        _ => None,
    };
    (response, to)
}

/// The loudness in as many bars as there is room for; what was heard in the colour of what can be pressed.
fn draw_wave(ui: &Ui, palette: &Palette, area: Rect, waveform: &[u8], heard: f32) {
    let bars = ((area.width() / (BAR.0 + BAR.1)) as usize).max(1);
    for bar in 0..bars {
        let (from, to) = (bar * waveform.len() / bars, ((bar + 1) * waveform.len()).div_ceil(bars));
        let loudest = waveform.get(from..to).unwrap_or_default().iter().max().copied().unwrap_or_default();
        let height = HEIGHT.0 + (HEIGHT.1 - HEIGHT.0) * f32::from(loudest) / 255.0;
        let centre = Pos2::new(area.left() + bar as f32 * (BAR.0 + BAR.1) + BAR.0 / 2.0, area.center().y);
        let was_heard = (bar as f32 + 0.5) / bars as f32 <= heard;
        let colour = if was_heard { palette.accent_text } else { palette.soft.gamma_multiply(0.6) };
        let shape = Rect::from_center_size(centre, Vec2::new(BAR.0, height));
        ui.painter().rect_filled(shape, CornerRadius::same(1), colour);
    }
}

/// What stands in place of the field while something is recorded: for how long, how loud, and what becomes of it.
pub fn recording(ui: &mut Ui, scene: &Scene<'_>, recording: &Recording, out: &mut Out) {
    let palette = Palette::of(ui);
    let (area, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), size::ICON_BUTTON + 2.0), Sense::hover());
    let dot = area.left_center() + Vec2::new(space::NORMAL, 0.0);
    ui.painter().circle_filled(dot, 5.0, palette.bad);
    let length = dates::length(recording.length);
    let text = scene.words.with("voice-recording", &[("length", Value::Text(&length))]);
    let galley = ui.painter().layout_no_wrap(text.clone(), regular(letter::BODY), palette.text);
    let at = dot + Vec2::new(space::NORMAL, 0.0);
    let right = at.x + galley.size().x + space::NORMAL;
    ui.painter().galley(at - Vec2::new(0.0, galley.size().y / 2.0), galley, palette.text);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &text));
    let buttons =
        Rect::from_min_max(Pos2::new(area.right() - 2.0 * size::ICON_BUTTON - space::TINY, area.top()), area.max);
    let level = Rect::from_min_max(
        Pos2::new(right, area.center().y - 3.0),
        Pos2::new(buttons.left() - space::SMALL, area.center().y + 3.0),
    );
    if level.width() > 0.0 {
        ui.painter().rect_filled(level, 3.0, palette.hover);
        let loud =
            Rect::from_min_size(level.min, Vec2::new(level.width() * controls::loudness(scene.level), level.height()));
        ui.painter().rect_filled(loud, CornerRadius::same(radius::SMALL / 2), palette.good);
    }
    let drop = ui.input(|input| input.key_pressed(Key::Escape));
    ui.scope_builder(UiBuilder::new().max_rect(buttons), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = space::TINY;
            if controls::icon_button(ui, icons::TRASH, &scene.say("voice-drop")).clicked() || drop {
                out.act(Action::EndRecording(false));
            }
            let name = scene.say("voice-send");
            if controls::icon_button_in(ui, icons::PAPER_PLANE_RIGHT, &name, palette.accent_text).clicked() {
                out.act(Action::EndRecording(true));
            }
        });
    });
}

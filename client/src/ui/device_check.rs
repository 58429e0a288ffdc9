//! Camera, microphone and speaker tried out before a call: the own picture, the level of the voice, a sound.

use egui::{Rect, RichText, Sense, Ui, Vec2};

use super::{
    Action, Out, PicturePlace, Scene, Whose, call_troubles, controls,
    theme::{Palette, letter, radius, regular, space},
};
use crate::device::DeviceState;

/// How the devices do that are being tried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    pub camera: DeviceState,
    pub microphone: DeviceState,
    pub speaker: DeviceState,
}

/// Draws the way into it, or what is seen and heard.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
    let Some(checked) = scene.checked else {
        if controls::quiet_button(ui, &scene.say("check-begin")).clicked() {
            out.act(Action::CheckDevices(true));
        }
        ui.add_space(space::NORMAL);
        return;
    };
    let palette = Palette::of(ui);
    let width = ui.available_width();
    let (stage, _) = ui.allocate_exact_size(Vec2::new(width, width * 9.0 / 16.0), Sense::hover());
    out.pictures.push(PicturePlace { whose: Whose::Mine, area: stage, radius: f32::from(radius::NORMAL), fill: false });
    ui.add_space(space::SMALL);
    meter(ui, scene);
    let states = [
        (checked.camera, call_troubles::camera_words as fn(DeviceState) -> &'static str),
        (checked.microphone, call_troubles::microphone_words),
        (checked.speaker, call_troubles::speaker_words),
    ];
    for (state, words) in states.into_iter().filter(|(state, _)| *state != DeviceState::Fine) {
        ui.label(RichText::new(scene.say(words(state))).font(regular(letter::SMALL)).color(palette.bad));
    }
    ui.add_space(space::SMALL);
    if controls::quiet_button(ui, &scene.say("check-sound")).clicked() {
        out.act(Action::CheckSound);
    }
    ui.add_space(space::SMALL);
    if controls::quiet_button(ui, &scene.say("check-end")).clicked() {
        out.act(Action::CheckDevices(false));
    }
    ui.add_space(space::NORMAL);
}

/// How loud the microphone is, as a bar.
fn meter(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = Palette::of(ui);
    let name = scene.say("check-level");
    ui.label(RichText::new(&name).font(regular(letter::SMALL)).color(palette.soft));
    let (bar, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 8.0), Sense::hover());
    ui.painter().rect_filled(bar, 4.0, palette.hover);
    let loudness = controls::loudness(scene.level);
    let filled = Rect::from_min_size(bar.min, Vec2::new(bar.width() * loudness, bar.height()));
    ui.painter().rect_filled(filled, 4.0, palette.good);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::ProgressIndicator, true, &name));
}

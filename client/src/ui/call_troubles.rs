//! What is wrong in a call, said over its picture.

use egui::{Align2, Pos2, Rect, Ui, Vec2};

use super::{
    Scene, Value, icons, quality,
    theme::{self, Palette, letter, regular, space},
};
use crate::{app::Trouble, device::DeviceState};

/// More at once would hide the picture that they are about.
const AT_ONCE: usize = 2;

/// Draws the most urgent troubles upwards from the lower edge of an area.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, area: Rect, troubles: &[Trouble]) {
    let palette = Palette::of(ui);
    let mut bottom = area.bottom();
    for trouble in troubles.iter().take(AT_ONCE).rev() {
        let (icon, text) = told(scene, trouble);
        let lead = letter::ICON + space::TINY;
        let width = area.width() - lead - 16.0;
        let galley = ui.painter().layout(text.clone(), regular(letter::SMALL), palette.on_stage, width);
        let pill = quality::pill(ui, Pos2::new(area.center().x, bottom), Align2::CENTER_BOTTOM, galley, lead);
        let sign = Pos2::new(pill.left() + 8.0 + letter::ICON / 2.0 - 1.0, pill.center().y);
        let font = regular(letter::ICON - 2.0);
        ui.painter().text(sign, Align2::CENTER_CENTER, icon, font, theme::DARK.away);
        let id = ui.id().with(("trouble", &text));
        let response = ui.interact(pill, id, egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &text));
        bottom = pill.top() - Vec2::splat(space::TINY).y;
    }
}

/// A trouble's sign and words.
fn told(scene: &Scene<'_>, trouble: &Trouble) -> (&'static str, String) {
    let with = |name, value: (&'static str, Value<'_>)| scene.words.with(name, &[value]);
    match trouble {
        Trouble::ConnectionLost => (icons::WIFI_SLASH, scene.say("trouble-connection")),
        Trouble::PictureFrozen { seconds } => {
            (icons::CLOCK, with("trouble-frozen", ("seconds", Value::Number(*seconds))))
        }
        Trouble::NothingHeard { seconds } => {
            (icons::CLOCK, with("trouble-nothing-heard", ("seconds", Value::Number(*seconds))))
        }
        Trouble::CannotHearYou => (icons::WARNING_CIRCLE, scene.say("trouble-cannot-hear")),
        Trouble::MicrophoneSilent => (icons::MICROPHONE_SLASH, scene.say("trouble-silent")),
        Trouble::Camera(state) => (icons::VIDEO_CAMERA_SLASH, scene.say(camera_words(*state))),
        Trouble::Microphone(state) => (icons::MICROPHONE_SLASH, scene.say(microphone_words(*state))),
        Trouble::Speaker(state) => (icons::WARNING_CIRCLE, scene.say(speaker_words(*state))),
        Trouble::BrokeOff { what } => (icons::WARNING_CIRCLE, with("trouble-broke-off", ("what", Value::Text(what)))),
        Trouble::HeldBack { by, delay_ms } => {
            let name = if by.is_some() { "trouble-held-back" } else { "trouble-held-back-direct" };
            (icons::CLOCK, with(name, ("ms", Value::Number(*delay_ms))))
        }
        Trouble::TooSlow => (icons::WARNING_CIRCLE, scene.say("trouble-slow")),
    }
}

pub fn camera_words(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Fine | DeviceState::Substituted => "trouble-camera-other",
        DeviceState::Absent => "trouble-camera-none",
        DeviceState::Busy => "trouble-camera-busy",
        DeviceState::Forbidden => "trouble-camera-forbidden",
        DeviceState::Broken => "trouble-camera-broken",
    }
}

pub fn microphone_words(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Fine | DeviceState::Substituted => "trouble-microphone-other",
        DeviceState::Absent => "trouble-microphone-none",
        DeviceState::Busy => "trouble-microphone-busy",
        DeviceState::Forbidden => "trouble-microphone-forbidden",
        DeviceState::Broken => "trouble-microphone-broken",
    }
}

pub fn speaker_words(state: DeviceState) -> &'static str {
    match state {
        DeviceState::Fine | DeviceState::Substituted => "trouble-speaker-other",
        DeviceState::Absent => "trouble-speaker-none",
        DeviceState::Busy => "trouble-speaker-busy",
        DeviceState::Forbidden => "trouble-speaker-forbidden",
        DeviceState::Broken => "trouble-speaker-broken",
    }
}

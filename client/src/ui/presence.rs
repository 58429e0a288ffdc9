//! What someone is, as a shape, a colour and a word: never as a colour alone.

use egui::{Pos2, Rect, Stroke, Ui, Vec2};
use relay::vocabulary::{Availability, PresenceInfo};

use super::{Scene, theme::Palette};

/// Draws the sign of a presence: a disc, a crescent, a disc with a bar, a square, a ring.
pub fn sign(ui: &Ui, at: Pos2, radius: f32, state: Availability) {
    let palette = Palette::of(ui);
    let painter = ui.painter();
    match state {
        Availability::Available => {
            painter.circle_filled(at, radius, palette.good);
        }
        Availability::Away => {
            painter.circle_filled(at, radius, palette.away);
            let bite = at + Vec2::new(radius * 0.5, -radius * 0.4);
            painter.circle_filled(bite, radius * 0.8, palette.ground);
        }
        Availability::DoNotDisturb => {
            painter.circle_filled(at, radius, palette.bad);
            let bar = Rect::from_center_size(at, Vec2::new(radius * 1.1, (radius * 0.4).max(1.5)));
            painter.rect_filled(bar, 0.5, palette.on_bad);
        }
        Availability::InACall => {
            let square = Rect::from_center_size(at, Vec2::splat(radius * 1.7));
            painter.rect_filled(square, radius * 0.45, palette.accent_text);
        }
        Availability::Offline | Availability::Unknown => {
            painter.circle_stroke(at, radius - 0.75, Stroke::new(1.5, palette.soft));
        }
    }
}

/// The name of the word for a presence.
pub fn word(state: Availability) -> &'static str {
    match state {
        Availability::Available => "presence-available",
        Availability::Away => "presence-away",
        Availability::DoNotDisturb => "presence-do-not-disturb",
        Availability::InACall => "presence-in-a-call",
        Availability::Offline | Availability::Unknown => "presence-offline",
    }
}

/// What is said about someone below their name: the word, and what they say themselves.
pub fn line(scene: &Scene<'_>, presence: &PresenceInfo) -> String {
    let word = scene.say(word(presence.state));
    match (presence.status.is_empty(), presence.state, presence.last_seen) {
        (true, Availability::Offline, Some(seen)) => {
            let when = scene.now.when(scene.words, seen);
            scene.words.with("presence-last-seen", &[("when", super::Value::Text(&when))])
        }
        (true, ..) => word,
        (false, ..) => format!("{word} · {}", presence.status),
    }
}

/// Sorts those who can be reached to the front.
pub fn rank(state: Availability) -> u8 {
    match state {
        Availability::Available => 0,
        Availability::InACall => 1,
        Availability::DoNotDisturb => 2,
        Availability::Away => 3,
        Availability::Offline | Availability::Unknown => 4,
    }
}

//! A face: the initials of someone, on a colour of their own, with the sign of their presence.

use egui::{Align2, Pos2, Ui};
use relay::vocabulary::Availability;

use super::{
    presence,
    theme::{Palette, semibold},
};

/// Draws a face around `centre`; with a presence, its sign stands at the lower right.
pub fn draw(ui: &Ui, centre: Pos2, diameter: f32, account: u64, name: &str, state: Option<Availability>) {
    let palette = Palette::of(ui);
    ui.painter().circle_filled(centre, diameter / 2.0, palette.face(account));
    let letters = initials(name);
    let wide = letters.chars().any(|letter| letter >= '\u{2E80}');
    let part = if wide { 0.42 } else { 0.38 };
    ui.painter().text(centre, Align2::CENTER_CENTER, letters, semibold(diameter * part), palette.on_face);
    if let Some(state) = state {
        let radius = (diameter * 0.15).max(4.5);
        let at = centre + egui::Vec2::splat(diameter * 0.36);
        ui.painter().circle_filled(at, radius + 2.0, palette.ground);
        presence::sign(ui, at, radius, state);
    }
}

/// One or two letters for a name: of the first and the last word, or the first of one that is not written in letters.
pub fn initials(name: &str) -> String {
    let mut words = name.split(|c: char| c.is_whitespace() || ".-_".contains(c)).filter(|word| !word.is_empty());
    let first = |word: &str| word.chars().next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let Some(word) = words.next() else { return "?".to_owned() };
    let is_ideograph = word.chars().next().is_some_and(|letter| letter >= '\u{2E80}');
    match words.next_back() {
        Some(last) if !is_ideograph => first(word) + &first(last),
        _ => first(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_many_kinds_of_names() {
        for (name, letters) in [
            ("alice", "A"),
            ("Ada Lovelace", "AL"),
            ("jean-luc", "JL"),
            ("Anna Maria de la Cruz", "AC"),
            ("山田 太郎", "山"),
            ("ßen", "SS"),
            ("", "?"),
            ("  ", "?"),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}

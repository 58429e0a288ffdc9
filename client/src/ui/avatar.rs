//! A face: the picture of someone, or their initials on a colour of their own, with the sign of their presence.

use egui::{Align2, Pos2, Rect, Ui, Vec2};
use relay::vocabulary::{Availability, Chat, ChatKind};

use super::{
    Out, Scene, names, presence, still,
    theme::{Palette, semibold},
};
use crate::app::StillKey;

/// Whose face it is.
#[derive(Debug, Clone)]
pub struct Face<'a> {
    /// Whose colour it has.
    pub account: u64,
    pub name: &'a str,
    pub picture: Option<StillKey>,
}

impl<'a> Face<'a> {
    /// Of someone whose picture is seen if they are a contact, or oneself.
    pub fn of(scene: &Scene<'_>, account: u64, name: &'a str) -> Self {
        let state = &scene.view.state;
        let contact = || state.roster.contacts.get(&account).and_then(|contact| contact.who.picture.clone());
        let own = || state.me.as_ref().filter(|me| me.profile.id == account).and_then(|me| me.profile.picture.clone());
        Self { account, name, picture: contact().or_else(own).map(StillKey::Person) }
    }

    /// Of a chat: of the other one, or of a group.
    pub fn of_chat(scene: &Scene<'_>, chat: &Chat, name: &'a str) -> Self {
        match names::other(chat, scene.me()).filter(|_| chat.kind == ChatKind::Direct) {
            Some((account, _)) => Self::of(scene, account, name),
            None => {
                Self { account: chat.id.wrapping_mul(3), name, picture: chat.picture.clone().map(StillKey::Thumbnail) }
            }
        }
    }

    /// Draws it around `centre`; with a presence, its sign stands at the lower right.
    pub fn draw(
        &self,
        ui: &Ui,
        scene: &Scene<'_>,
        centre: Pos2,
        diameter: f32,
        state: Option<Availability>,
        out: &mut Out,
    ) {
        let area = Rect::from_center_size(centre, Vec2::splat(diameter));
        let is_drawn = ui.is_rect_visible(area)
            && self.picture.as_ref().is_some_and(|key| still::fill(ui, scene, key, area, diameter / 2.0, out));
        match is_drawn {
            true => sign(ui, centre, diameter, state),
            false => draw(ui, centre, diameter, self.account, self.name, state),
        }
    }
}

/// Draws the initials of someone around `centre`; with a presence, its sign stands at the lower right.
pub fn draw(ui: &Ui, centre: Pos2, diameter: f32, account: u64, name: &str, state: Option<Availability>) {
    let palette = Palette::of(ui);
    ui.painter().circle_filled(centre, diameter / 2.0, palette.face(account));
    let letters = initials(name);
    let wide = letters.chars().any(|letter| letter >= '\u{2E80}');
    let part = if wide { 0.42 } else { 0.38 };
    ui.painter().text(centre, Align2::CENTER_CENTER, letters, semibold(diameter * part), palette.on_face);
    sign(ui, centre, diameter, state);
}

fn sign(ui: &Ui, centre: Pos2, diameter: f32, state: Option<Availability>) {
    let palette = Palette::of(ui);
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

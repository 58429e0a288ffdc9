//! Mentions: whom a line names with `@`, and the list of members that completes a name while it is written.

use egui::{Area, Frame, Id, Key, Margin, Modifiers, Order, Pos2, Sense, Ui, Vec2};
use relay::vocabulary::{
    ChatMember, MENTIONS_MAX, Standing,
    markup::{Block, Meaning, parse},
};

use super::{
    Out, Scene,
    avatar::Face,
    controls, names,
    theme::{Palette, letter, radius, regular, semibold, size, space},
};
use crate::engine::ChatState;

/// Members that are offered at a time.
const OFFERED: usize = 6;

const ROW: f32 = 38.0;

/// Whom a text mentions, of those who belong to the chat.
pub fn mentioned(text: &str, chat: &ChatState) -> Vec<u64> {
    let mut found = Vec::new();
    let members = chat.everyone();
    for block in parse(text) {
        let (Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans)) = block else { continue };
        for span in spans.iter().filter(|span| span.meaning == Meaning::Mention) {
            let name = &span.text[1..];
            if let Some(member) = members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
                && !found.contains(&member.id)
                && found.len() < MENTIONS_MAX
            {
                found.push(member.id);
            }
        }
    }
    found
}

/// The name that is being written before the caret: where its `@` stands, in characters, and what there is of it.
fn begun(text: &str, caret: usize) -> Option<(usize, String)> {
    let before: Vec<char> = text.chars().take(caret).collect();
    let at = before.iter().rposition(|c| *c == '@')?;
    let name = &before[at + 1..];
    let of_name = |c: &char| c.is_alphanumeric() || "._-".contains(*c);
    let begins_word = at == 0 || !(before[at - 1].is_alphanumeric() || before[at - 1] == '@');
    (begins_word && name.iter().all(of_name)).then(|| (at, name.iter().collect()))
}

/// Those whose name, or what they want to be called, begins so; oneself is not offered.
fn offered<'a>(scene: &Scene<'_>, chat: &'a ChatState, begun: &str) -> Vec<&'a ChatMember> {
    let begun = begun.to_lowercase();
    let shown = |member: &ChatMember| names::of_member(&scene.view.state, member.id, &member.name).to_lowercase();
    let begins =
        |name: &str| name.split([' ', '.', '-', '_']).any(|part| part.starts_with(&begun)) || name.starts_with(&begun);
    let wanted = |member: &&ChatMember| {
        member.id != scene.me()
            && member.standing == Standing::Joined
            && (begins(&member.name.to_lowercase()) || begins(&shown(member)))
    };
    let mut found: Vec<_> = chat.everyone().iter().filter(wanted).collect();
    found.sort_by_cached_key(|member| shown(member));
    found.truncate(OFFERED);
    found
}

/// A name that stands in place of what was begun.
#[derive(Debug, PartialEq, Eq)]
pub struct Completed {
    /// The characters that it takes the place of.
    pub from: usize,
    pub to: usize,
    pub text: String,
}

/// A line as far as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    pub text: &'a str,
    /// Where the caret is, in characters.
    pub caret: usize,
}

/// What the list of members remembers.
#[derive(Debug, Default)]
pub struct Completion {
    chosen: usize,
    /// What was begun when the person wanted no list.
    refused: Option<(usize, String)>,
    open: bool,
}

impl Completion {
    /// Whether names were offered at the last drawing.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes the keys that are for the list, before the field gets them.
    pub fn take_keys(
        &mut self,
        ui: &Ui,
        scene: &Scene<'_>,
        chat: &ChatState,
        writing: Writing<'_>,
    ) -> Option<Completed> {
        let Writing { text, caret } = writing;
        let (at, name) = begun(text, caret)?;
        let offered = self.offer(scene, chat, at, &name)?;
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::ArrowDown) {
            self.chosen = (self.chosen + 1) % offered.len();
        }
        if pressed(Key::ArrowUp) {
            self.chosen = (self.chosen + offered.len() - 1) % offered.len();
        }
        self.chosen = self.chosen.min(offered.len() - 1);
        if pressed(Key::Escape) {
            (self.refused, self.open) = (Some((at, name)), false);
            return None;
        }
        if pressed(Key::Enter) || pressed(Key::Tab) {
            return Some(self.complete(at, caret, offered[self.chosen]));
        }
        None
    }

    /// Draws the list above the field, if there is anybody to offer. Gives what was chosen with the mouse.
    pub fn show(
        &mut self,
        ui: &Ui,
        scene: &Scene<'_>,
        chat: &ChatState,
        writing: Writing<'_>,
        place: (Pos2, f32),
        out: &mut Out,
    ) -> Option<Completed> {
        let Writing { text, caret } = writing;
        let Some((at, name)) = begun(text, caret) else {
            *self = Self::default();
            return None;
        };
        let offered = self.offer(scene, chat, at, &name);
        self.open = offered.is_some();
        let offered = offered?;
        let palette = Palette::of(ui);
        let (above, width) = place;
        let mut clicked = None;
        let area = Area::new(Id::new(("mentions", chat.chat.id))).order(Order::Foreground).fixed_pos(above);
        area.pivot(egui::Align2::LEFT_BOTTOM).show(ui.ctx(), |ui| {
            let frame = Frame::new()
                .fill(palette.surface)
                .stroke(egui::Stroke::new(1.0, palette.line))
                .corner_radius(radius::NORMAL)
                .shadow(ui.visuals().popup_shadow)
                .inner_margin(Margin::same(space::TINY as i8));
            frame.show(ui, |ui| {
                ui.spacing_mut().item_spacing = Vec2::ZERO;
                for (index, member) in offered.iter().enumerate() {
                    if row(ui, scene, member, index == self.chosen, width, out) {
                        clicked = Some(*member);
                    }
                }
            });
        });
        clicked.map(|member| self.complete(at, caret, member))
    }

    fn offer<'a>(
        &mut self,
        scene: &Scene<'_>,
        chat: &'a ChatState,
        at: usize,
        name: &str,
    ) -> Option<Vec<&'a ChatMember>> {
        if chat.chat.kind == relay::vocabulary::ChatKind::Direct {
            return None;
        }
        if self.refused.as_ref().is_some_and(|(refused, begun)| *refused == at && name.starts_with(begun.as_str())) {
            return None;
        }
        let offered = offered(scene, chat, name);
        (!offered.is_empty()).then_some(offered)
    }

    fn complete(&mut self, at: usize, caret: usize, member: &ChatMember) -> Completed {
        *self = Self::default();
        Completed { from: at, to: caret, text: format!("@{} ", member.name) }
    }
}

fn row(ui: &mut Ui, scene: &Scene<'_>, member: &ChatMember, chosen: bool, width: f32, out: &mut Out) -> bool {
    let palette = Palette::of(ui);
    let (area, row) = ui.allocate_exact_size(Vec2::new(width, ROW), Sense::click());
    if chosen || row.hovered() {
        let fill = if chosen { palette.chosen } else { palette.hover };
        ui.painter().rect_filled(area, f32::from(radius::SMALL), fill);
    }
    let name = names::of_member(&scene.view.state, member.id, &member.name);
    let centre = area.left_center() + Vec2::new(space::SMALL + size::AVATAR_SMALL / 2.0, 0.0);
    Face::of(scene, member.id, name).draw(ui, scene, centre, size::AVATAR_SMALL, None, out);
    let left = centre.x + size::AVATAR_SMALL / 2.0 + space::SMALL;
    let right = area.right() - space::SMALL;
    let written = format!("@{}", member.name);
    let text = controls::cut(ui, name, semibold(letter::BODY), palette.text, (right - left) * 0.6);
    let middle = area.center().y;
    let after = left + text.size().x + space::SMALL;
    ui.painter().galley(egui::pos2(left, middle - text.size().y / 2.0), text, palette.text);
    let text = controls::cut(ui, &written, regular(letter::SMALL), palette.soft, right - after);
    ui.painter().galley(egui::pos2(after, middle - text.size().y / 2.0), text, palette.soft);
    controls::named(ui, row, &format!("{name}, {written}")).clicked()
}

#[cfg(test)]
mod tests {
    use relay::vocabulary::{Chat, ChatKind, ChatRole};

    use super::*;

    fn group() -> ChatState {
        let member =
            |id, name: &str| ChatMember { id, name: name.into(), role: ChatRole::Member, standing: Standing::Joined };
        let members = vec![member(1, "me"), member(2, "ada"), member(3, "Bob.b")];
        ChatState::new(Chat { kind: ChatKind::Group, members, ..Chat::default() })
    }

    #[test]
    fn only_members_are_mentioned_and_each_once() {
        let chat = group();
        assert_eq!(mentioned("@ada look, @bob.b and @ada again", &chat), [2, 3]);
        assert_eq!(mentioned("`@ada` mail@ada @adam > @carol", &chat), [0; 0]);
        assert_eq!(mentioned("> @Ada", &chat), [2]);
    }

    #[test]
    fn a_name_is_begun_at_the_beginning_of_a_word() {
        assert_eq!(begun("hi @ad", 6), Some((3, "ad".into())));
        assert_eq!(begun("hi @ad", 4), Some((3, String::new())));
        assert_eq!(begun("（@窓", 3), Some((1, "窓".into())));
        assert_eq!((begun("a@b", 3), begun("@a b", 4), begun("hi", 2)), (None, None, None));
    }
}

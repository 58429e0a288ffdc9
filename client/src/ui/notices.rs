//! What a person should know for a moment: a command that was refused, a call that was not taken.

use egui::{Frame, Margin, RichText, ScrollArea, Ui};

use super::{
    Action, Out, Scene, Value, Words, controls, icons,
    theme::{Palette, letter, regular, space},
};
use crate::engine::Event;

/// Notices that are kept; older ones go.
const KEPT: usize = 3;

/// How long a notice that nothing has to be done about is seen.
const SEEN_MS: u64 = 8_000;

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: u64,
    pub text: String,
    /// Whether something went wrong.
    pub bad: bool,
    /// When it goes by itself, in Unix milliseconds; what went wrong stays until it is dismissed.
    pub until: Option<u64>,
}

/// Those that were not dismissed yet, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    list: Vec<Notice>,
    last: u64,
}

impl Notices {
    /// Takes in what has happened, if it is something to know; `now` is in Unix milliseconds. Gives the number of the
    /// new notice.
    pub fn take(&mut self, event: &Event, words: &Words, now: u64) -> Option<u64> {
        let (text, bad) = said(event, words)?;
        self.put(text, bad, now)
    }

    /// Tells of something that went well.
    pub fn tell(&mut self, text: String, now: u64) {
        self.put(text, false, now);
    }

    fn put(&mut self, text: String, bad: bool, now: u64) -> Option<u64> {
        if self.list.iter().any(|notice| notice.text == text) {
            return None;
        }
        self.last += 1;
        let until = (!bad).then_some(now + SEEN_MS);
        self.list.push(Notice { id: self.last, text, bad, until });
        if self.list.len() > KEPT {
            self.list.remove(0);
        }
        Some(self.last)
    }

    pub fn dismiss(&mut self, id: u64) {
        self.list.retain(|notice| notice.id != id);
    }

    /// Drops what was seen long enough. Says how many milliseconds it is until the next one goes.
    pub fn forget(&mut self, now: u64) -> Option<u64> {
        self.list.retain(|notice| notice.until.is_none_or(|until| until > now));
        self.list.iter().filter_map(|notice| notice.until).min().map(|until| until - now)
    }

    pub fn list(&self) -> &[Notice] {
        &self.list
    }
}

fn said(event: &Event, words: &Words) -> Option<(String, bool)> {
    let who = |name: &str, who: &str| words.with(name, &[("who", Value::Text(who))]);
    Some(match event {
        Event::Refused { command, problem } if command != "log in" && command != "join" => {
            (problem.detail.clone(), true)
        }
        Event::Warning { text } => (text.clone(), true),
        Event::CallDeclined { who: name, .. } => (who("notice-declined", name), false),
        Event::CallBusy { who: name, .. } => (who("notice-busy", name), false),
        Event::CallNoAnswer { who: name, .. } => (who("notice-no-answer", name), false),
        Event::CallAnsweredElsewhere { device, .. } => {
            (words.with("notice-elsewhere", &[("device", Value::Text(device))]), false)
        }
        Event::ContactAdded { contact } => (who("notice-contact-added", super::names::of_profile(&contact.who)), false),
        Event::TransferFailed { reason, .. } => (reason.clone(), true),
        _ => return None,
    })
}

/// Draws them, one below the other.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
    list(ui, scene, scene.notices.list().iter(), out);
    if !scene.notices.list().is_empty() {
        ui.add_space(space::TINY);
    }
}

/// The same within the place that is there: it can be scrolled. Gives the height that all of them need.
pub fn show_within(ui: &mut Ui, scene: &Scene<'_>, before: f32, out: &mut Out) -> f32 {
    let shown = ScrollArea::vertical().auto_shrink(false).show(ui, |ui| show(ui, scene, out));
    let height = shown.content_size.y;
    if (before - height).abs() > 0.5 {
        ui.ctx().request_discard("the messages have another height");
    }
    height
}

fn list<'a>(ui: &mut Ui, scene: &Scene<'_>, notices: impl Iterator<Item = &'a Notice>, out: &mut Out) {
    let palette = Palette::of(ui);
    for notice in notices {
        Frame::new().inner_margin(Margin { left: 12, right: 12, top: 4, bottom: 4 }).show(ui, |ui| {
            controls::card(ui, notice.bad, |ui| {
                ui.horizontal_top(|ui| {
                    let (icon, colour) = match notice.bad {
                        true => (icons::WARNING_CIRCLE, palette.bad_text),
                        false => (icons::INFO, palette.accent_text),
                    };
                    ui.label(RichText::new(icon).font(regular(letter::ICON)).color(colour));
                    let width = ui.available_width() - 42.0;
                    ui.vertical(|ui| {
                        ui.set_width(width);
                        ui.add_space(2.0);
                        ui.label(RichText::new(&notice.text).font(regular(letter::SMALL + 1.0)).color(palette.text));
                    });
                    if controls::icon_button(ui, icons::X, &scene.say("notice-dismiss")).clicked() {
                        out.act(Action::Dismiss(notice.id));
                    }
                });
            });
        });
    }
}

/// Draws only what went wrong, for windows beside the main one.
pub fn show_trouble(ui: &mut Ui, scene: &Scene<'_>, out: &mut Out) {
    if scene.notices.list().iter().any(|notice| notice.bad) {
        list(ui, scene, scene.notices.list().iter().filter(|notice| notice.bad), out);
    }
}

#[cfg(test)]
mod tests {
    use relay::vocabulary::{Problem, code};

    use super::*;
    use crate::ui::Tongue;

    #[test]
    fn what_goes_wrong_is_said_once_and_only_the_newest_are_kept() {
        let words = Words::new(Tongue::English);
        let mut notices = Notices::default();
        let refused = |detail: &str| Event::Refused {
            command: "call".into(),
            problem: Problem::new(409, code::IN_A_CALL, detail),
        };
        assert!(notices.take(&refused("a"), &words, 0).is_some());
        assert_eq!(notices.take(&refused("a"), &words, 0), None);
        assert_eq!(notices.take(&Event::ContactGrouped { account: 1, groups: Vec::new() }, &words, 0), None);
        for detail in ["b", "c", "d"] {
            notices.take(&refused(detail), &words, 0);
        }
        assert_eq!(notices.list().iter().map(|notice| notice.text.as_str()).collect::<Vec<_>>(), ["b", "c", "d"]);
        let first = notices.list()[0].id;
        notices.dismiss(first);
        assert_eq!(notices.list().len(), 2);
        let id = notices.take(&Event::CallBusy { call: 1, who: "bob".into() }, &words, 1_000).unwrap();
        assert_eq!(notices.list().iter().find(|notice| notice.id == id).unwrap().text, "bob is in another call.");
        assert_eq!(notices.forget(2_000), Some(SEEN_MS - 1_000));
        assert_eq!(notices.forget(1_000 + SEEN_MS), None);
        assert!(notices.list().iter().all(|notice| notice.bad) && notices.list().len() == 2);
    }
}

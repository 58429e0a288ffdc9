//! Push to talk: the own microphone is open only while a key is held, which a person can choose.

use egui::{Align2, Event, Key, Pos2, RichText, Ui};
use relay::vocabulary::CallId;

use super::{
    Action, Out, Scene, Value, controls, quality,
    theme::{Palette, letter, regular, space},
};
use crate::home::{Preferences, Speaking};

/// When the name in the preferences is no key's.
const USUAL: Key = Key::Space;

/// What the display remembers of the key.
#[derive(Debug, Default)]
pub struct TalkKey {
    held: bool,
    /// The call in which the microphone waits for the key.
    call: Option<CallId>,
}

impl TalkKey {
    /// Opens and closes the microphone as the key is held and let go. When a call begins it is closed.
    pub fn follow(&mut self, ui: &Ui, scene: &Scene<'_>, call: CallId, out: &mut Out) {
        if scene.preferences.speaking != Speaking::PushToTalk {
            if self.call.take().is_some() {
                self.held = false;
                out.act(Action::Mute(false));
            }
            return;
        }
        let key = of(scene.preferences);
        // A key that types belongs to whoever is being written to.
        let listens = scene.focused && (!types(key) || ui.memory(|memory| memory.focused().is_none()));
        let held = listens && ui.input(|input| input.key_down(key));
        let begins = self.call.replace(call) != Some(call);
        if held != std::mem::replace(&mut self.held, held) || begins {
            out.act(Action::Mute(!held));
        }
    }

    /// Says in the call what to do with the key, above `bottom`. Says whether it did.
    pub fn hint(&self, ui: &Ui, scene: &Scene<'_>, bottom: Pos2) -> bool {
        if scene.preferences.speaking != Speaking::PushToTalk || !scene.muted {
            return false;
        }
        let palette = Palette::of(ui);
        let key = name(scene, of(scene.preferences));
        let text = scene.words.with("call-hold-to-talk", &[("key", Value::Text(&key))]);
        let galley = ui.painter().layout_no_wrap(text, regular(letter::SMALL), palette.on_stage);
        quality::pill(ui, bottom, Align2::CENTER_BOTTOM, galley, 0.0);
        true
    }
}

/// The key that is preferred.
fn of(preferences: &Preferences) -> Key {
    Key::from_name(&preferences.talk_key).unwrap_or(USUAL)
}

/// Whether it does something else where text is written or something has the keyboard.
fn types(key: Key) -> bool {
    let name = key.name();
    let function = name.strip_prefix('F').is_some_and(|number| number.parse::<u8>().is_ok());
    !function && !matches!(key, Key::Insert)
}

/// Those that mean something everywhere in the window cannot be chosen.
fn is_taken(key: Key) -> bool {
    matches!(key, Key::Escape | Key::Enter | Key::Tab | Key::F1 | Key::Backspace | Key::Delete)
}

fn name(scene: &Scene<'_>, key: Key) -> String {
    if key == Key::Space { scene.say("key-space") } else { key.name().to_owned() }
}

/// The row in the settings that shows the key, and takes the next one that is pressed once it was clicked.
pub fn choose(ui: &mut Ui, scene: &Scene<'_>, chosen: &mut String) {
    let palette = Palette::of(ui);
    let waits = ui.id().with("talk-key");
    let mut listens = ui.data(|data| data.get_temp::<bool>(waits).unwrap_or(false));
    ui.label(RichText::new(scene.say("talk-key")).font(regular(letter::SMALL)).color(palette.soft));
    ui.add_space(-space::TINY);
    let text = if listens { scene.say("talk-key-press") } else { name(scene, Key::from_name(chosen).unwrap_or(USUAL)) };
    if controls::quiet_button(ui, &text).clicked() {
        listens = !listens;
    } else if listens {
        let pressed = ui.input_mut(|input| {
            let at = input.events.iter().position(|event| matches!(event, Event::Key { pressed: true, .. }))?;
            match input.events.remove(at) {
                Event::Key { key, .. } => Some(key),
                _ => None,
            }
        });
        if let Some(key) = pressed {
            listens = false;
            if !is_taken(key) {
                key.name().clone_into(chosen);
            }
        }
    }
    ui.data_mut(|data| data.insert_temp(waits, listens));
    ui.add_space(space::NORMAL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_type_nothing_work_while_something_is_written() {
        assert!([Key::Space, Key::V, Key::Num1, Key::Backtick, Key::F].into_iter().all(types));
        assert!(![Key::F2, Key::F12, Key::Insert].into_iter().any(types));
    }

    #[test]
    fn what_is_written_by_hand_is_understood_or_the_usual_one() {
        let preferred = |key: &str| of(&Preferences { talk_key: key.to_owned(), ..Preferences::default() });
        assert_eq!((preferred("F8"), preferred("Space"), preferred("sneeze")), (Key::F8, Key::Space, USUAL));
        assert_eq!(of(&Preferences::default()), Key::Space);
    }
}

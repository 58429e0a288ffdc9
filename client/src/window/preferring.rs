//! What is preferred becomes so at once, and is kept.

use winit::event_loop::ActiveEventLoop;

use super::{
    desk::{Desk, now},
    dock,
};
use crate::{
    desktop::start_with_session,
    engine::Event,
    home::{Dock, Preferences},
    ui::{Tongue, Words},
};

impl Desk {
    /// From now on this is preferred, in every window that is open.
    pub(super) fn prefer(&mut self, events: &ActiveEventLoop, preferences: Preferences) {
        self.remember_place();
        let before = std::mem::replace(&mut self.preferences, preferences);
        if before.starts_with_session != self.preferences.starts_with_session
            && let Err(error) = start_with_session(self.preferences.starts_with_session)
        {
            self.preferences.starts_with_session = before.starts_with_session;
            self.complain(error.to_string());
        }
        self.app.devices().choose(self.preferences.devices.clone());
        if before.language != self.preferences.language {
            self.words = Words::new(Tongue::choose(self.preferences.language, self.system.as_deref()));
            self.dress_tray();
        }
        if before.theme != self.preferences.theme {
            self.frames().for_each(|frame| frame.choose_theme(self.preferences.theme, self.dark));
        }
        let other_size = before.text_size != self.preferences.text_size;
        if other_size {
            self.frames().for_each(|frame| frame.choose_size(self.preferences.text_size));
        }
        // What is docked takes as much more place as what is in it.
        if before.dock != self.preferences.dock || other_size && self.preferences.dock != Dock::Free {
            self.reopen_main(events);
        } else if before.always_on_top != self.preferences.always_on_top
            && let Some((frame, _)) = &self.main
        {
            frame.window.set_window_level(dock::level(&self.preferences));
        }
        self.write_preferences();
        self.redraw();
    }

    /// Keeps where the free window is.
    pub(super) fn remember_place(&mut self) {
        let before = self.preferences.clone();
        if let Some((frame, _)) = self.main.as_ref().filter(|_| !self.fills && !self.hidden) {
            dock::remember(&frame.window, &mut self.preferences);
        }
        if before != self.preferences {
            self.write_preferences();
        }
    }

    pub(super) fn write_preferences(&mut self) {
        if let Err(error) = self.preferences.write(&self.path) {
            tracing::warn!(%error, "preferences are not kept");
            self.notices.take(&Event::Warning { text: error.to_string() }, &self.words, now());
        }
    }
}

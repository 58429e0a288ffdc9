//! The main window and the tray: what the icon shows, and a window that is closed but comes back.

use relay::vocabulary::Wish;
use winit::event_loop::ActiveEventLoop;

use super::{
    desk::{Desk, now},
    dock,
};
use crate::{
    desktop::{About, Notification, TrayFace, Wanted},
    engine::Command,
    home::Dock,
};

impl Desk {
    /// The tray shows what there is now.
    pub(super) fn dress_tray(&mut self) {
        let unread: u64 = self.view.state.chats.values().map(|chat| u64::from(chat.unread)).sum();
        let say = |name: &str| self.words.say(name);
        let face = TrayFace {
            title: say("app-name"),
            line: self.main_screen.title(&self.scene(false)),
            unread: unread > 0,
            do_not_disturb: self.view.state.roster.own.chosen == Wish::DoNotDisturb,
            show: say("tray-show"),
            disturb: say("presence-do-not-disturb"),
            quit: say("quit"),
        };
        self.tray.show(face);
    }

    pub(super) fn tray_wants(&mut self, events: &ActiveEventLoop, wanted: Wanted) {
        match wanted {
            Wanted::Show => self.raise(),
            Wanted::DoNotDisturb(yes) => {
                let state = Some(if yes { Wish::DoNotDisturb } else { Wish::Available });
                self.app.give(Command::SetPresence { state, status: None });
            }
            Wanted::Quit => events.exit(),
        }
    }

    /// Closes the main window: it goes into the tray, if there is one, else the program ends.
    pub(super) fn close_main(&mut self, events: &ActiveEventLoop) {
        if !self.preferences.close_to_tray || !self.tray.is_there() {
            return events.exit();
        }
        self.remember_place();
        if let Some((frame, _)) = &self.main {
            frame.window.set_visible(false);
            self.hidden = true;
        }
        if !std::mem::replace(&mut self.preferences.told_of_tray, true) {
            self.write_preferences();
            let (title, text) = (self.words.say("tray-goes-on"), self.words.say("tray-how-to-quit"));
            self.notices.tell(text.clone(), now());
            let (about, deeds, urgent) = (About::Tray, Vec::new(), false);
            self.notifier.show(Notification { about, title, text, deeds, urgent });
        }
    }

    /// Shows the main window above all others, where it was.
    pub(super) fn raise(&mut self) {
        let Some((frame, monitor)) = &self.main else { return };
        if std::mem::take(&mut self.hidden) {
            frame.window.set_visible(true);
            // What is not seen has neither a level nor, for some desktops, a place.
            frame.window.set_window_level(dock::level(&self.preferences));
            let place = dock::remembered(&self.preferences).filter(|_| self.preferences.dock == Dock::Free);
            if let Some(place) = place {
                frame.window.set_outer_position(winit::dpi::PhysicalPosition::new(place.x, place.y));
            }
            if !self.fills {
                dock::reserve(&frame.window, monitor.as_ref(), &self.preferences);
            }
            frame.redraw();
        }
        frame.window.set_minimized(false);
        frame.window.focus_window();
    }
}

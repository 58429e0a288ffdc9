//! What the desktop's notifications are asked for, and what is done when a person uses one.

use jiff::Timestamp;
use relay::vocabulary::ChatId;
use winit::event_loop::ActiveEventLoop;

use super::desk::{Desk, now};
use crate::{
    desktop::{About, Deed},
    engine::{Command, Deed as ContactDeed, Event},
    ui::attention,
};

impl Desk {
    /// Tells outside the windows of what has happened, if that is worth it.
    pub(super) fn notify(&mut self, event: &Event) {
        let quiet = attention::is_quiet(&self.view.state, &self.preferences, self.minute());
        let desk = attention::Desk {
            state: &self.view.state,
            words: &self.words,
            looked_at: self.looked_at(),
            quiet,
            now: now(),
        };
        if let Some(notification) = attention::notify(event, desk) {
            self.told.insert(notification.about.clone(), false);
            // A call rings by itself, and whoever talks is not interrupted.
            let is_written = matches!(notification.about, About::Chat(_) | About::Request(_));
            if is_written && self.preferences.sounds && self.view.state.call.is_none() {
                self.app.chime();
            }
            self.notifier.show(notification);
        }
    }

    /// What was dealt with, here or on another device, needs no notification any more. An event may come before the
    /// state that belongs to it: what never waited there has not been dealt with.
    pub(super) fn withdraw_told(&mut self) {
        let (state, notifier) = (&self.view.state, &self.notifier);
        self.told.retain(|about, waited| {
            let waits = attention::waits(about, state);
            let over = *waited && !waits;
            *waited |= waits;
            if over {
                notifier.withdraw(about.clone());
            }
            !over
        });
    }

    /// A person did something with a notification.
    pub(super) fn notified(&mut self, events: &ActiveEventLoop, about: About, deed: Deed) {
        match (about, deed) {
            (About::Chat(chat), _) => self.open_chat(events, chat),
            (About::Request(name), Deed::Accept) => self.app.give(Command::Contact { name, deed: ContactDeed::Accept }),
            (About::Request(name), Deed::Decline) => {
                self.app.give(Command::Contact { name, deed: ContactDeed::Decline });
            }
            (About::Call(call), Deed::Accept) => {
                self.app.senses().hide(false);
                self.app.give(Command::Accept { call });
                self.raise();
            }
            (About::Call(call), Deed::Decline) => self.app.give(Command::Decline { call }),
            (About::Request(_) | About::Call(_), Deed::Open) | (About::Tray, _) => self.raise(),
        }
    }

    /// The chat that a person looks at.
    fn looked_at(&self) -> Option<ChatId> {
        let beside = self.call.iter().filter_map(|(screen, frame)| Some((screen.beside()?.chat(), frame)));
        let mut open = self.chats.iter().map(|(screen, frame)| (screen.chat(), frame)).chain(beside);
        open.find(|(_, frame)| frame.is_focused()).map(|(chat, _)| chat)
    }

    /// The minute of the day.
    fn minute(&self) -> u16 {
        let now = Timestamp::from_millisecond(i64::try_from(now()).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
        let time = now.to_zoned(self.zone.clone()).time();
        (i16::from(time.hour()) * 60 + i16::from(time.minute())).unsigned_abs()
    }
}

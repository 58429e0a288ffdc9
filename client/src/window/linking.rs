//! What a start brings: a link to open, another start of the same home, and a report of a former end.

use std::path::Path;

use winit::event_loop::ActiveEventLoop;

use super::desk::{Desk, now};
use crate::{
    app::{Entrance, Link},
    desktop::Given,
    engine::Command,
    ui::{Then, Value, direct_chat_with},
};

impl Desk {
    /// Someone started the program once more: they want to see it, and perhaps something in it.
    pub(super) fn started(&mut self, events: &ActiveEventLoop, given: Given) {
        self.raise();
        match given.map(|link| link.parse::<Link>()) {
            None => {}
            Some(Ok(link)) => {
                self.link = Some(link);
                self.follow_waiting(events);
            }
            Some(Err(error)) => self.complain(error.to_string()),
        }
    }

    /// Follows a link as soon as someone is signed in.
    pub(super) fn follow_later(&mut self, link: Link) {
        // What an invitation needs, the first screen has been given.
        self.link = Some(link).filter(|link| !matches!(link, Link::Join(_)));
    }

    /// The program broke off the last time.
    pub(super) fn tell_of_crash(&mut self, report: &Path) {
        let report = report.display().to_string();
        self.complain(self.words.with("crash-report", &[("path", Value::Text(&report))]));
    }

    pub(super) fn follow_waiting(&mut self, events: &ActiveEventLoop) {
        let inside = self.view.entrance == Entrance::Inside && self.view.state.account.is_some();
        match &self.link {
            Some(Link::Join(_)) => {}
            Some(_) if inside => {}
            _ => return,
        }
        let Some(link) = self.link.take() else { return };
        match &link {
            Link::Join(_) if inside => self.complain(self.words.say("link-sign-out-first")),
            Link::Join(invitation) => {
                self.main_screen.invite(invitation);
                self.redraw();
            }
            other if !other.is_for(&self.view.suggested.server) => {
                self.complain(self.words.say("link-other-server"));
            }
            Link::Chat { name, .. } => self.meet_by_name(events, name.clone()),
            Link::Call { name, .. } => {
                let text = self.words.with("link-call", &[("who", Value::Text(name))]);
                self.notices.tell(text, now());
                self.meet_by_name(events, name.clone());
            }
            Link::Room { chat, .. } if self.view.state.chats.contains_key(chat) => self.open_chat(events, *chat),
            Link::Room { .. } => self.complain(self.words.say("link-no-chat")),
        }
    }

    pub(super) fn meet_by_name(&mut self, events: &ActiveEventLoop, name: String) {
        match direct_chat_with(&self.view.state, &name) {
            Some(chat) => self.meet(events, chat, Then::Talk),
            None => {
                self.app.give(Command::OpenChat { with: name.clone(), text: None });
                self.meets.retain(|(known, _)| *known != name);
                self.meets.push((name, Then::Talk));
            }
        }
    }
}

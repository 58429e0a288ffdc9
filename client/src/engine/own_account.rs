//! One's own account: what it says of itself, its picture and password, where it is logged in, its end.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use relay::vocabulary::{BULK_BYTES_MAX, ChangePassword, DeviceSessions, Leave, Me, Problem, code};

use super::{account::Ending, command::OwnAccount, core::Core, event::Event, requests::Purpose};

impl Core {
    /// Does what a person asks for about their account.
    pub(super) fn about_account(&mut self, act: OwnAccount) {
        match act {
            OwnAccount::Show => drop(self.ask(Purpose::Me, "GET", "/v1/me", &())),
            OwnAccount::Change(change) => self.ask_surely(Purpose::Me, "PATCH", "/v1/me", &change),
            OwnAccount::Picture(Some(path)) => self.send_own_picture(&path),
            OwnAccount::Picture(None) => {
                self.ask_surely(Purpose::OwnPicture, "DELETE", "/v1/me/picture", &());
            }
            OwnAccount::Password { old, new } => {
                let purpose = Purpose::Change("change the password");
                self.ask_surely(purpose, "PUT", "/v1/me/password", &ChangePassword { old, new });
            }
            OwnAccount::Sessions => drop(self.ask(Purpose::Sessions, "GET", "/v1/sessions", &())),
            OwnAccount::EndSession(Some(session)) => {
                self.ask_surely(Purpose::Change("end a session"), "DELETE", &format!("/v1/sessions/{session}"), &());
            }
            OwnAccount::EndSession(None) => {
                self.ask_surely(Purpose::Change("end the other sessions"), "DELETE", "/v1/sessions", &());
            }
            OwnAccount::Leave { password } => {
                let asked = self.ask(Purpose::LeaveServer, "DELETE", "/v1/me", &Leave { password });
                self.ending = asked.then_some(Ending::LeaveServer);
            }
        }
    }

    pub(super) fn is_me(&mut self, me: Me) {
        self.state.me = Some(Arc::new(me.clone()));
        self.tell(Event::Me { me });
    }

    pub(super) fn sessions_listed(&self, all: DeviceSessions) {
        self.tell(Event::Sessions { sessions: all.sessions });
    }

    fn send_own_picture(&mut self, path: &Path) {
        let refuse = |detail| Event::Refused {
            command: Purpose::OwnPicture.name().to_owned(),
            problem: Problem::new(413, code::TOO_LONG, detail),
        };
        let image = match std::fs::read(path) {
            Ok(image) => image,
            Err(error) => return self.warn(format!("{} cannot be read: {error}.", path.display())),
        };
        if image.len() > BULK_BYTES_MAX {
            let detail =
                format!("A picture of a person has at most {BULK_BYTES_MAX} bytes on a link. Make it smaller.");
            return self.tell(refuse(detail));
        }
        if !self.ask_bulk(Purpose::OwnPicture, "PUT", "/v1/me/picture", Bytes::from(image)) {
            self.warn("The picture was not sent: the link is busy or not there. Try again in a moment.".to_owned());
        }
    }
}

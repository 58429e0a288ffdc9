//! Who is logged in: showing a name and password or a session, and what follows.

use std::time::Duration;

use relay::vocabulary::{Join, Login, Resume, SessionOpened};
use tokio::time::Instant;

use super::{command::Credentials, core::Core, event::Event, requests::Purpose};

impl Core {
    /// Shows the server who is here, if that is known.
    pub(super) fn authenticate(&mut self) {
        match self.credentials.clone() {
            Some(Credentials::Password { user, password }) => {
                let device = self.connecting.options().device.clone();
                self.ask(Purpose::LogIn, "POST", "/v1/login", &Login { user, password, device });
            }
            Some(Credentials::Invitation { code, user, password }) => {
                let device = self.connecting.options().device.clone();
                self.ask(Purpose::LogIn, "POST", "/v1/join", &Join { code, user, password, device });
            }
            Some(Credentials::Session(session)) => {
                let purpose = Purpose::Resume { session: session.clone() };
                self.ask(purpose, "POST", "/v1/session", &Resume { session });
            }
            None => {}
        }
    }

    /// The server asked for patience.
    pub(super) fn authenticate_later(&mut self, milliseconds: u64) {
        // A new link asks again by itself.
        self.link = None;
        self.retry_at = Some(Instant::now() + Duration::from_millis(milliseconds));
    }

    pub(super) fn logged_in(&mut self, opened: SessionOpened) {
        if let Some(link) = &mut self.link {
            link.authenticated = true;
        }
        // From now on the session is shown: the password is needed no more.
        self.credentials = Some(Credentials::Session(opened.session.clone()));
        self.state.account = Some(opened.account.clone());
        self.tell(Event::LoggedIn { account: opened.account, session: opened.session, expires_at: opened.expires_at });
        self.listed.clear();
        self.ask(Purpose::ListChats, "GET", "/v1/chats", &());
        self.meet_contacts();
        self.join_again();
        self.resume_upload();
        self.resume_fetch();
        self.send_unsent();
    }

    pub(super) fn logged_out(&mut self, reason: &str) {
        self.state.account = None;
        self.state.chats.clear();
        self.forget_contacts();
        self.reading.clear();
        self.watched.clear();
        self.delivered.clear();
        self.end_media();
        self.tell(Event::LoggedOut { reason: reason.to_owned() });
    }
}

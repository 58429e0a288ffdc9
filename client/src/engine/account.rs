//! Who is logged in: joining, a new password by a code, showing name and password or a session, renewing the session.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use relay::vocabulary::{Join, Login, Problem, Reset, Resume, SessionOpened, code};
use tokio::time::Instant;

use super::{command::Credentials, core::Core, event::Event, requests::Purpose};

/// A session is not renewed more often than this, whatever clocks and servers say.
const RENEWED_AT_MOST: Duration = Duration::from_secs(1);
/// When to try again if a session could not be renewed.
const RENEW_AGAIN: Duration = Duration::from_secs(60);

/// What ends a session for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    LogOut,
    LeaveServer,
}

/// The session at hand, as far as its end is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionLife {
    expires_at: u64,
    /// When to ask for a longer life; `None` if it can have no longer one.
    renew_at: Option<Instant>,
}

impl Core {
    /// Shows the server who is here, if that is known.
    pub(super) fn authenticate(&mut self) {
        let device = self.connecting.options().device.clone();
        match self.credentials.clone() {
            Some(Credentials::Password { user, password }) => {
                self.ask(Purpose::LogIn, "POST", "/v1/login", &Login { user, password, device });
            }
            Some(Credentials::Session(session)) => {
                let purpose = Purpose::Resume { session: session.clone() };
                self.ask(purpose, "POST", "/v1/session", &Resume { session });
            }
            Some(Credentials::Join { code, user, password }) => {
                let again = self.begun_to_join;
                self.begun_to_join =
                    self.ask(Purpose::Join { again }, "POST", "/v1/join", &Join { code, user, password, device });
            }
            Some(Credentials::Reset { code, user, password }) => {
                let again = self.begun_to_join;
                self.begun_to_join =
                    self.ask(Purpose::Reset { again }, "POST", "/v1/reset", &Reset { user, code, password });
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

    /// What was asked for has happened: from now on the password is what counts.
    pub(super) fn log_in_with_password(&mut self) {
        self.begun_to_join = false;
        if let Some(Credentials::Join { user, password, .. } | Credentials::Reset { user, password, .. }) =
            self.credentials.take()
        {
            self.credentials = Some(Credentials::Password { user, password });
            self.authenticate();
        }
    }

    /// The account is gone: the server said so, or knows its session no more.
    pub(super) fn left_server(&mut self) {
        self.logged_out("the account is removed");
    }

    /// Whether it was the answer that was lost and not the command: what was asked for once more has happened already.
    pub(super) fn had_happened(purpose: &Purpose, problem: &Problem) -> bool {
        matches!(purpose, Purpose::Join { again: true } | Purpose::Reset { again: true })
            && [code::NAME_TAKEN, code::WRONG_CODE].contains(&problem.code.as_ref())
    }

    pub(super) fn logged_in(&mut self, opened: SessionOpened) {
        if let Some(link) = &mut self.link {
            link.authenticated = true;
        }
        self.begun_to_join = false;
        if self.ending.take() == Some(Ending::LeaveServer) {
            self.warn("The account was not removed: the link was lost before the server knew. Try again.".to_owned());
        }
        self.has_session(&opened);
        self.state.account = Some(opened.account.clone());
        self.tell(Event::LoggedIn { account: opened.account, session: opened.session, expires_at: opened.expires_at });
        self.listed.clear();
        self.ask(Purpose::ListChats, "GET", "/v1/chats", &());
        self.meet_contacts();
        self.join_again();
        self.take_up_call();
        self.resume_upload();
        self.resume_fetch();
        self.send_unsent();
        self.ask_held();
    }

    pub(super) fn logged_out(&mut self, reason: &str) {
        (self.state.account, self.state.me) = (None, None);
        (self.credentials, self.session, self.ending) = (None, None, None);
        self.held.clear();
        self.state.chats.clear();
        self.forget_contacts();
        self.reading.clear();
        self.watched.clear();
        self.delivered.clear();
        self.end_media();
        self.tell(Event::LoggedOut { reason: reason.to_owned() });
    }

    /// Asks for a longer life of the session when half of it is over. The token at hand is good until the new one was
    /// shown, so that a lost answer does no harm.
    pub(super) fn renew_session(&mut self) {
        let due = self.session.and_then(|session| session.renew_at).is_some_and(|at| at <= Instant::now());
        let online = self.link.as_ref().is_some_and(|link| link.authenticated);
        if due && online && self.ask(Purpose::Renew, "POST", "/v1/session/renew", &()) {
            self.renew_later();
        }
    }

    pub(super) fn renewed(&mut self, opened: SessionOpened) {
        let before = self.session.map_or(0, |session| session.expires_at);
        self.has_session(&opened);
        if opened.expires_at <= before
            && let Some(session) = &mut self.session
        {
            // As long a life as the server gives to any: from here on only a login helps.
            session.renew_at = None;
        }
        self.tell(Event::SessionRenewed { session: opened.session, expires_at: opened.expires_at });
    }

    pub(super) fn renew_later(&mut self) {
        if let Some(session) = &mut self.session {
            session.renew_at = session.renew_at.map(|_| Instant::now() + RENEW_AGAIN);
        }
    }

    /// From now on this session is shown: the password is needed no more.
    fn has_session(&mut self, opened: &SessionOpened) {
        self.credentials = Some(Credentials::Session(opened.session.clone()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(opened.expires_at).saturating_sub(now);
        let half = Instant::now() + (left / 2).max(RENEWED_AT_MOST);
        // A link that is opened anew shows the same session: that does not put off what is due.
        let known = self.session.filter(|session| session.expires_at == opened.expires_at);
        let renew_at = known.map_or(Some(half), |session| session.renew_at.map(|at| at.min(half)));
        self.session = Some(SessionLife { expires_at: opened.expires_at, renew_at });
    }
}

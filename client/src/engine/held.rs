//! What a person has asked for is held until the server has answered: without a link it waits for one, and over a new
//! link it is asked again, with the key under which the server carries it out once.

use std::{collections::VecDeque, time::Duration};

use relay::vocabulary::{Problem, Request, Response, VocabularyError, code};
use serde::Serialize;
use tokio::time::Instant;

use super::{core::Core, event::Event, requests::Purpose};

/// Commands that may be held.
const HELD_MAX: usize = 1_000;

/// How long a person waits for a call to begin, or to be taken up, before they try another way.
pub(super) const CALL_PATIENCE: Duration = Duration::from_secs(20);

/// A command of a person that is not answered yet. It may hold a password, and so is never shown in a log.
pub(super) struct Held {
    number: u64,
    purpose: Purpose,
    request: Request,
    /// When it is of no use any more.
    until: Option<Instant>,
    /// Whether it waits for its answer on the link at hand.
    asked: bool,
    /// Whether it was asked over another link before.
    again: bool,
}

/// The commands that are held, in the order in which they were given.
#[derive(Default)]
pub(super) struct HeldCommands {
    all: VecDeque<Held>,
    last: u64,
}

/// An answer to a command that is held.
pub(super) enum Heard {
    /// It is for whoever asked.
    Answered,
    /// It was done, but nothing more is known of it: events tell what came of it.
    Done,
    /// It is to be asked again, when the server has time.
    Later,
}

impl HeldCommands {
    pub fn is_full(&self) -> bool {
        self.all.len() >= HELD_MAX
    }

    /// Holds a command. One that only says anew what one that waits has said takes its place.
    fn hold(&mut self, purpose: Purpose, request: Request, until: Option<Instant>) {
        if purpose.says_anew() {
            self.all.retain(|held| held.asked || held.purpose != purpose);
        }
        self.last += 1;
        let number = self.last;
        self.all.push_back(Held { number, purpose, request, until, asked: false, again: false });
    }

    /// There is another link, or none: what was asked over the last one was perhaps not heard.
    pub fn link_lost(&mut self) {
        for held in &mut self.all {
            held.again |= std::mem::take(&mut held.asked);
        }
    }

    pub fn has(&self, purpose: &Purpose) -> bool {
        self.all.iter().any(|held| held.purpose == *purpose)
    }

    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// What is of no use any more.
    fn take_expired(&mut self, now: Instant) -> Vec<Purpose> {
        let mut expired = Vec::new();
        self.all.retain(|held| {
            let over = held.until.is_some_and(|until| until <= now);
            if over {
                expired.push(held.purpose.clone());
            }
            !over
        });
        expired
    }

    /// What is to be asked now.
    fn take_due(&mut self) -> Vec<(u64, Purpose, Request)> {
        let due = self.all.iter_mut().filter(|held| !held.asked);
        due.map(|held| {
            held.asked = true;
            (held.number, held.purpose.clone(), held.request.clone())
        })
        .collect()
    }

    /// The link had no room for it.
    fn put_back(&mut self, number: u64) {
        self.all.iter_mut().filter(|held| held.number == number).for_each(|held| held.asked = false);
    }

    /// Takes an answer to the command of that number.
    pub fn heard(&mut self, number: u64, response: &Response) -> Heard {
        let Some(at) = self.all.iter().position(|held| held.number == number) else { return Heard::Done };
        let problem = (response.status >= 400).then(|| response.clone().read::<()>().err()).flatten();
        let code = problem.as_ref().map_or("", |problem| problem.code.as_ref());
        if problem.as_ref().is_some_and(|problem| problem.retry_after_ms.is_some()) {
            self.all[at].asked = false;
            return Heard::Later;
        }
        let again = self.all.remove(at).is_some_and(|held| held.again);
        // A call that is no more was left before: the server was started anew, or the first request had arrived.
        let gone = again && [code::NOT_FOUND, code::CALL_MOVED_ON].contains(&code);
        if code == code::ANSWER_LOST || gone { Heard::Done } else { Heard::Answered }
    }
}

impl Core {
    /// Asks for something that a person wants, for as long as it takes.
    pub(super) fn ask_surely<T: Serialize>(&mut self, purpose: Purpose, method: &str, path: &str, body: &T) {
        self.ask_until(None, purpose, method, path, body);
    }

    /// Asks for something that is of use only soon: what the server has not heard by then is given up, and said.
    pub(super) fn ask_within<T: Serialize>(
        &mut self,
        span: Duration,
        purpose: Purpose,
        method: &str,
        path: &str,
        body: &T,
    ) {
        self.ask_until(Some(Instant::now() + span), purpose, method, path, body);
    }

    fn ask_until<T: Serialize>(
        &mut self,
        until: Option<Instant>,
        purpose: Purpose,
        method: &str,
        path: &str,
        body: &T,
    ) {
        if self.credentials.is_none() {
            let detail = "Nobody is logged in here: log in first.";
            return self.refuse(&purpose, Problem::new(401, code::NO_SESSION, detail));
        }
        if self.held.is_full() {
            let detail = format!("{HELD_MAX} commands wait for the server already. Wait until it has heard them.");
            return self.refuse(&purpose, Problem::new(409, code::LIMIT_REACHED, detail));
        }
        let key = if purpose.says_anew() {
            None
        } else {
            let Some(key) = self.key() else { return };
            Some(key)
        };
        let request = Request::new(0, method, path, body).and_then(|request| {
            let request = Request { key, ..request };
            // What could not be sent is said now, not when there is a link.
            request.encode().map(|_| request)
        });
        match request {
            Ok(request) => self.held.hold(purpose, request, until),
            Err(error) => return self.refuse(&purpose, Problem::from(&error)),
        }
        self.ask_held();
    }

    /// Asks what is held and was not asked on this link yet.
    pub(super) fn ask_held(&mut self) {
        for purpose in self.held.take_expired(Instant::now()) {
            let detail = "The server could not be reached in time. Try again when the connection is back.";
            self.refuse(&purpose, Problem::new(503, code::OUT_OF_REACH, detail));
        }
        let Some(link) = self.link.as_mut().filter(|link| link.authenticated) else { return };
        let mut refused: Vec<(Purpose, VocabularyError)> = Vec::new();
        for (number, purpose, request) in self.held.take_due() {
            match link.requests.ask_held(number, purpose.clone(), request) {
                Ok(payload) => {
                    if let Err(error) = link.connection.send_request(&payload) {
                        tracing::debug!(%error, "a command waits for room on the link");
                        self.held.put_back(number);
                    }
                }
                Err(error) => refused.push((purpose, error)),
            }
        }
        for (purpose, error) in refused {
            self.refuse(&purpose, Problem::from(&error));
        }
    }

    pub(super) fn refuse(&self, purpose: &Purpose, problem: Problem) {
        self.tell(Event::Refused { command: purpose.name().to_owned(), problem });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, code: &'static str) -> Response {
        if status < 400 {
            return Response { id: 1, status, body: Value::Null };
        }
        Response::problem(1, &Problem::new(status, code, ""))
    }

    fn holding(commands: &[&str]) -> HeldCommands {
        let mut held = HeldCommands::default();
        for path in commands {
            let request = Request::new(0, "POST", path, &json!({})).unwrap().keyed("k");
            held.hold(Purpose::Change("change"), request, None);
        }
        held
    }

    fn due(held: &mut HeldCommands) -> Vec<(u64, String)> {
        held.take_due().into_iter().map(|(number, _, request)| (number, request.path)).collect()
    }

    #[test]
    fn what_is_not_answered_is_asked_again_over_the_next_link_in_its_order() {
        let mut held = holding(&["/a", "/b", "/c"]);
        assert_eq!(due(&mut held), [(1, "/a".to_owned()), (2, "/b".to_owned()), (3, "/c".to_owned())]);
        assert_eq!(due(&mut held), []);
        assert!(matches!(held.heard(2, &answer(204, "")), Heard::Answered));
        held.link_lost();
        assert_eq!(due(&mut held), [(1, "/a".to_owned()), (3, "/c".to_owned())]);
        assert!(matches!(held.heard(1, &answer(409, code::ANSWER_LOST)), Heard::Done));
        assert!(matches!(held.heard(3, &answer(404, code::NOT_FOUND)), Heard::Done), "the first time it was heard");
        held.link_lost();
        assert_eq!(due(&mut held), []);
    }

    #[test]
    fn a_refusal_the_first_time_is_for_whoever_asked_and_a_busy_server_is_asked_later() {
        let mut held = holding(&["/a"]);
        due(&mut held);
        let busy = Problem::new(503, code::OVERLOADED, "").retry_after_ms(10);
        assert!(matches!(held.heard(1, &Response::problem(1, &busy)), Heard::Later));
        assert_eq!(due(&mut held), [(1, "/a".to_owned())]);
        assert!(matches!(held.heard(1, &answer(404, code::NOT_FOUND)), Heard::Answered));
        assert!(matches!(held.heard(1, &answer(204, "")), Heard::Done), "an answer to nothing that is held");
    }

    #[test]
    fn what_is_of_use_only_soon_is_given_up_then() {
        let mut held = holding(&["/a"]);
        let request = Request::bare(0, "POST", "/v1/calls");
        let now = Instant::now();
        held.hold(Purpose::Call, request, Some(now + CALL_PATIENCE));
        assert_eq!(held.take_expired(now), []);
        assert_eq!(held.take_expired(now + CALL_PATIENCE), [Purpose::Call]);
        assert_eq!(due(&mut held), [(1, "/a".to_owned())]);
    }

    #[test]
    fn what_says_the_same_thing_anew_waits_once() {
        let mut held = HeldCommands::default();
        for (chat, read) in [(1, 3), (2, 5), (1, 4)] {
            let request = Request::new(0, "PUT", &format!("/{chat}"), &json!({"read": read})).unwrap();
            held.hold(Purpose::Mark(chat), request, None);
        }
        let asked = held.take_due();
        let bodies: Vec<_> = asked.iter().map(|(_, _, request)| request.body.clone()).collect();
        assert_eq!(bodies, [json!({"read": 5}), json!({"read": 4})]);
    }
}

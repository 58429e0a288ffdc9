//! What the server answers, brought to whoever asked.

use relay::vocabulary::{AllMarks, AllScheduled, Chat, ChatMembers, Problem, Response, code};

use super::{account::Ending, command::OwnAccount, core::Core, event::Event, held::Heard, requests::Purpose};

/// The status of a line that is to be sent later.
const ACCEPTED_FOR_LATER: u16 = 202;

impl Core {
    pub(super) fn answered(&mut self, response: Response) {
        let Some(asked) = self.link.as_mut().and_then(|link| link.requests.answered(&response)) else {
            tracing::debug!(id = response.id, "an answer to nothing that was asked");
            return;
        };
        let purpose = asked.purpose;
        match asked.held.map(|number| self.held.heard(number, &response)) {
            None | Some(Heard::Answered) => {}
            // With the next figures.
            Some(Heard::Later) => return,
            Some(Heard::Done) => return self.done(&purpose),
        }
        if response.status >= 400 {
            let problem = response
                .read::<()>()
                .err()
                .unwrap_or_else(|| Problem::new(500, code::INTERNAL, "The server refused without saying why."));
            return self.refused(purpose, problem);
        }
        let read = match purpose {
            Purpose::LogIn | Purpose::Resume { .. } | Purpose::Join { .. } => {
                response.read().map(|opened| self.logged_in(opened))
            }
            Purpose::Reset { .. } => {
                self.log_in_with_password();
                Ok(())
            }
            Purpose::Renew => response.read().map(|opened| self.renewed(opened)),
            Purpose::Me => response.read().map(|me| self.is_me(me)),
            Purpose::Sessions => response.read().map(|all| self.sessions_listed(all)),
            Purpose::LeaveServer => {
                self.left_server();
                Ok(())
            }
            Purpose::LogOut => {
                self.logged_out("as asked");
                Ok(())
            }
            Purpose::ListChats => response.read().map(|page| self.listed(page)),
            Purpose::ListIgnored => response.read().map(|page| self.ignored_listed(page)),
            Purpose::OpenChat => response.read().map(|chat: Chat| {
                self.tell(Event::ChatOpened { chat: chat.clone() });
                self.read_chat(chat);
            }),
            Purpose::RefreshChat(_) => response.read().map(|chat| self.chat_changed(chat)),
            Purpose::Members(chat) => response.read().map(|all: ChatMembers| self.members_listed(chat, all.members)),
            Purpose::Marks(chat) => response.read().map(|all: AllMarks| {
                all.marks.into_iter().for_each(|marks| self.marked(chat, marks));
            }),
            Purpose::Mark(chat) => response.read().map(|marks| self.marked(chat, marks)),
            Purpose::Look { chat, place } => response.read().map(|page| self.looked_up(chat, place, page)),
            Purpose::Pins { chat, first } => response.read().map(|page| self.pins_listed(chat, page, first)),
            Purpose::Scheduled(chat) => response.read().map(|all: AllScheduled| {
                self.tell(Event::Scheduled { chat, scheduled: all.scheduled });
            }),
            Purpose::Upload => response.read().map(|progress| self.uploaded(progress, false)),
            Purpose::Piece => response.read().map(|progress| self.uploaded(progress, true)),
            Purpose::Picture => response.read().map(|picture| self.picture_came(&picture)),
            Purpose::OwnPicture => {
                self.about_account(OwnAccount::Show);
                Ok(())
            }
            Purpose::SearchLines { query, chat, before } => {
                response.read().map(|found| self.found_lines(&query, chat, before, found))
            }
            Purpose::Say { chat, key } if response.status == ACCEPTED_FOR_LATER => {
                response.read().map(|scheduled| self.scheduled(chat, &key, scheduled))
            }
            Purpose::Say { chat, key } => response.read().map(|accepted| self.stored(chat, &key, &accepted)),
            Purpose::Call | Purpose::Accept(_) => response.read().map(|call| self.call_answered(call)),
            Purpose::ListContacts { .. } => response.read().map(|page| self.contacts_listed(page)),
            Purpose::ListRequests => response.read().map(|requests| self.requests_listed(requests)),
            Purpose::ListBlocks => response.read().map(|blocks| self.blocks_listed(blocks)),
            Purpose::OwnPresence => response.read().map(|own| self.own_presence(own)),
            Purpose::Search { prefix } => response.read().map(|directory| self.found(prefix, directory)),
            Purpose::ReadChat(_)
            | Purpose::Change(_)
            | Purpose::InChat(_)
            | Purpose::Fetch
            | Purpose::Decline(_)
            | Purpose::HangUp(_)
            | Purpose::ReadMedia
            | Purpose::Keyframe => Ok(()),
        };
        if let Err(problem) = read {
            self.warn(problem.to_string());
        }
    }

    /// Something was done, and how it is now was not said.
    fn done(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::HangUp(call) | Purpose::Decline(call) | Purpose::Accept(call) => self.call_over(*call),
            Purpose::Me => self.about_account(OwnAccount::Show),
            _ => {}
        }
    }

    fn refused(&mut self, purpose: Purpose, problem: Problem) {
        let lasting = problem.retry_after_ms.is_none();
        if Self::had_happened(&purpose, &problem) {
            return self.log_in_with_password();
        }
        match &purpose {
            Purpose::Resume { .. } if lasting && self.ending == Some(Ending::LeaveServer) => return self.left_server(),
            Purpose::LeaveServer => self.ending = None,
            Purpose::Join { .. } | Purpose::Reset { .. } if lasting => self.credentials = None,
            Purpose::Join { .. } | Purpose::Reset { .. } => {
                // It was answered: nothing of it has happened.
                self.begun_to_join = false;
                self.authenticate_later(problem.retry_after_ms.unwrap_or(1_000));
            }
            Purpose::LogIn | Purpose::Resume { .. } => {
                self.state.account = None;
                if lasting {
                    self.credentials = None;
                } else {
                    self.authenticate_later(problem.retry_after_ms.unwrap_or(1_000));
                }
            }
            Purpose::Say { chat, key } => self.not_stored(*chat, key, lasting),
            Purpose::ReadChat(chat) => self.chat_not_read(*chat),
            Purpose::SearchLines { chat, .. } => self.stop_search(*chat),
            Purpose::Upload | Purpose::Piece => return self.not_uploaded(&problem),
            Purpose::Fetch | Purpose::Picture => return self.give_up_fetching(&problem.detail),
            // Said again at the next look at the person.
            Purpose::OwnPresence if !lasting => self.said_idle = None,
            Purpose::HangUp(call) | Purpose::Decline(call) | Purpose::Accept(call) => self.call_over(*call),
            _ => {}
        }
        self.refuse(&purpose, problem);
    }
}

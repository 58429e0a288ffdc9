//! Commands that wait for their answers, and what to do with each answer.

use std::collections::HashMap;

use relay::vocabulary::{CallId, ChatId, Request, Response, VocabularyError};
use serde::Serialize;

use super::chat_state::Place;

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    LogIn,
    Resume {
        session: String,
    },
    /// `again` if it was asked before over a link that ended without an answer.
    Join {
        again: bool,
    },
    Reset {
        again: bool,
    },
    Renew,
    Me,
    Sessions,
    LeaveServer,
    LogOut,
    ListChats,
    ListIgnored,
    OpenChat,
    ReadChat(ChatId),
    RefreshChat(ChatId),
    /// Something in a chat whose answer says nothing more.
    InChat(&'static str),
    Members(ChatId),
    Marks(ChatId),
    Mark(ChatId),
    Look {
        chat: ChatId,
        place: Place,
    },
    /// The first page of what is pinned, or a later one.
    Pins {
        chat: ChatId,
        first: bool,
    },
    Scheduled(ChatId),
    SearchLines {
        query: String,
        chat: Option<ChatId>,
        before: Option<u64>,
    },
    /// How much of a file has come.
    Upload,
    Piece,
    Fetch,
    /// A picture of someone.
    Picture,
    /// The own picture is another one now, or none.
    OwnPicture,
    Say {
        chat: ChatId,
        key: String,
    },
    Call,
    Accept(CallId),
    Decline(CallId),
    HangUp(CallId),
    ReadMedia,
    Keyframe,
    /// The first page of contacts, or a later one.
    ListContacts {
        first: bool,
    },
    ListRequests,
    ListBlocks,
    OwnPresence,
    Search {
        prefix: String,
    },
    /// Something whose effect the server tells of by events.
    Change(&'static str),
}

impl Purpose {
    /// Whether it only says anew how something is: whoever says it twice does no harm, and needs no key for it.
    pub fn says_anew(&self) -> bool {
        matches!(self, Self::Mark(_))
    }

    /// How a person would call the command.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LogIn | Self::Resume { .. } => "log in",
            Self::Join { .. } => "join",
            Self::Reset { .. } => "set a new password",
            Self::Renew => "renew the session",
            Self::Me => "ask or say what you are called",
            Self::Sessions => "list sessions",
            Self::LeaveServer => "remove the account",
            Self::LogOut => "log out",
            Self::ListChats | Self::ListIgnored => "list chats",
            Self::OpenChat => "open a chat",
            Self::ReadChat(_) => "read a chat",
            Self::RefreshChat(_) => "look at a chat",
            Self::InChat(what) => what,
            Self::Members(_) => "ask who is in a chat",
            Self::Marks(_) => "ask who has read a chat",
            Self::Mark(_) => "mark as read",
            Self::Look { .. } => "look lines up",
            Self::Pins { .. } => "ask what is pinned",
            Self::Scheduled(_) => "ask what is sent later",
            Self::SearchLines { .. } => "search",
            Self::Upload | Self::Piece => "send a file",
            Self::Fetch => "fetch a file",
            Self::Picture => "fetch a picture",
            Self::OwnPicture => "send a picture",
            Self::Say { .. } => "say",
            Self::Call => "call",
            Self::Accept(_) => "accept",
            Self::Decline(_) => "decline",
            Self::HangUp(_) => "hang up",
            Self::ReadMedia => "watch and listen",
            Self::Keyframe => "ask for a keyframe",
            Self::ListContacts { .. } => "list contacts",
            Self::ListRequests => "list requests",
            Self::ListBlocks => "list blocks",
            Self::OwnPresence => "say what you are",
            Self::Search { .. } => "search the directory",
            Self::Change(name) => name,
        }
    }
}

/// Requests of one link. A new link begins with none: what is to be asked again is asked again.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last: u64,
    waiting: HashMap<u64, Asked>,
}

/// What an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub purpose: Purpose,
    /// The number of the command that is held until it is answered, if it is one.
    pub held: Option<u64>,
}

impl Requests {
    /// The JSON of a request, which waits for its answer from now on.
    pub fn ask<T: Serialize>(
        &mut self,
        purpose: Purpose,
        method: &str,
        path: &str,
        body: &T,
    ) -> Result<Vec<u8>, VocabularyError> {
        let id = self.last + 1;
        let payload = Request::new(id, method, path, body)?.encode()?;
        self.last = id;
        self.wait_for(id, purpose);
        Ok(payload)
    }

    /// The same for a command that is held under a number.
    pub fn ask_held(&mut self, held: u64, purpose: Purpose, request: Request) -> Result<Vec<u8>, VocabularyError> {
        let id = self.last + 1;
        let payload = Request { id, ..request }.encode()?;
        self.last = id;
        self.waiting.insert(id, Asked { purpose, held: Some(held) });
        Ok(payload)
    }

    /// The envelope of a command with bytes of its own; [`Requests::wait_for`] its answer once it is sent.
    pub fn envelope(&mut self, method: &str, path: &str) -> Request {
        self.last += 1;
        Request::bare(self.last, method, path)
    }

    pub fn wait_for(&mut self, id: u64, purpose: Purpose) {
        self.waiting.insert(id, Asked { purpose, held: None });
    }

    /// What an answer was for.
    pub fn answered(&mut self, response: &Response) -> Option<Asked> {
        self.waiting.remove(&response.id)
    }

    pub fn is_waiting(&self, purpose: &Purpose) -> bool {
        self.waiting.values().any(|known| known.purpose == *purpose)
    }
}

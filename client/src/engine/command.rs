//! What a window, a script or a bot can ask of the engine.

use std::{path::PathBuf, time::Duration};

use relay::vocabulary::{AskIn, CallId, Change, ChangeChat, ChangeProfile, ChatId, SendMessage, SetRole, Wish};

use super::{chat_state::Place, uploads::Attach};

/// How an account proves itself.
#[derive(Clone)]
pub enum Credentials {
    /// Name and password; gives a session.
    Password { user: String, password: String },
    /// A session from an earlier login.
    Session(String),
    /// Makes an account, by an invitation's code or where everyone may; gives a session.
    Join { code: Option<String>, user: String, password: String },
    /// Sets a new password with an administrator's one-time code, and logs in with it.
    Reset { code: String, user: String, password: String },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { user, .. } => f.debug_struct("Password").field("user", user).finish_non_exhaustive(),
            Self::Session(_) => f.write_str("Session"),
            Self::Join { user, .. } => f.debug_struct("Join").field("user", user).finish_non_exhaustive(),
            Self::Reset { user, .. } => f.debug_struct("Reset").field("user", user).finish_non_exhaustive(),
        }
    }
}

#[derive(Debug, Clone)]
pub enum Command {
    LogIn(Credentials),
    /// Ends the session, here and at the server.
    LogOut,
    /// Something about this account itself.
    OwnAccount(OwnAccount),
    /// Tells of all chats, or of the requests that are ignored.
    ListChats {
        ignored: bool,
    },
    /// Opens the chat with an account, by its name.
    OpenChat {
        with: String,
        /// The first line.
        text: Option<String>,
    },
    /// Makes a group chat and asks others into it.
    OpenGroup {
        names: Vec<String>,
        /// The group's name; may be empty.
        name: String,
        /// The first line.
        text: Option<String>,
    },
    InChat {
        chat: ChatId,
        act: InChat,
    },
    /// Fetches a file that hangs on a line, or its thumbnail, to a path.
    Fetch {
        file: String,
        to: PathBuf,
        small: bool,
    },
    /// Fetches someone's picture, by the name that their profile has for it, to a path.
    FetchPicture {
        picture: String,
        to: PathBuf,
    },
    /// Searches all chats, or one.
    Search {
        query: String,
        chat: Option<ChatId>,
        /// Where the answer before this one ended.
        before: Option<u64>,
    },
    /// Forgets what was found in all chats, or in one.
    StopSearch {
        chat: Option<ChatId>,
    },
    /// Sends a line. It is sent again until the server has it, and stored there once.
    Say {
        chat: ChatId,
        text: String,
    },
    /// Calls everyone in a chat.
    Call {
        chat: ChatId,
    },
    Accept {
        call: CallId,
    },
    Decline {
        call: CallId,
    },
    /// Ends a call, or stops ringing.
    HangUp,
    /// Asks an account, by its name, to become a contact.
    AskContact {
        name: String,
        text: String,
    },
    /// Does something about someone this account knows, by name: from contacts, requests, blocks or chats.
    Contact {
        name: String,
        deed: Deed,
    },
    /// Gives a group another name, or, without one, dissolves it.
    RenameGroup {
        from: String,
        to: Option<String>,
    },
    /// Reads the contacts anew and tells of them.
    ListContacts,
    /// Tells whom this account has blocked.
    ListBlocks,
    /// Looks for accounts whose name begins so.
    SearchDirectory {
        prefix: String,
        /// The last name of the page before.
        after: String,
    },
    /// Says what this person wants to be, or says about it, or both.
    SetPresence {
        state: Option<Wish>,
        status: Option<String>,
    },
    /// The person went away from this device, or came back. Any other command is a sign of coming back.
    SetIdle {
        idle: bool,
    },
    /// After how long without any command the person counts as away; never, by default.
    AwayAfter {
        span: Option<Duration>,
    },
    /// Ends the engine.
    Quit,
}

/// What can be asked for in one chat.
#[derive(Debug, Clone)]
pub enum InChat {
    /// Answers a request with yes.
    Accept,
    Decline,
    /// Answers nothing, and wants to hear no more of it.
    Ignore,
    AskIn(AskIn),
    /// Asks for all members.
    Members,
    Leave,
    /// Removes a member, by the account's number.
    Remove(u64),
    SetRole(u64, SetRole),
    /// Name, picture, retention.
    Describe(ChangeChat),
    /// Gives a group a picture, or takes it away.
    Picture(Option<PathBuf>),
    /// Sends a line with everything that can stand beside its text; its key is made by the engine, unless it has one.
    Send(SendMessage),
    /// Sends a line with files, once they are at the server.
    Attach(SendMessage, Vec<Attach>),
    /// Changes an earlier line.
    Change(Change),
    /// The person has read so far; without a number, all of it.
    Read(Option<u64>),
    Typing(bool),
    /// Follows who types and who has come how far.
    Watch(bool),
    /// Looks older lines up.
    Look(Place),
    /// Back from what was looked up to the newest lines.
    ShowNewest,
    Pins,
    /// Asks what waits to be sent later.
    Scheduled,
    /// Takes back what waits to be sent later.
    TakeBack(u64),
}

/// What can be asked for about one's own account.
#[derive(Clone)]
pub enum OwnAccount {
    /// Asks what it says of itself.
    Show,
    /// Display name, status text, language.
    Change(ChangeProfile),
    /// Shows a picture, or none.
    Picture(Option<PathBuf>),
    /// Sets another password; every other session ends.
    Password { old: String, new: String },
    /// Asks where it is logged in.
    Sessions,
    /// Ends a session, or all but this one.
    EndSession(Option<u64>),
    /// Removes it from the server for good.
    Leave { password: String },
}

impl std::fmt::Debug for OwnAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Show => f.write_str("Show"),
            Self::Change(change) => f.debug_tuple("Change").field(change).finish(),
            Self::Picture(path) => f.debug_tuple("Picture").field(path).finish(),
            Self::Password { .. } => f.write_str("Password"),
            Self::Sessions => f.write_str("Sessions"),
            Self::EndSession(session) => f.debug_tuple("EndSession").field(session).finish(),
            Self::Leave { .. } => f.write_str("Leave"),
        }
    }
}

/// What to do about someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Say yes to their request.
    Accept,
    /// Say no to it.
    Decline,
    /// Take one's own request back.
    Withdraw,
    /// Take them off the contacts.
    Remove,
    /// Put them into these groups, and no others.
    Group(Vec<String>),
    Block,
    Unblock,
}

impl Deed {
    /// How a person would call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept a contact",
            Self::Decline => "decline a contact",
            Self::Withdraw => "take a request back",
            Self::Remove => "remove a contact",
            Self::Group(_) => "group a contact",
            Self::Block => "block",
            Self::Unblock => "unblock",
        }
    }
}

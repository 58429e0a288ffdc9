//! What happened, for those who want to know the moment: scripts, notifications, sounds.

use relay::vocabulary::{
    Account, Call, CallId, Chat, ChatId, ChatMember, ClosedReason, Contact, ContactRequest, DeviceSession, EndReason,
    Hit, Me, Message, OwnPresence, PresenceInfo, Problem, Profile, RequestOutcome, Scheduled, Signal,
};
use serde::Serialize;

use crate::{call::Report, link::Path};

/// One thing that happened. As JSON it has its name under `event`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A link stands.
    Connected {
        server: String,
        sealed: bool,
        fingerprint: Option<String>,
    },
    /// The link is gone; another one is being opened.
    Disconnected {
        reason: String,
    },
    /// No link could be opened; the engine goes on trying unless `final` says that it makes no sense.
    Unreachable {
        reason: String,
        r#final: bool,
    },
    LoggedIn {
        account: Account,
        session: String,
        expires_at: u64,
    },
    LoggedOut {
        reason: String,
    },
    /// The session has a new token and lives longer; the former token is good until this one was shown.
    SessionRenewed {
        session: String,
        expires_at: u64,
    },
    /// What this account says of itself, as was asked for or changed.
    Me {
        me: Me,
    },
    /// Where this account is logged in, as was asked for.
    Sessions {
        sessions: Vec<DeviceSession>,
    },
    /// The way the link takes has changed.
    Path {
        path: Path,
    },
    ChatOpened {
        chat: Chat,
    },
    /// All chats, or a page of the requests that are ignored, as was asked for.
    Chats {
        chats: Vec<Chat>,
        ignored: bool,
        more: bool,
    },
    /// Someone asks this account into a chat.
    ChatRequested {
        chat: Chat,
    },
    /// A chat stands differently than it did.
    ChatChanged {
        chat: Chat,
    },
    /// A chat is this account's no more.
    ChatClosed {
        chat: ChatId,
        reason: ClosedReason,
    },
    /// Someone who was asked into a chat said no.
    ChatDeclined {
        chat: ChatId,
        who: String,
    },
    /// Who is in a chat, as was asked for.
    Members {
        chat: ChatId,
        members: Vec<ChatMember>,
    },
    /// Lines that were looked up.
    History {
        chat: ChatId,
        messages: Vec<Message>,
        more: bool,
    },
    /// Lines that are pinned, as was asked for; if there are more, the next event of this kind has them.
    Pins {
        chat: ChatId,
        messages: Vec<Message>,
        more: bool,
    },
    /// Lines that were searched for; `next` is where older ones begin.
    Found {
        hits: Vec<Hit>,
        next: Option<u64>,
    },
    /// Lines that wait to be sent later.
    Scheduled {
        chat: ChatId,
        scheduled: Vec<Scheduled>,
    },
    /// A file was fetched.
    Fetched {
        transfer: u64,
        file: String,
        path: String,
        size: u64,
    },
    /// A file could not be sent, and its line was not, or a file could not be fetched.
    TransferFailed {
        transfer: u64,
        reason: String,
        /// Where the file was to be written, if it was one to be fetched.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// In a chat that is watched: someone types, or has come further.
    Signal {
        chat: ChatId,
        signal: Signal,
    },
    /// An entry came, or one of ours was stored.
    Message {
        chat: ChatId,
        message: Message,
    },
    /// A line of ours is stored at the server.
    Stored {
        chat: ChatId,
        key: String,
        sequence: u64,
    },
    /// The server will never take a line: it refused it, or the chat is closed.
    NotStored {
        chat: ChatId,
        key: String,
    },
    CallInvited {
        call: Call,
    },
    CallRinging {
        call: CallId,
        who: String,
    },
    CallAccepted {
        call: Call,
    },
    CallDeclined {
        call: CallId,
        who: String,
    },
    CallBusy {
        call: CallId,
        who: String,
    },
    CallNoAnswer {
        call: CallId,
        who: String,
    },
    CallCancelled {
        call: CallId,
    },
    CallAnsweredElsewhere {
        call: CallId,
        device: String,
    },
    CallEnded {
        call: CallId,
        reason: EndReason,
        duration_ms: u64,
    },
    /// How the call went: once a second while it lasts, and once at its end.
    CallReport {
        call: CallId,
        report: Box<Report>,
        ended: bool,
    },
    /// All contacts with their presence: once after each login, and when asked for.
    Contacts {
        contacts: Vec<Contact>,
    },
    /// Someone asks to become a contact, or this account has asked.
    ContactRequested {
        request: ContactRequest,
    },
    ContactRequestEnded {
        from: Account,
        to: Account,
        outcome: RequestOutcome,
    },
    ContactAdded {
        contact: Contact,
    },
    ContactRemoved {
        who: Account,
    },
    ContactGrouped {
        account: u64,
        groups: Vec<String>,
    },
    ContactGroupRenamed {
        from: String,
        to: Option<String>,
    },
    ContactBlocked {
        who: Account,
    },
    ContactUnblocked {
        who: Account,
    },
    /// Whom this account has blocked, as was asked for.
    Blocks {
        blocked: Vec<Account>,
    },
    /// The presence of a contact is another one than before.
    Presence {
        account: u64,
        name: String,
        #[serde(flatten)]
        presence: PresenceInfo,
    },
    /// What this account is itself, all devices together.
    OwnPresence {
        #[serde(flatten)]
        own: OwnPresence,
    },
    /// Accounts whose name begins with `prefix`.
    Directory {
        prefix: String,
        people: Vec<Profile>,
        more: bool,
    },
    /// A command was refused.
    Refused {
        command: String,
        problem: Problem,
    },
    /// Something that does not end anything, but that a person should know.
    Warning {
        text: String,
    },
}

//! What happened, for those who want to know the moment: scripts, notifications, sounds.

use relay::vocabulary::{
    Account, Call, CallId, Chat, ChatId, Contact, ContactRequest, EndReason, Message, OwnPresence, PresenceInfo,
    Problem, Profile, RequestOutcome,
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
    /// The way the link takes has changed.
    Path {
        path: Path,
    },
    ChatOpened {
        chat: Chat,
    },
    /// A line came, or one of ours was stored.
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

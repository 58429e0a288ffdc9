//! Events: what the server tells a client on the control track without having been asked.

use super::{
    Call, CallId, Chat, ChatId, ClosedReason, Contact, ContactRequest, EndReason, Member, PresenceInfo, RequestOutcome,
    VocabularyError,
};
use serde::{Deserialize, Serialize};

/// Longest event, in bytes of JSON.
pub const EVENT_MAX: usize = 128 * 1024;

/// One event. On the wire: `{"v":1,"event":"call.invited","call":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event")]
pub enum Event {
    /// A chat has come into this account's list: someone opened it with this account, or this account joined it. Its
    /// `standing` says whether it is a request that waits for an answer.
    #[serde(rename = "chat.opened")]
    ChatOpened {
        /// The chat.
        chat: Box<Chat>,
    },
    /// A chat stands differently than it did: a request was accepted, a role has changed.
    #[serde(rename = "chat.changed")]
    ChatChanged {
        /// The chat as it now is.
        chat: Box<Chat>,
    },
    /// A chat is no longer in this account's list. Nothing more of it comes.
    #[serde(rename = "chat.closed")]
    ChatClosed {
        /// Number of the chat.
        chat: ChatId,
        /// Why.
        reason: ClosedReason,
    },
    /// To those in a chat: someone who was asked said no.
    #[serde(rename = "chat.declined")]
    ChatDeclined {
        /// Number of the chat.
        chat: ChatId,
        /// Who declined.
        who: Member,
    },
    /// A line of this account that was to be sent later could not be sent, and is gone.
    #[serde(rename = "chat.not_sent")]
    NotSent {
        /// Number of the chat.
        chat: ChatId,
        /// Number of the line, as it waited.
        scheduled: u64,
        /// Why, and what to do.
        detail: String,
    },
    /// Someone calls: ring.
    #[serde(rename = "call.invited")]
    CallInvited {
        /// The call.
        call: Call,
    },
    /// To the caller: a device of `who` rings.
    #[serde(rename = "call.ringing")]
    CallRinging {
        /// Number of the call.
        call: CallId,
        /// Whose device rings.
        who: Member,
    },
    /// Someone joined; sent to everyone in the call, with each participant's tracks.
    #[serde(rename = "call.accepted")]
    CallAccepted {
        /// The call as it now is.
        call: Call,
    },
    /// Someone said no.
    #[serde(rename = "call.declined")]
    CallDeclined {
        /// Number of the call.
        call: CallId,
        /// Who declined.
        who: Member,
    },
    /// Someone is in another call.
    #[serde(rename = "call.busy")]
    CallBusy {
        /// Number of the call.
        call: CallId,
        /// Who is busy.
        who: Member,
    },
    /// The caller hung up before anyone answered: stop ringing.
    #[serde(rename = "call.cancelled")]
    CallCancelled {
        /// Number of the call.
        call: CallId,
    },
    /// Nobody answered in time.
    #[serde(rename = "call.no_answer")]
    CallNoAnswer {
        /// Number of the call.
        call: CallId,
        /// Who did not answer.
        who: Member,
    },
    /// The call is over.
    #[serde(rename = "call.ended")]
    CallEnded {
        /// Number of the call.
        call: CallId,
        /// Why.
        reason: EndReason,
        /// From accept to end, in milliseconds.
        duration_ms: u64,
    },
    /// Another device of this account took the call: stop ringing.
    #[serde(rename = "call.answered_elsewhere")]
    CallAnsweredElsewhere {
        /// Number of the call.
        call: CallId,
        /// The device that took it.
        device: String,
    },
    /// A reader of this track needs a keyframe: make one.
    #[serde(rename = "track.keyframe_wanted")]
    KeyframeWanted {
        /// The track.
        track: u64,
    },
    /// Someone asks to become a contact; to both, on all their links.
    #[serde(rename = "contact.requested")]
    ContactRequested {
        /// The request.
        request: Box<ContactRequest>,
    },
    /// A request does not wait any more; to both, on all their links.
    #[serde(rename = "contact.request_ended")]
    ContactRequestEnded {
        /// Who had asked.
        from: Member,
        /// Who was asked.
        to: Member,
        /// How it ended.
        outcome: RequestOutcome,
    },
    /// Someone is a contact from now on; to both, each about the other.
    #[serde(rename = "contact.added")]
    ContactAdded {
        /// The contact.
        contact: Box<Contact>,
        /// Changes of presence up to this number are in it.
        as_of: u64,
    },
    /// Someone is no contact any more; to both, each about the other.
    #[serde(rename = "contact.removed")]
    ContactRemoved {
        /// Who it was.
        who: Member,
    },
    /// A contact is in other groups of the account's own than before.
    #[serde(rename = "contact.grouped")]
    ContactGrouped {
        /// Number of the contact's account.
        account: u64,
        /// Its groups from now on.
        groups: Vec<String>,
    },
    /// A group of the account's own has another name, was joined to another one, or is no more.
    #[serde(rename = "contact.group_renamed")]
    ContactGroupRenamed {
        /// Its name until now.
        from: String,
        /// Its name from now on; absent if it was dissolved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// The account has blocked someone on one of its devices, who is not shown among its contacts any more.
    #[serde(rename = "contact.blocked")]
    ContactBlocked {
        /// Who it is.
        who: Member,
    },
    /// The account has taken a block back. If the other is a contact, [`Event::ContactAdded`] follows.
    #[serde(rename = "contact.unblocked")]
    ContactUnblocked {
        /// Who it is.
        who: Member,
    },
    /// The presence of a contact, or the account's own, has changed. On track 1 only, where the frame's sequence number
    /// tells the newer of two.
    #[serde(rename = "presence.changed")]
    PresenceChanged {
        /// Whose presence.
        account: u64,
        /// What it is now.
        presence: PresenceInfo,
    },
    /// The server goes: come back after a while.
    #[serde(rename = "server.closing")]
    ServerClosing {
        /// How long to wait before coming back, in milliseconds. Add jitter.
        retry_after_ms: u64,
    },
    /// An event that this version does not know: ignore it.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

impl Event {
    /// The event as payload of a frame of kind `Event`.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond [`EVENT_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        super::encode("event", EVENT_MAX, self)
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`VocabularyError`] for another version, another shape or too many bytes. An unknown event is no error.
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        super::parse("event", EVENT_MAX, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_small_because_room_for_some_is_kept_for_every_link() {
        assert!(size_of::<Event>() <= 96, "{} bytes: box what is large and rare", size_of::<Event>());
    }

    #[test]
    fn events_carry_version_and_name() {
        let bytes = Event::ServerClosing { retry_after_ms: 2000 }.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), r#"{"v":1,"event":"server.closing","retry_after_ms":2000}"#);
        assert_eq!(Event::parse(&bytes).unwrap(), Event::ServerClosing { retry_after_ms: 2000 });
    }

    #[test]
    fn an_event_of_tomorrow_is_bearable_and_its_version_is_not() {
        assert_eq!(Event::parse(br#"{"v":1,"event":"moon.rises","at":[1]}"#), Ok(Event::Unknown));
        assert_eq!(Event::parse(br#"{"v":2,"event":"moon.rises"}"#), Err(VocabularyError::Version { found: 2 }));
        assert_eq!(Event::parse(br#"{"event":"server.closing"}"#), Err(VocabularyError::NoVersion));
        assert!(matches!(Event::parse(b"{"), Err(VocabularyError::Malformed { .. })));
        assert!(matches!(Event::parse(br#"{"v":1}"#), Err(VocabularyError::Malformed { .. })));
    }
}

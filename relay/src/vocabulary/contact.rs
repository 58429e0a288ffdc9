//! Words about contacts: asking for one, groups, blocking, the directory.

use super::{Account, Check, NAME_MAX, PresenceInfo, Profile, VocabularyError, label, line};
use serde::{Deserialize, Serialize};

/// Most contacts that an account may have.
pub const CONTACTS_MAX: u32 = 2_000;
/// Longest line that goes with a request, in bytes.
pub const REQUEST_TEXT_MAX: usize = 512;
/// Longest name of a group, in bytes.
pub const GROUP_NAME_MAX: usize = 64;
/// Most groups that one contact may be in.
pub const GROUPS_MAX: usize = 16;
/// Most entries that one page of contacts or of the directory holds.
pub const CONTACTS_PAGE_MAX: u32 = 200;

/// Body of `POST /v1/contacts/requests`: asks someone to become a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskContact {
    /// Name of the other account.
    pub to: String,
    /// What to say with it; may be empty.
    #[serde(default)]
    pub text: String,
}

impl Check for AskContact {
    fn check(&self) -> Result<(), VocabularyError> {
        label("to", NAME_MAX, &self.to)?;
        line("text", REQUEST_TEXT_MAX, &self.text)
    }
}

/// A request that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContactRequest {
    /// Who asks. Status texts are for contacts only.
    pub from: Profile,
    /// Who is asked.
    pub to: Profile,
    /// What was said with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// When it was made, in Unix milliseconds.
    pub at: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// Both are contacts now.
    Accepted,
    /// The one who was asked said no.
    Declined,
    /// The one who asked took it back.
    Withdrawn,
    /// An outcome that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// Answer to `GET /v1/contacts/requests`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContactRequests {
    /// Those that wait for the caller's answer, the oldest first.
    pub incoming: Vec<ContactRequest>,
    /// Those that the caller made, the oldest first.
    pub outgoing: Vec<ContactRequest>,
}

/// Someone who has become a contact by consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Contact {
    /// Who it is. The status text is in the presence.
    pub who: Profile,
    /// Since when, in Unix milliseconds.
    pub since: u64,
    /// The caller's own groups that this contact is in, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The contact's presence.
    pub presence: PresenceInfo,
}

/// Answer to `GET /v1/contacts?after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Contacts {
    /// By number of the account, all above `after`.
    pub contacts: Vec<Contact>,
    /// Whether more follow: ask again after the last one's number.
    pub more: bool,
    /// Changes of presence up to this number are in the answer: put a cursor on track 1 after it. Of several pages the
    /// first one's counts.
    pub as_of: u64,
}

/// Body of `PUT /v1/contacts/{account}/groups`: the groups that this contact is in from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetGroups {
    /// Their names. A group exists while someone is in it.
    pub groups: Vec<String>,
}

impl Check for SetGroups {
    fn check(&self) -> Result<(), VocabularyError> {
        if self.groups.len() > GROUPS_MAX {
            return Err(VocabularyError::Invalid { what: "groups", reason: "a contact may be in at most 16 groups" });
        }
        self.groups.iter().try_for_each(|name| label("groups", GROUP_NAME_MAX, name))
    }
}

/// Body of `POST /v1/contacts/groups/rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RenameGroup {
    /// Its name.
    pub from: String,
    /// Its new name. If there is such a group already, both become one; without a name the group is dissolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Check for RenameGroup {
    fn check(&self) -> Result<(), VocabularyError> {
        label("from", GROUP_NAME_MAX, &self.from)?;
        self.to.iter().try_for_each(|name| label("to", GROUP_NAME_MAX, name))
    }
}

/// Answer to `GET /v1/blocks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Blocks {
    /// Whom the caller has blocked, by name.
    pub blocked: Vec<Account>,
}

/// Answer to `GET /v1/directory?prefix=&after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Directory {
    /// Accounts whose name or display name begins so, by name, all after `after`; without their status texts.
    pub people: Vec<Profile>,
    /// Whether more follow: ask again after the last one's name.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_on_both_sides() {
        let ask = |text: usize| AskContact { to: "bob".into(), text: "x".repeat(text) }.check().is_ok();
        assert!(ask(0) && ask(REQUEST_TEXT_MAX) && !ask(REQUEST_TEXT_MAX + 1));
        let groups = |count: usize, name: usize| SetGroups { groups: vec!["x".repeat(name); count] }.check().is_ok();
        assert!(groups(0, 0) && groups(GROUPS_MAX, GROUP_NAME_MAX));
        assert!(!groups(GROUPS_MAX + 1, 1) && !groups(1, GROUP_NAME_MAX + 1) && !groups(1, 0));
        assert!(RenameGroup { from: "a".into(), to: None }.check().is_ok());
        assert!(RenameGroup { from: "a".into(), to: Some(String::new()) }.check().is_err());
    }
}

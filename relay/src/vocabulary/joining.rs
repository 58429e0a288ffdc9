//! Words about coming in: invitations and their links, joining, new passwords, one-time codes.

use super::{Check, DEVICE_MAX, NAME_MAX, PASSWORD_MAX, Role, VocabularyError, label, within};
use crate::seal::Fingerprint;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest code that is looked at, in bytes.
pub const CODE_MAX: usize = 64;
/// Longest note on an invitation, in bytes.
pub const NOTE_MAX: usize = 128;
/// Longest life of an invitation, in hours: a year.
pub const INVITATION_HOURS_MAX: u32 = 366 * 24;

/// Body of `POST /v1/join`: makes an account and logs it in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Join {
    /// The invitation's code; without one the server must allow everyone to register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Name of the new account.
    pub user: String,
    /// Its password.
    pub password: String,
    /// What the person calls this machine.
    pub device: String,
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("user", &self.user).field("device", &self.device).finish_non_exhaustive()
    }
}

impl Check for Join {
    fn check(&self) -> Result<(), VocabularyError> {
        within("code", CODE_MAX, self.code.as_ref().map_or(0, String::len))?;
        label("user", NAME_MAX, &self.user)?;
        within("password", PASSWORD_MAX, self.password.len())?;
        label("device", DEVICE_MAX, &self.device)
    }
}

/// Body of `POST /v1/reset`: sets a new password with an administrator's one-time code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reset {
    /// Name of the account.
    pub user: String,
    /// The code.
    pub code: String,
    /// The new password.
    pub password: String,
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reset").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Check for Reset {
    fn check(&self) -> Result<(), VocabularyError> {
        label("user", NAME_MAX, &self.user)?;
        within("code", CODE_MAX, self.code.len())?;
        within("password", PASSWORD_MAX, self.password.len())
    }
}

/// Body of `PUT /v1/me/password`. Every other session of the account ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePassword {
    /// The password so far.
    pub old: String,
    /// The password from now on.
    pub new: String,
}

impl fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePassword").finish_non_exhaustive()
    }
}

impl Check for ChangePassword {
    fn check(&self) -> Result<(), VocabularyError> {
        within("old", PASSWORD_MAX, self.old.len())?;
        within("new", PASSWORD_MAX, self.new.len())
    }
}

/// Body of `DELETE /v1/me`: removes the caller's own account for good.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Leave {
    /// The password, once more.
    pub password: String,
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave").finish_non_exhaustive()
    }
}

impl Check for Leave {
    fn check(&self) -> Result<(), VocabularyError> {
        within("password", PASSWORD_MAX, self.password.len())
    }
}

/// Answer to `POST /v1/admin/accounts/{id}/reset`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResetCode {
    /// To be told to the account's owner, who uses it once. It is shown only now.
    pub code: String,
    /// Until when it is good, in Unix milliseconds.
    pub expires_at: u64,
}

impl fmt::Debug for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetCode").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Body of `POST /v1/admin/invitations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invite {
    /// The role of who joins by it.
    #[serde(default)]
    pub role: Role,
    /// How many may join by it; without it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// For how many hours it is good; without it a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
    /// What it is for, for the administrators.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Check for Invite {
    fn check(&self) -> Result<(), VocabularyError> {
        within("note", NOTE_MAX, self.note.len())?;
        if self.uses == Some(0) {
            return Err(VocabularyError::Invalid { what: "uses", reason: "let at least one person join" });
        }
        if self.hours.is_some_and(|hours| hours == 0 || hours > INVITATION_HOURS_MAX) {
            return Err(VocabularyError::Invalid { what: "hours", reason: "choose 1 to 8784, which is a year" });
        }
        Ok(())
    }
}

/// An invitation as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invitation {
    /// Its number.
    pub id: u64,
    /// The role of who joins by it.
    pub role: Role,
    /// How many more may join.
    pub uses_left: u32,
    /// How many have joined.
    pub used: u32,
    /// Until when it is good, in Unix milliseconds.
    pub expires_at: u64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Answer to `POST /v1/admin/invitations`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invited {
    /// What was made.
    pub invitation: Invitation,
    /// An [`InvitationLink`] to pass on. It is shown only now.
    pub link: String,
}

impl fmt::Debug for Invited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invited").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// Answer to `GET /v1/admin/invitations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invitations {
    /// Those that are still good, the newest first.
    pub invitations: Vec<Invitation>,
}

/// `komado://host:port/join/CODE?fingerprint=HEX`, with `&tls=yes` for a server that is reached over https: all that a
/// client needs to come in and to know that it speaks to the right server.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationLink {
    /// Host, and port unless it is the usual one: `chat.example`, `[2001:db8::1]:8080`.
    pub server: String,
    /// Whether the server is reached over https.
    pub tls: bool,
    /// The server's certificate.
    pub fingerprint: Fingerprint,
    /// The secret.
    pub code: String,
}

/// Not an invitation link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no invitation: one looks like komado://chat.example/join/CODE?fingerprint=…; copy all of it")]
pub struct InvitationLinkError;

impl InvitationLink {
    /// The server's address as a client is told it.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.server)
    }
}

impl fmt::Display for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls { "&tls=yes" } else { "" };
        write!(f, "komado://{}/join/{}?fingerprint={}{tls}", self.server, self.code, self.fingerprint)
    }
}

impl fmt::Debug for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationLink").field("server", &self.server).finish_non_exhaustive()
    }
}

impl FromStr for InvitationLink {
    type Err = InvitationLinkError;

    fn from_str(text: &str) -> Result<Self, InvitationLinkError> {
        let rest = text.trim().strip_prefix("komado://").ok_or(InvitationLinkError)?;
        let (server, rest) = rest.split_once("/join/").ok_or(InvitationLinkError)?;
        let (code, query) = rest.split_once('?').ok_or(InvitationLinkError)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        let fine = !server.is_empty() && server.chars().all(plain);
        let of_code = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !fine || code.is_empty() || code.len() > CODE_MAX || !code.chars().all(of_code) {
            return Err(InvitationLinkError);
        }
        let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let fingerprint = field("fingerprint").ok_or(InvitationLinkError)?;
        Ok(Self {
            server: server.to_owned(),
            tls: field("tls") == Some("yes"),
            fingerprint: fingerprint.parse().map_err(|_| InvitationLinkError)?,
            code: code.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_link_travels_whole_or_not_at_all() {
        for tls in [false, true] {
            let link = InvitationLink {
                server: "chat.example:8080".into(),
                tls,
                fingerprint: Fingerprint([0xab; 32]),
                code: "ABCD-EFGH".into(),
            };
            assert_eq!(link.to_string().parse(), Ok(link.clone()));
            assert!(!format!("{link:?}").contains("ABCD"));
            assert_eq!(link.url(), format!("http{}://chat.example:8080", if tls { "s" } else { "" }));
        }
        let whole = format!("komado://h/join/C?fingerprint={}", "0".repeat(64));
        assert!(whole.parse::<InvitationLink>().is_ok());
        for cut in 0..whole.len() {
            assert_eq!(whole[..cut].parse::<InvitationLink>(), Err(InvitationLinkError), "{cut}");
        }
        let evil = format!("komado://user@h/join/C?fingerprint={}", "0".repeat(64));
        assert!(evil.parse::<InvitationLink>().is_err());
    }

    #[test]
    fn secrets_never_reach_a_log() {
        let join = Join { code: Some("C0DE".into()), user: "u".into(), password: "pass".into(), device: "d".into() };
        let reset = Reset { user: "u".into(), code: "C0DE".into(), password: "pass".into() };
        let change = ChangePassword { old: "pass".into(), new: "pass".into() };
        let shown = format!("{join:?} {reset:?} {change:?} {:?}", ResetCode { code: "C0DE".into(), expires_at: 1 });
        assert!(!shown.contains("C0DE") && !shown.contains("pass\""), "{shown}");
    }

    #[test]
    fn an_invitation_keeps_its_limits() {
        let invite = |uses, hours| Invite { uses, hours, ..Invite::default() }.check().is_ok();
        assert!(invite(None, None) && invite(Some(1), Some(1)) && invite(Some(500), Some(INVITATION_HOURS_MAX)));
        assert!(!invite(Some(0), None) && !invite(None, Some(0)) && !invite(None, Some(INVITATION_HOURS_MAX + 1)));
    }
}

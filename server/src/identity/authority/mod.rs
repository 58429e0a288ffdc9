//! The one place that decides what someone may do: which command to give, which track to read or write, whose account
//! to change.

mod table;

pub use table::TABLE;

use super::{AccountId, Identity};
use relay::vocabulary::{ChangeAccount, Right, Role, Thing};

/// Who may give a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Everyone, also without a session.
    Anyone,
    /// An account of this role or a higher one.
    AtLeast(Role),
}

/// Why a command is refused before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No session was shown.
    #[error("log in first: POST /v1/login, then show the session")]
    NoSession,
    /// The session has expired meanwhile.
    #[error("the session has ended or expired: log in again")]
    SessionExpired,
    /// The account's role does not do.
    #[error("this needs the role {needed}: an administrator gives it")]
    Role {
        /// The least role that does.
        needed: Role,
    },
    /// No such route stands in the table.
    #[error("nobody may do this")]
    Nobody,
}

/// Whether a command may be given: `path` is the route's, with its parameters' names. `now` in Unix milliseconds.
///
/// # Errors
/// [`Denied`].
pub fn may_command(method: &str, path: &str, identity: Option<&Identity>, now: u64) -> Result<(), Denied> {
    // A HEAD is a GET whose body is not sent.
    let method = if method == "HEAD" { "GET" } else { method };
    let entry = TABLE.iter().find(|(of, at, _)| *of == method && *at == path);
    let needed = match entry {
        None => return Err(Denied::Nobody),
        Some((.., Who::Anyone)) => return Ok(()),
        Some((.., Who::AtLeast(role))) => *role,
    };
    let identity = identity.ok_or(Denied::NoSession)?;
    if identity.expires_at <= now {
        return Err(Denied::SessionExpired);
    }
    if identity.role < needed { Err(Denied::Role { needed }) } else { Ok(()) }
}

/// Who may read a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Everyone, even without an account.
    Public,
    /// These accounts: a chat's members, a call's participants.
    Accounts(Vec<AccountId>),
}

/// The one who may write a track: a device of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The account.
    pub account: AccountId,
    /// Its device.
    pub device: String,
}

impl Owner {
    /// The device that this session was opened for.
    pub fn of(identity: &Identity) -> Self {
        Self { account: identity.account, device: identity.device.clone() }
    }
}

/// Whether `identity` may read what is open to `readers`.
pub fn may_read(identity: &Identity, readers: &Readers) -> bool {
    match readers {
        Readers::Public => true,
        Readers::Accounts(accounts) => accounts.contains(&identity.account),
    }
}

/// Whether `identity` may write what belongs to `owner`. What belongs to nobody is written by the server alone.
pub fn may_write(identity: &Identity, owner: Option<&Owner>) -> bool {
    owner.is_some_and(|owner| owner.account == identity.account && owner.device == identity.device)
}

/// Whether someone of this role may use a thing of that kind, given what was granted for this one thing. Chats have no
/// rule for roles: not even administrators read what others write.
pub fn may_use(role: Role, thing: Thing, right: Right, granted: Option<Right>) -> bool {
    let by_role = match (thing, right) {
        (Thing::Chat, _) => false,
        (Thing::Channel | Thing::Feed | Thing::Page, Right::Read | Right::Write) => role >= Role::Provider,
        (Thing::Channel | Thing::Feed | Thing::Page, Right::Manage) => role >= Role::Moderator,
    };
    by_role || granted.is_some_and(|granted| granted >= right)
}

/// Whether someone of this role may search the directory of accounts, which is `open` to members or not.
pub fn may_search(role: Role, open: bool) -> bool {
    open || role >= Role::Moderator
}

/// Whether someone of `rank` may change an account of role `subject` so. Roles are for administrators alone; moderators
/// lock and unlock those below them.
pub fn may_change_account(rank: Role, subject: Role, change: &ChangeAccount) -> bool {
    match rank {
        Role::Administrator => true,
        Role::Moderator => change.role.is_none() && subject < Role::Moderator,
        Role::Member | Role::Provider => false,
    }
}

/// Whether someone of `rank` may remove the accounts of others.
pub fn may_remove_account(rank: Role) -> bool {
    rank == Role::Administrator
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(account: AccountId, device: &str) -> Identity {
        Identity {
            account,
            name: format!("account{account}"),
            role: Role::Member,
            session: 1,
            expires_at: 1_000,
            device: device.into(),
        }
    }

    #[test]
    fn only_the_owning_device_writes_and_only_participants_read() {
        let (alice, bob, eve) = (someone(1, "desk"), someone(2, "desk"), someone(3, "desk"));
        let owner = Owner::of(&alice);
        assert!(may_write(&alice, Some(&owner)));
        assert!(!may_write(&someone(1, "laptop"), Some(&owner)));
        assert!(!may_write(&bob, Some(&owner)));
        assert!(!may_write(&alice, None));
        let both = Readers::Accounts(vec![1, 2]);
        assert!(may_read(&alice, &both) && may_read(&bob, &both) && !may_read(&eve, &both));
        assert!(may_read(&eve, &Readers::Public));
    }

    #[test]
    fn a_command_needs_its_role_and_a_session_that_lasts() {
        let member = someone(1, "desk");
        let administrator = Identity { role: Role::Administrator, ..member.clone() };
        let audit = |who| may_command("GET", "/v1/admin/audit", who, 999);
        assert_eq!(audit(None), Err(Denied::NoSession));
        assert_eq!(audit(Some(&member)), Err(Denied::Role { needed: Role::Administrator }));
        assert_eq!(audit(Some(&administrator)), Ok(()));
        assert_eq!(may_command("HEAD", "/v1/admin/audit", Some(&administrator), 999), Ok(()));
        assert_eq!(may_command("GET", "/v1/me", Some(&member), 1_000), Err(Denied::SessionExpired));
        assert_eq!(may_command("POST", "/v1/login", None, 0), Ok(()));
        assert_eq!(may_command("GET", "/v1/backdoor", Some(&administrator), 0), Err(Denied::Nobody));
    }

    #[test]
    fn a_route_stands_in_the_table_once() {
        let mut routes: Vec<_> = TABLE.iter().map(|(method, path, _)| (method, path)).collect();
        routes.sort_unstable();
        let all = routes.len();
        routes.dedup();
        assert_eq!(routes.len(), all);
    }

    #[test]
    fn things_are_used_by_role_or_by_grant() {
        let publish = |role, granted| may_use(role, Thing::Channel, Right::Write, granted);
        assert!(!publish(Role::Member, None) && publish(Role::Provider, None));
        assert!(!publish(Role::Member, Some(Right::Read)) && publish(Role::Member, Some(Right::Write)));
        assert!(publish(Role::Member, Some(Right::Manage)));
        assert!(!may_use(Role::Provider, Thing::Page, Right::Manage, Some(Right::Write)));
        assert!(may_use(Role::Moderator, Thing::Page, Right::Manage, None));
        assert!(!may_use(Role::Administrator, Thing::Chat, Right::Read, None));
        assert!(may_use(Role::Member, Thing::Chat, Right::Read, Some(Right::Read)));
    }
}

//! The one place that decides what someone may do: read or write a track, create one.

use super::{AccountId, Identity};

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

/// Whether `identity` may create public tracks.
pub fn may_publish(identity: &Identity) -> bool {
    identity.publisher
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(account: AccountId, device: &str) -> Identity {
        Identity {
            account,
            name: format!("account{account}"),
            publisher: false,
            session: 1,
            expires_at: u64::MAX,
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
        assert!(!may_publish(&alice));
    }
}

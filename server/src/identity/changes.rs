//! Changes to an account: its password, its role, locking, removal. Each ends the sessions that it must, and is logged.

use super::accounts::{self, AccountsError};
use super::audit::{self, Act, Actor};
use super::{AccountId, Accounts, SessionId, authority};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, Row, params};
use crate::{contact, presence};
use relay::vocabulary::{ChangeAccount, Role};

impl Accounts {
    /// Sets a new password. Every session of the account ends but `keep`.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn set_password(
        &self,
        account: AccountId,
        password: String,
        keep: Option<SessionId>,
        by: Actor,
    ) -> Result<(), AccountsError> {
        let hash = self.hashed(password).await?;
        self.database
            .attempt(move |c| {
                standing(c, account)?;
                replace_password(c, account, &hash, keep)?;
                audit::note(c, &by, Act::PasswordChanged, Some(account), "")?;
                Ok(())
            })
            .await
    }

    /// Changes role or lock. `rank` is the role of who does it; the command line has none and may do everything.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`], [`AccountsError::Rank`], [`AccountsError::LastAdministrator`].
    pub async fn change(
        &self,
        account: AccountId,
        change: ChangeAccount,
        rank: Option<Role>,
        by: Actor,
    ) -> Result<(), AccountsError> {
        self.database
            .attempt(move |c| {
                let before = standing(c, account)?;
                if rank.is_some_and(|rank| !authority::may_change_account(rank, before.role, &change)) {
                    return Err(AccountsError::Rank);
                }
                if let Some(role) = change.role.filter(|role| *role != before.role) {
                    let sql = "UPDATE accounts SET role = ?2 WHERE id = ?1";
                    c.execute(sql, params![account, role.word()])?;
                    let detail = format!("{} to {role}", before.role);
                    audit::note(c, &by, Act::RoleChanged, Some(account), &detail)?;
                }
                if let Some(locked) = change.locked.filter(|locked| *locked != before.locked) {
                    let since = locked.then(unix_ms);
                    c.execute("UPDATE accounts SET locked_at = ?2 WHERE id = ?1", params![account, since])?;
                    if locked {
                        end_sessions(c, account, None)?;
                    }
                    audit::note(c, &by, if locked { Act::Locked } else { Act::Unlocked }, Some(account), "")?;
                }
                keep_one_administrator(c, rank, before.role)
            })
            .await
    }

    /// Removes an account. Its sessions, grants, codes, contacts and everything it said about itself go; the messages it wrote
    /// stay where they are, because they are part of what others said, and its name stays reserved, because they bear
    /// it. Says which picture it had: [`super::Profiles::let_go`] removes that.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`], [`AccountsError::Rank`], [`AccountsError::LastAdministrator`].
    pub async fn remove(
        &self,
        account: AccountId,
        rank: Option<Role>,
        by: Actor,
    ) -> Result<Option<String>, AccountsError> {
        self.database
            .attempt(move |c| {
                let before = standing(c, account)?;
                let own = by.account == Some(account);
                if !own && rank.is_some_and(|rank| !authority::may_remove_account(rank)) {
                    return Err(AccountsError::Rank);
                }
                let sql = "SELECT picture FROM accounts WHERE id = ?1";
                let picture = c.query_row(sql, params![account], |row| row.get(0))?;
                let sql = "UPDATE accounts SET removed_at = ?2, password = '', display_name = '', status_text = '',
                               language = '', picture = NULL WHERE id = ?1";
                c.execute(sql, params![account, unix_ms()])?;
                end_sessions(c, account, None)?;
                for sql in [
                    "DELETE FROM grants WHERE account = ?1",
                    "DELETE FROM reset_codes WHERE account = ?1",
                    "DELETE FROM repeats WHERE account = ?1",
                    "DELETE FROM invitations WHERE made_by = ?1",
                ] {
                    c.execute(sql, params![account])?;
                }
                contact::forget(c, account)?;
                presence::forget(c, account)?;
                audit::note(c, &by, Act::AccountRemoved, Some(account), "")?;
                keep_one_administrator(c, rank, before.role)?;
                Ok(picture)
            })
            .await
    }
}

/// What an account is before it is changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) locked: bool,
}

/// The account, unless there is none of that number or it was removed.
pub(super) fn standing(c: &Connection, account: AccountId) -> Result<Standing, AccountsError> {
    let sql = "SELECT role, locked_at FROM accounts WHERE id = ?1 AND removed_at IS NULL";
    let read = |row: &Row<'_>| {
        let locked = row.get::<Option<u64>>(1)?.is_some();
        Ok(Standing { role: accounts::role(&row.get::<String>(0)?), locked })
    };
    let found = c.query_optional(sql, params![account], read)?;
    found.ok_or_else(|| AccountsError::Unknown(account.to_string()))
}

/// Puts another password in, in the caller's transaction. Every session but `keep` ends, and so does a reset code.
pub(super) fn replace_password(
    c: &Connection,
    account: AccountId,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<(), DatabaseError> {
    c.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![account, hash])?;
    c.execute("DELETE FROM reset_codes WHERE account = ?1", params![account])?;
    end_sessions(c, account, keep)
}

fn end_sessions(c: &Connection, account: AccountId, keep: Option<SessionId>) -> Result<(), DatabaseError> {
    // No session has the number 0.
    let keep = keep.unwrap_or_default();
    c.execute("DELETE FROM sessions WHERE account = ?1 AND id <> ?2", params![account, keep]).map(drop)
}

/// Over the network nobody can take the server its last administrator; the command line can make another.
fn keep_one_administrator(c: &Connection, rank: Option<Role>, before: Role) -> Result<(), AccountsError> {
    if rank.is_none() || before != Role::Administrator {
        return Ok(());
    }
    let sql = "SELECT 1 FROM accounts WHERE role = ?1 AND removed_at IS NULL AND locked_at IS NULL LIMIT 1";
    if c.exists(sql, params![Role::Administrator.word()])? { Ok(()) } else { Err(AccountsError::LastAdministrator) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Claim, Hasher, Passwords, Proof, Prover};
    use std::sync::Arc;

    struct World {
        _home: Home,
        accounts: Accounts,
    }

    impl World {
        fn of(engine: Engine) -> Self {
            let home = Home::of(engine);
            let database = Arc::new(home.open().unwrap());
            Self { _home: home, accounts: Accounts::new(database, Arc::new(Hasher::start(1).unwrap())) }
        }

        async fn add(&self, name: &str, role: Role) -> AccountId {
            let password = Some("correct horse".to_owned());
            self.accounts.add(name, password, role, Actor::console()).await.unwrap().id
        }

        async fn login(&self, name: &str, password: &str) -> Proof {
            let claim = Claim::Password { name: name.into(), password: password.into() };
            Passwords::new(&self.accounts).prove(claim).await.unwrap()
        }
    }

    const LOCK: ChangeAccount = ChangeAccount { role: None, locked: Some(true) };

    async fn an_account_lives_its_life(engine: Engine) {
        let world = World::of(engine);
        let alice = world.add("alice", Role::Member).await;
        let proven = Proof::Proven { account: alice };
        assert_eq!(world.login("ALICE", "correct horse").await, proven);
        world.accounts.set_password(alice, "battery staple".into(), None, Actor::console()).await.unwrap();
        assert_eq!(world.login("alice", "correct horse").await, Proof::Wrong { account: Some(alice) });
        assert_eq!(world.login("alice", "battery staple").await, proven);
        world.accounts.change(alice, LOCK, None, Actor::console()).await.unwrap();
        assert_eq!(world.login("alice", "battery staple").await, Proof::Locked { account: alice });
        assert_eq!(world.login("alice", "wrong").await, Proof::Wrong { account: Some(alice) });
        let unlock = ChangeAccount { locked: Some(false), ..LOCK };
        world.accounts.change(alice, unlock, None, Actor::console()).await.unwrap();
        assert_eq!(world.login("alice", "battery staple").await, proven);
        world.accounts.remove(alice, None, Actor::console()).await.unwrap();
        assert_eq!(world.login("alice", "battery staple").await, Proof::Wrong { account: None });
        let gone = world.accounts.remove(alice, None, Actor::console()).await;
        assert_eq!(gone, Err(AccountsError::Unknown(alice.to_string())));
        let again = world.accounts.add("alice", None, Role::Member, Actor::console()).await;
        assert_eq!(again, Err(AccountsError::Taken("alice".into())));
    }

    async fn rank_decides_over_the_network_and_the_last_administrator_stays(engine: Engine) {
        let world = World::of(engine);
        let root = world.add("root", Role::Administrator).await;
        let (guard, member) = (world.add("guard", Role::Moderator).await, world.add("member", Role::Member).await);
        let by = Actor::console;
        let change = |account, change, rank| world.accounts.change(account, change, Some(rank), by());
        change(member, LOCK, Role::Moderator).await.unwrap();
        assert_eq!(change(guard, LOCK, Role::Moderator).await, Err(AccountsError::Rank));
        assert_eq!(change(root, LOCK, Role::Moderator).await, Err(AccountsError::Rank));
        let promote = ChangeAccount { role: Some(Role::Administrator), locked: None };
        assert_eq!(change(member, promote, Role::Moderator).await, Err(AccountsError::Rank));
        assert_eq!(world.accounts.remove(member, Some(Role::Moderator), by()).await, Err(AccountsError::Rank));

        let demote = ChangeAccount { role: Some(Role::Member), locked: None };
        for last in [LOCK, demote] {
            assert_eq!(change(root, last, Role::Administrator).await, Err(AccountsError::LastAdministrator));
        }
        let removed = world.accounts.remove(root, Some(Role::Administrator), by()).await;
        assert_eq!(removed, Err(AccountsError::LastAdministrator));
        assert_eq!(world.login("root", "correct horse").await, Proof::Proven { account: root });
        change(guard, promote, Role::Administrator).await.unwrap();
        change(root, demote, Role::Administrator).await.unwrap();
        assert_eq!(world.accounts.entry(root).await.unwrap().unwrap().role, Role::Member);
    }

    on_both!(an_account_lives_its_life, rank_decides_over_the_network_and_the_last_administrator_stays);
}

//! Accounts: making, finding and listing them.

use super::audit::{self, Act, Actor};
use super::{AccountId, Hasher, HasherError};
use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError, Row, params};
use relay::vocabulary::{Account, AccountEntries, AccountEntry, Member, NAME_MAX, PAGE_MAX, PASSWORD_MAX, Role};
use std::sync::Arc;

/// Shortest password that may be set, in characters (NIST SP 800-63B asks for at least 8).
const PASSWORD_MIN: usize = 8;

/// Why an account was not made, changed or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// A name that an account cannot have.
    #[error("the name {0:?} cannot be used: 1 to {NAME_MAX} bytes, letters, digits, '.', '-', '_' and '@'")]
    Name(String),
    /// The name is in use, or was.
    #[error("there is (or was) an account {0:?} already: choose another name; names of removed accounts stay reserved")]
    Taken(String),
    /// No such account.
    #[error("there is no account {0:?}: `komado-server admin user list` shows them all")]
    Unknown(String),
    /// A password that is too short or too long.
    #[error("the password must have {PASSWORD_MIN} characters to {PASSWORD_MAX} bytes")]
    Password,
    /// The account's rank forbids it.
    #[error("this account's role is not below yours: ask an administrator")]
    Rank,
    /// Nobody would be left to administer the server.
    #[error("this is the last administrator that can log in: make another one first")]
    LastAdministrator,
    /// The password could not be hashed.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// All accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    pub(super) database: Arc<Database>,
    pub(super) hasher: Arc<Hasher>,
}

impl Accounts {
    /// The accounts in `database`, whose passwords `hasher` checks.
    pub fn new(database: Arc<Database>, hasher: Arc<Hasher>) -> Self {
        Self { database, hasher }
    }

    /// Makes an account. Without a password nobody can log in before a reset code is used.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn add(
        &self,
        name: &str,
        password: Option<String>,
        role: Role,
        by: Actor,
    ) -> Result<Member, AccountsError> {
        check_name(name)?;
        let hash = match password {
            Some(password) => self.hashed(password).await?,
            None => String::new(),
        };
        let name = name.to_owned();
        self.database
            .attempt(move |c| {
                let member = insert(c, &name, &hash, role)?;
                audit::note(c, &by, Act::AccountMade, Some(member.id), role.word())?;
                Ok(member)
            })
            .await
    }

    /// Accounts by number, those after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn list(&self, after: AccountId, limit: u32) -> Result<AccountEntries, DatabaseError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let sql = format!("{ENTRY} WHERE a.removed_at IS NULL AND a.id > ?1 ORDER BY a.id LIMIT ?2");
        let mut accounts = self.database.read(move |c| c.query(&sql, params![after, limit + 1], entry)).await?;
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        Ok(AccountEntries { accounts, more })
    }

    /// One account, unless removed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn entry(&self, id: AccountId) -> Result<Option<AccountEntry>, DatabaseError> {
        let sql = format!("{ENTRY} WHERE a.removed_at IS NULL AND a.id = ?1");
        self.database.read(move |c| c.query_optional(&sql, params![id], entry)).await
    }

    /// The account of that name, unless removed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn by_name(&self, name: &str) -> Result<Option<Member>, DatabaseError> {
        let name = folded(name);
        let sql = "SELECT id, name FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok(Member { id: row.get(0)?, name: row.get(1)? });
        self.database.read(move |c| c.query_optional(sql, params![name], read)).await
    }

    /// As [`Accounts::by_name`], for who names an account that must be there.
    ///
    /// # Errors
    /// [`AccountsError::Unknown`], [`AccountsError::Database`].
    pub async fn named(&self, name: &str) -> Result<Member, AccountsError> {
        self.by_name(name).await?.ok_or_else(|| AccountsError::Unknown(name.to_owned()))
    }

    /// The hash of a password that may be set.
    pub(super) async fn hashed(&self, password: String) -> Result<String, AccountsError> {
        check_password(&password)?;
        Ok(self.hasher.hash(password).await?)
    }
}

const ENTRY: &str = "SELECT a.id, a.name, a.display_name, a.role, a.locked_at, a.created_at,
                         (SELECT max(s.seen_at) FROM sessions s WHERE s.account = a.id)
                     FROM accounts a";

fn entry(row: &Row<'_>) -> Result<AccountEntry, DatabaseError> {
    Ok(AccountEntry {
        account: Account { id: row.get(0)?, name: row.get(1)? },
        display_name: row.get(2)?,
        role: role(&row.get::<String>(3)?),
        locked: row.get::<Option<u64>>(4)?.is_some(),
        created_at: row.get(5)?,
        seen_at: row.get(6)?,
    })
}

/// Puts a new account in, in the caller's transaction.
pub(super) fn insert(c: &Connection, name: &str, hash: &str, role: Role) -> Result<Member, AccountsError> {
    let sql = "INSERT INTO accounts (name, password, role, created_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO NOTHING RETURNING id";
    let id = c.query_optional(sql, params![name, hash, role.word(), unix_ms()], |row| row.get(0))?;
    let id = id.ok_or_else(|| AccountsError::Taken(name.to_owned()))?;
    Ok(Member { id, name: name.to_owned() })
}

/// A role as it stands in the database. One that only a newer version knows counts as the least.
pub(super) fn role(word: &str) -> Role {
    word.parse().unwrap_or_default()
}

/// A name as it is compared: capitals of ASCII are the same as small letters, as in the database.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub(super) fn check_name(name: &str) -> Result<(), AccountsError> {
    let plain = |c: char| c.is_alphanumeric() || ".-_@".contains(c);
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
        return Err(AccountsError::Name(name.to_owned()));
    }
    Ok(())
}

fn check_password(password: &str) -> Result<(), AccountsError> {
    if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
        return Err(AccountsError::Password);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};

    fn open(engine: Engine) -> (Home, Accounts) {
        let home = Home::of(engine);
        let database = Arc::new(home.open().unwrap());
        (home, Accounts::new(database, Arc::new(Hasher::start(2).unwrap())))
    }

    async fn add(accounts: &Accounts, name: &str, password: &str) -> Result<Member, AccountsError> {
        accounts.add(name, Some(password.to_owned()), Role::Member, Actor::console()).await
    }

    async fn accounts_are_made_once_found_and_listed_in_pages(engine: Engine) {
        let (_home, accounts) = open(engine);
        let alice = add(&accounts, "alice", "correct horse").await.unwrap();
        assert_eq!(add(&accounts, "ALICE", "another one").await, Err(AccountsError::Taken("ALICE".into())));
        assert_eq!(accounts.by_name("Alice").await.unwrap(), Some(alice));
        assert!(matches!(accounts.named("nobody").await, Err(AccountsError::Unknown(_))));
        accounts.add("studio", None, Role::Provider, Actor::console()).await.unwrap();
        add(&accounts, "carol", "correct horse").await.unwrap();
        let page = accounts.list(0, 2).await.unwrap();
        let names = |page: &AccountEntries| page.accounts.iter().map(|e| e.account.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&page), page.more), (vec!["alice".to_owned(), "studio".to_owned()], true));
        assert_eq!(
            (page.accounts[1].role, page.accounts[1].locked, page.accounts[1].seen_at),
            (Role::Provider, false, None)
        );
        let rest = accounts.list(page.accounts[1].account.id, 200).await.unwrap();
        assert_eq!((names(&rest), rest.more), (vec!["carol".to_owned()], false));
        let carol = rest.accounts[0].account.id;
        assert_eq!(accounts.entry(carol).await.unwrap().as_ref(), rest.accounts.first());
        assert_eq!(accounts.entry(carol + 1).await.unwrap(), None);
    }

    async fn names_and_passwords_keep_their_limits(engine: Engine) {
        let (_home, accounts) = open(engine);
        for name in ["", "a b", "a/b", "a\n", &"x".repeat(NAME_MAX + 1)] {
            assert!(matches!(add(&accounts, name, "correct horse").await, Err(AccountsError::Name(_))));
        }
        for password in ["", "1234567", &"x".repeat(PASSWORD_MAX + 1)] {
            assert_eq!(add(&accounts, "bob", password).await, Err(AccountsError::Password));
        }
        add(&accounts, &"窓".repeat(NAME_MAX / 3), "12345678").await.unwrap();
    }

    on_both!(accounts_are_made_once_found_and_listed_in_pages, names_and_passwords_keep_their_limits);
}

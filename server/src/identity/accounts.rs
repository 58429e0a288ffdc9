//! Accounts: making, listing and removing them, changing passwords, and checking a login.

use super::{AccountId, Hasher, HasherError};
use crate::clock::unix_ms;
use crate::database::{Database, DatabaseError};
use relay::vocabulary::{Member, NAME_MAX, PASSWORD_MAX};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// Shortest password that may be set, in characters (NIST SP 800-63B asks for at least 8).
const PASSWORD_MIN: usize = 8;

/// Why an account was not made, changed or found.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// A name that an account cannot have.
    #[error("the name {0:?} cannot be used: 1 to {NAME_MAX} bytes, letters, digits, '.', '-', '_' and '@'")]
    Name(String),
    /// The name is in use, or was.
    #[error("there is (or was) an account {0:?} already: choose another name; names of removed accounts stay reserved")]
    Taken(String),
    /// No such account.
    #[error("there is no account {0:?}: `komado-server user list` shows them all")]
    Unknown(String),
    /// A password that is too short or too long.
    #[error("the password must have {PASSWORD_MIN} characters to {PASSWORD_MAX} bytes")]
    Password,
    /// The password could not be hashed.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// One account as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it may create public tracks.
    pub publisher: bool,
    /// When it was made, in Unix milliseconds.
    pub created_at: u64,
}

impl AccountRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, publisher: row.get(2)?, created_at: row.get(3)? })
    }
}

/// All accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Arc<Database>,
    hasher: Arc<Hasher>,
}

impl Accounts {
    /// The accounts in `database`, whose passwords `hasher` checks.
    pub fn new(database: Arc<Database>, hasher: Arc<Hasher>) -> Self {
        Self { database, hasher }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn add(&self, name: &str, password: String, publisher: bool) -> Result<Member, AccountsError> {
        check_name(name)?;
        check_password(&password)?;
        let hash = self.hasher.hash(password).await?;
        let owned = name.to_owned();
        let id = self
            .database
            .write(move |c| {
                let sql = "INSERT INTO accounts (name, password, publisher, created_at) VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT DO NOTHING RETURNING id";
                c.query_row(sql, params![owned, hash, publisher, unix_ms()], |row| row.get(0)).optional()
            })
            .await?;
        let id = id.ok_or_else(|| AccountsError::Taken(name.to_owned()))?;
        Ok(Member { id, name: name.to_owned() })
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`AccountsError::Database`].
    pub async fn list(&self) -> Result<Vec<AccountRow>, AccountsError> {
        let sql = "SELECT id, name, publisher, created_at FROM accounts WHERE removed_at IS NULL ORDER BY name";
        Ok(self.database.read(move |c| c.prepare(sql)?.query_map([], AccountRow::read)?.collect()).await?)
    }

    /// Sets a new password and ends all sessions.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn set_password(&self, name: &str, password: String) -> Result<(), AccountsError> {
        check_password(&password)?;
        let hash = self.hasher.hash(password).await?;
        self.change(name, move |c, id| c.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![id, hash]))
            .await
    }

    /// Removes an account and ends its sessions. Its messages stay, and its name stays reserved because they bear it.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub async fn remove(&self, name: &str) -> Result<(), AccountsError> {
        self.change(name, |c, id| {
            c.execute("UPDATE accounts SET removed_at = ?2, password = '' WHERE id = ?1", params![id, unix_ms()])
        })
        .await
    }

    /// The account of that name, unless removed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn by_name(&self, name: &str) -> Result<Option<Member>, DatabaseError> {
        let name = name.to_owned();
        let sql = "SELECT id, name FROM accounts WHERE name = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok(Member { id: row.get(0)?, name: row.get(1)? });
        self.database.read(move |c| c.prepare_cached(sql)?.query_row([name], read).optional()).await
    }

    /// The account whose name and password these are. Takes as long for a name that does not exist.
    ///
    /// # Errors
    /// [`AccountsError::Hasher`] when too many log in at once, [`AccountsError::Database`].
    pub async fn verify(&self, name: &str, password: String) -> Result<Option<Member>, AccountsError> {
        let owned = name.to_owned();
        let sql = "SELECT id, name, password FROM accounts WHERE name = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok((Member { id: row.get(0)?, name: row.get(1)? }, row.get::<_, String>(2)?));
        let found = self.database.read(move |c| c.prepare_cached(sql)?.query_row([owned], read).optional()).await?;
        let (member, stored) = found.unzip();
        let fits = self.hasher.verify(password, stored).await?;
        Ok(member.filter(|_| fits))
    }

    async fn change<F>(&self, name: &str, change: F) -> Result<(), AccountsError>
    where
        F: FnOnce(&Connection, AccountId) -> rusqlite::Result<usize> + Send + 'static,
    {
        let owned = name.to_owned();
        let found = self
            .database
            .write(move |c| {
                let sql = "SELECT id FROM accounts WHERE name = ?1 AND removed_at IS NULL";
                let Some(id) = c.query_row(sql, [owned], |row| row.get(0)).optional()? else { return Ok(false) };
                change(c, id)?;
                c.execute("DELETE FROM sessions WHERE account = ?1", [id])?;
                Ok(true)
            })
            .await?;
        if found { Ok(()) } else { Err(AccountsError::Unknown(name.to_owned())) }
    }
}

fn check_name(name: &str) -> Result<(), AccountsError> {
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

    fn open() -> (tempfile::TempDir, Accounts) {
        let folder = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::open(folder.path()).unwrap());
        (folder, Accounts::new(database, Arc::new(Hasher::start(2).unwrap())))
    }

    #[tokio::test]
    async fn an_account_lives_its_life() {
        let (_folder, accounts) = open();
        let alice = accounts.add("alice", "correct horse".into(), true).await.unwrap();
        assert!(matches!(accounts.add("ALICE", "another one".into(), false).await, Err(AccountsError::Taken(_))));
        assert_eq!(accounts.verify("alice", "correct horse".into()).await.unwrap(), Some(alice.clone()));
        assert_eq!(accounts.verify("alice", "wrong".into()).await.unwrap(), None);
        assert_eq!(accounts.verify("nobody", "correct horse".into()).await.unwrap(), None);
        accounts.set_password("alice", "battery staple".into()).await.unwrap();
        assert_eq!(accounts.verify("alice", "correct horse".into()).await.unwrap(), None);
        assert_eq!(accounts.verify("Alice", "battery staple".into()).await.unwrap(), Some(alice));
        let rows = accounts.list().await.unwrap();
        assert_eq!((rows.len(), rows[0].publisher), (1, true));
        accounts.remove("alice").await.unwrap();
        assert!(accounts.list().await.unwrap().is_empty());
        assert_eq!(accounts.verify("alice", "battery staple".into()).await.unwrap(), None);
        assert!(matches!(accounts.remove("alice").await, Err(AccountsError::Unknown(_))));
        assert!(matches!(accounts.add("alice", "correct horse".into(), false).await, Err(AccountsError::Taken(_))));
    }

    #[tokio::test]
    async fn names_and_passwords_keep_their_limits() {
        let (_folder, accounts) = open();
        for name in ["", "a b", "a/b", "a\n", &"x".repeat(NAME_MAX + 1)] {
            assert!(matches!(accounts.add(name, "correct horse".into(), false).await, Err(AccountsError::Name(_))));
        }
        for password in ["", "1234567", &"x".repeat(PASSWORD_MAX + 1)] {
            assert!(matches!(accounts.add("bob", password.into(), false).await, Err(AccountsError::Password)));
        }
        accounts.add(&"窓".repeat(NAME_MAX / 3), "12345678".into(), false).await.unwrap();
    }
}

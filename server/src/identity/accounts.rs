//! Accounts: making, listing and removing them, changing passwords, and checking a login.

use super::{AccountId, Hasher, HasherError};
use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError, Row, params};
use relay::vocabulary::{Member, NAME_MAX, PASSWORD_MAX};
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
    fn read(row: &Row<'_>) -> Result<Self, DatabaseError> {
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
                c.query_optional(sql, params![owned, hash, publisher, unix_ms()], |row| row.get(0))
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
        let sql = "SELECT id, name, publisher, created_at FROM accounts WHERE removed_at IS NULL ORDER BY lower(name)";
        Ok(self.database.read(move |c| c.query(sql, &[], AccountRow::read)).await?)
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
        let name = folded(name);
        let sql = "SELECT id, name FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok(Member { id: row.get(0)?, name: row.get(1)? });
        self.database.read(move |c| c.query_optional(sql, params![name], read)).await
    }

    /// The account whose name and password these are. Takes as long for a name that does not exist.
    ///
    /// # Errors
    /// [`AccountsError::Hasher`] when too many log in at once, [`AccountsError::Database`].
    pub async fn verify(&self, name: &str, password: String) -> Result<Option<Member>, AccountsError> {
        let name = folded(name);
        let sql = "SELECT id, name, password FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let read = |row: &Row<'_>| Ok((Member { id: row.get(0)?, name: row.get(1)? }, row.get::<String>(2)?));
        let found = self.database.read(move |c| c.query_optional(sql, params![name], read)).await?;
        let (member, stored) = found.unzip();
        let fits = self.hasher.verify(password, stored).await?;
        Ok(member.filter(|_| fits))
    }

    async fn change<F>(&self, name: &str, change: F) -> Result<(), AccountsError>
    where
        F: FnOnce(&Connection, AccountId) -> Result<u64, DatabaseError> + Send + 'static,
    {
        let folded = folded(name);
        let found = self
            .database
            .write(move |c| {
                let sql = "SELECT id FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
                let Some(id) = c.query_optional(sql, params![folded], |row| row.get(0))? else { return Ok(false) };
                change(c, id)?;
                c.execute("DELETE FROM sessions WHERE account = ?1", params![id])?;
                Ok(true)
            })
            .await?;
        if found { Ok(()) } else { Err(AccountsError::Unknown(name.to_owned())) }
    }
}

/// A name as it is compared: capitals of ASCII are the same as small letters, as in the database.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
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
    use crate::database::both::{Engine, Home, on_both};

    fn open(engine: Engine) -> (Home, Accounts) {
        let home = Home::of(engine);
        let database = Arc::new(home.open().unwrap());
        (home, Accounts::new(database, Arc::new(Hasher::start(2).unwrap())))
    }

    async fn an_account_lives_its_life(engine: Engine) {
        let (_home, accounts) = open(engine);
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

    async fn names_and_passwords_keep_their_limits(engine: Engine) {
        let (_home, accounts) = open(engine);
        for name in ["", "a b", "a/b", "a\n", &"x".repeat(NAME_MAX + 1)] {
            assert!(matches!(accounts.add(name, "correct horse".into(), false).await, Err(AccountsError::Name(_))));
        }
        for password in ["", "1234567", &"x".repeat(PASSWORD_MAX + 1)] {
            assert!(matches!(accounts.add("bob", password.into(), false).await, Err(AccountsError::Password)));
        }
        accounts.add(&"窓".repeat(NAME_MAX / 3), "12345678".into(), false).await.unwrap();
    }

    on_both!(an_account_lives_its_life, names_and_passwords_keep_their_limits);
}

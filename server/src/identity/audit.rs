//! The log of administrative acts and logins: who, what, when, from where. An entry is written in the transaction of
//! what it tells of.

use super::{AccountId, Identity};
use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError, Row, params};
use relay::vocabulary::{Account, AuditEntry, AuditPage, PAGE_MAX};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How many entries are looked through at once for accounts that something happened to.
const BATCH: u32 = 500;

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub(super) account: Option<AccountId>,
    pub(super) origin: String,
}

impl Actor {
    /// Whoever sits at the server's command line.
    pub fn console() -> Self {
        Self { account: None, origin: "console".to_owned() }
    }

    /// Someone who has shown a session.
    pub fn known(identity: &Identity, address: IpAddr) -> Self {
        Self { account: Some(identity.account), origin: address.to_canonical().to_string() }
    }

    /// Someone who has not shown who it is.
    pub fn stranger(address: IpAddr) -> Self {
        Self { account: None, origin: address.to_canonical().to_string() }
    }

    /// The same, once it is known who it is.
    #[must_use]
    pub(super) fn proven(&self, account: AccountId) -> Self {
        Self { account: Some(account), origin: self.origin.clone() }
    }
}

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $word:literal),* $(,)?) => {
        /// What is done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Act {
            $($(#[$doc])* $act),*
        }

        impl Act {
            /// As it stands in the log.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$act => $word),*
                }
            }
        }
    };
}
acts! {
    /// A session was opened with a password.
    Login = "login",
    /// Name or password was wrong, or the account is locked.
    LoginFailed = "login.failed",
    /// A session was opened with another one.
    SessionOpened = "session.opened",
    /// Sessions were ended.
    SessionsEnded = "session.ended",
    /// A token for a bot or a script was made.
    TokenMade = "token.made",
    /// Such a token was revoked.
    TokenRevoked = "token.revoked",
    /// A token was shown after it had been replaced: someone else has a copy of it.
    TokenReused = "session.token_reused",
    /// An account was made.
    AccountMade = "account.made",
    /// Someone joined by an invitation or by registering.
    Joined = "account.joined",
    /// An account was removed.
    AccountRemoved = "account.removed",
    /// An account was locked.
    Locked = "account.locked",
    /// An account was unlocked.
    Unlocked = "account.unlocked",
    /// A role was changed.
    RoleChanged = "account.role",
    /// A password was changed by its owner or set by an administrator.
    PasswordChanged = "password.changed",
    /// A reset code was made.
    ResetMade = "password.reset_made",
    /// A reset code was used.
    ResetUsed = "password.reset_used",
    /// A reset code was wrong.
    ResetFailed = "password.reset_failed",
    /// An invitation was made.
    InvitationMade = "invitation.made",
    /// An invitation was withdrawn.
    InvitationWithdrawn = "invitation.withdrawn",
    /// An invitation's code was wrong.
    InvitationFailed = "invitation.failed",
    /// A right on a thing was given.
    Granted = "grant.given",
    /// A right on a thing was taken away.
    Ungranted = "grant.taken",
}

/// Writes an entry, in the caller's transaction.
///
/// # Errors
/// [`DatabaseError`].
pub fn note(
    c: &Connection,
    actor: &Actor,
    act: Act,
    subject: Option<AccountId>,
    detail: &str,
) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO audit (at, actor, origin, act, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    c.execute(sql, params![unix_ms(), actor.account, actor.origin, act.word(), subject, detail]).map(drop)
}

/// The log.
#[derive(Debug, Clone)]
pub struct Audit {
    database: Arc<Database>,
}

impl Audit {
    /// The log in `database`.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Writes an entry about something that changed nothing, such as a login that failed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn note(&self, actor: Actor, act: Act, subject: Option<AccountId>) -> Result<(), DatabaseError> {
        self.database.write(move |c| note(c, &actor, act, subject, "")).await
    }

    /// The entries before `before`, the newest first, at most `limit`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn page(&self, before: Option<u64>, limit: u32) -> Result<AuditPage, DatabaseError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let sql = "SELECT e.id, e.at, e.actor, actor.name, e.origin, e.act, e.subject, subject.name, e.detail
                   FROM audit e LEFT JOIN accounts actor ON actor.id = e.actor
                       LEFT JOIN accounts subject ON subject.id = e.subject
                   WHERE e.id < ?1 ORDER BY e.id DESC LIMIT ?2";
        let before = before.unwrap_or(u64::MAX);
        let mut entries = self.database.read(move |c| c.query(sql, params![before, limit + 1], entry)).await?;
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        Ok(AuditPage { entries, more })
    }

    /// The accounts that something happened to after entry `after`, and the last entry there is. Whatever process did it:
    /// this is how a server hears of what the command line changed.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn since(&self, after: u64) -> Result<(Vec<AccountId>, u64), DatabaseError> {
        let sql = "SELECT id, subject FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";
        let read = |row: &Row<'_>| Ok((row.get::<u64>(0)?, row.get::<Option<AccountId>>(1)?));
        let entries = self.database.read(move |c| c.query(sql, params![after, BATCH], read)).await?;
        let last = entries.last().map_or(after, |(id, _)| *id);
        let mut accounts: Vec<AccountId> = entries.into_iter().filter_map(|(_, subject)| subject).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Ok((accounts, last))
    }

    /// The last entry there is; 0 if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn last(&self) -> Result<u64, DatabaseError> {
        self.database.read(|c| c.query_row("SELECT coalesce(max(id), 0) FROM audit", &[], |row| row.get(0))).await
    }

    /// Forgets what is older than `kept`, but never the newest entry.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget(&self, kept: Duration) -> Result<u64, DatabaseError> {
        let before = unix_ms().saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX));
        let sql = "DELETE FROM audit WHERE at < ?1 AND id < (SELECT max(id) FROM audit)";
        self.database.write(move |c| c.execute(sql, params![before])).await
    }
}

fn entry(row: &Row<'_>) -> Result<AuditEntry, DatabaseError> {
    let account = |id: usize| -> Result<Option<Account>, DatabaseError> {
        let (id, name) = (row.get::<Option<AccountId>>(id)?, row.get::<Option<String>>(id + 1)?);
        Ok(id.map(|id| Account { id, name: name.unwrap_or_default() }))
    };
    Ok(AuditEntry {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: account(2)?,
        from: row.get(4)?,
        act: row.get(5)?,
        subject: account(6)?,
        detail: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};

    async fn the_log_is_read_in_pages_and_followed(engine: Engine) {
        let home = Home::of(engine);
        let audit = Audit::new(Arc::new(home.open().unwrap()));
        let sql = "INSERT INTO accounts (name, password, created_at) VALUES ('alice', '', 0)";
        audit.database.write(move |c| c.execute(sql, &[])).await.unwrap();
        assert_eq!((audit.last().await.unwrap(), audit.since(0).await.unwrap()), (0, (vec![], 0)));
        let actor = Actor::stranger("::ffff:192.0.2.7".parse().unwrap());
        for n in 0..5 {
            audit.note(actor.clone(), Act::LoginFailed, (n % 2 == 0).then_some(1)).await.unwrap();
        }
        let page = audit.page(None, 2).await.unwrap();
        let ids = |page: &AuditPage| page.entries.iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!((ids(&page), page.more), (vec![5, 4], true));
        let first = &page.entries[0];
        assert_eq!((first.from.as_str(), first.act.as_str(), &first.actor), ("192.0.2.7", "login.failed", &None));
        assert_eq!(first.subject, Some(Account { id: 1, name: "alice".into() }));
        let rest = audit.page(Some(4), 200).await.unwrap();
        assert_eq!((ids(&rest), rest.more), (vec![3, 2, 1], false));
        assert_eq!(audit.since(0).await.unwrap(), (vec![1], 5));
        assert_eq!(audit.since(4).await.unwrap(), (vec![1], 5));
        assert_eq!(audit.since(5).await.unwrap(), (vec![], 5));
        assert_eq!(audit.forget(Duration::from_secs(60)).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(audit.forget(Duration::ZERO).await.unwrap(), 4);
        assert_eq!(audit.last().await.unwrap(), 5);
    }

    on_both!(the_log_is_read_in_pages_and_followed);
}

//! Sessions: what a login gives. The token is 256 random bits; the database knows only its hash.

use super::{AccountId, Identity, SessionId};
use crate::clock::unix_ms;
use crate::database::{Database, DatabaseError, Row, params};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::time::Duration;

const TOKEN_BYTES: usize = 32;
/// How many sessions one account may have; the oldest ends when there are more.
const PER_ACCOUNT: u32 = 64;

/// What a client shows to prove its session, as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; TOKEN_BYTES]);

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session is {} hexadecimal digits", TOKEN_BYTES * 2)]
pub struct TokenError;

impl Token {
    fn random() -> Result<Self, DatabaseError> {
        let mut bytes = [0; TOKEN_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| DatabaseError::Stopped)?;
        Ok(Self(bytes))
    }

    /// Reads what a client shows.
    ///
    /// # Errors
    /// [`TokenError`] for anything else than 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut bytes = [0; TOKEN_BYTES];
        if text.len() != TOKEN_BYTES * 2 || !text.is_ascii() {
            return Err(TokenError);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| TokenError)?;
            // `from_str_radix` alone would take a sign.
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(TokenError);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| TokenError)?;
        }
        Ok(Self(bytes))
    }

    /// The token for its owner's eyes.
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn hash(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A session just opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What to show from now on.
    pub token: Token,
    /// Whose it is.
    pub identity: Identity,
}

/// All sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    database: Arc<Database>,
    lifetime: Duration,
}

impl Sessions {
    /// The sessions in `database`; new ones live for `lifetime`.
    pub fn new(database: Arc<Database>, lifetime: Duration) -> Self {
        Self { database, lifetime }
    }

    /// Opens a session for an account whose password was just checked. Expired ones are cleared away meanwhile.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(&self, account: AccountId, device: &str) -> Result<Option<Opened>, DatabaseError> {
        let token = Token::random()?;
        let (hash, device, now) = (token.hash(), device.to_owned(), unix_ms());
        let expires_at = now.saturating_add(u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX / 4));
        let identity = self
            .database
            .write(move |c| {
                c.execute("DELETE FROM sessions WHERE expires_at <= ?1", params![now])?;
                let insert = "INSERT INTO sessions (token, account, device, created_at, expires_at)
                              SELECT ?1, id, ?3, ?4, ?5 FROM accounts WHERE id = ?2 AND removed_at IS NULL
                              RETURNING id";
                let inserted = params![hash, account, device, now, expires_at];
                let Some(session) = c.query_optional(insert, inserted, |row| row.get::<SessionId>(0))? else {
                    return Ok(None);
                };
                let surplus = "DELETE FROM sessions WHERE account = ?1 AND id NOT IN
                               (SELECT id FROM sessions WHERE account = ?1 ORDER BY id DESC LIMIT ?2)";
                c.execute(surplus, params![account, PER_ACCOUNT])?;
                c.query_optional(&format!("{SELECT} WHERE s.id = ?1"), params![session], identity)
            })
            .await?;
        Ok(identity.map(|identity| Opened { token, identity }))
    }

    /// Who shows this token; `None` if it is unknown, ended or expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn identify(&self, token: &Token) -> Result<Option<Identity>, DatabaseError> {
        let hash = token.hash();
        let sql = format!("{SELECT} WHERE s.token = ?1 AND s.expires_at > ?2");
        self.database.read(move |c| c.query_optional(&sql, params![hash, unix_ms()], identity)).await
    }

    /// Which of `sessions` have ended, been removed or expired.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn ended(&self, sessions: Vec<SessionId>) -> Result<Vec<SessionId>, DatabaseError> {
        self.database
            .read(move |c| {
                let now = unix_ms();
                let alive = "SELECT 1 FROM sessions WHERE id = ?1 AND expires_at > ?2";
                let mut ended = Vec::new();
                for session in sessions {
                    if !c.exists(alive, params![session, now])? {
                        ended.push(session);
                    }
                }
                Ok(ended)
            })
            .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn close(&self, session: SessionId) -> Result<(), DatabaseError> {
        self.database.write(move |c| c.execute("DELETE FROM sessions WHERE id = ?1", params![session])).await?;
        Ok(())
    }
}

const SELECT: &str = "SELECT a.id, a.name, a.publisher, s.id, s.expires_at, s.device
                      FROM sessions s JOIN accounts a ON a.id = s.account AND a.removed_at IS NULL";

fn identity(row: &Row<'_>) -> Result<Identity, DatabaseError> {
    Ok(Identity {
        account: row.get(0)?,
        name: row.get(1)?,
        publisher: row.get(2)?,
        session: row.get(3)?,
        expires_at: row.get(4)?,
        device: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Accounts, Hasher};

    async fn open(engine: Engine, lifetime: Duration) -> (Home, Accounts, Sessions, AccountId) {
        let home = Home::of(engine);
        let database = Arc::new(home.open().unwrap());
        let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(1).unwrap()));
        let alice = accounts.add("alice", "correct horse".into(), false).await.unwrap().id;
        (home, accounts, Sessions::new(database, lifetime), alice)
    }

    async fn a_session_opens_identifies_and_closes(engine: Engine) {
        let (_home, _, sessions, alice) = open(engine, Duration::from_secs(60)).await;
        let opened = sessions.open(alice, "desk").await.unwrap().unwrap();
        let shown = Token::parse(&opened.token.reveal()).unwrap();
        let identity = sessions.identify(&shown).await.unwrap().unwrap();
        assert_eq!((identity.account, identity.device.as_str()), (alice, "desk"));
        assert_eq!(identity, opened.identity);
        assert!(sessions.ended(vec![identity.session]).await.unwrap().is_empty());
        sessions.close(identity.session).await.unwrap();
        assert_eq!(sessions.identify(&shown).await.unwrap(), None);
        assert_eq!(sessions.ended(vec![identity.session]).await.unwrap(), vec![identity.session]);
    }

    async fn an_expired_session_is_none(engine: Engine) {
        let (_home, _, sessions, alice) = open(engine, Duration::ZERO).await;
        let opened = sessions.open(alice, "desk").await.unwrap().unwrap();
        assert_eq!(sessions.identify(&opened.token).await.unwrap(), None);
    }

    async fn a_new_password_and_a_removed_account_end_all_sessions(engine: Engine) {
        let (_home, accounts, sessions, alice) = open(engine, Duration::from_secs(60)).await;
        let opened = sessions.open(alice, "desk").await.unwrap().unwrap();
        accounts.set_password("alice", "battery staple".into()).await.unwrap();
        assert_eq!(sessions.identify(&opened.token).await.unwrap(), None);
        let opened = sessions.open(alice, "desk").await.unwrap().unwrap();
        accounts.remove("alice").await.unwrap();
        assert_eq!(sessions.identify(&opened.token).await.unwrap(), None);
        assert!(sessions.open(alice, "desk").await.unwrap().is_none());
    }

    async fn the_oldest_sessions_give_way(engine: Engine) {
        let (_home, _, sessions, alice) = open(engine, Duration::from_secs(60)).await;
        let first = sessions.open(alice, "desk").await.unwrap().unwrap();
        for _ in 0..PER_ACCOUNT {
            sessions.open(alice, "desk").await.unwrap().unwrap();
        }
        assert_eq!(sessions.identify(&first.token).await.unwrap(), None);
    }

    on_both!(
        a_session_opens_identifies_and_closes,
        an_expired_session_is_none,
        a_new_password_and_a_removed_account_end_all_sessions,
        the_oldest_sessions_give_way,
    );

    #[test]
    fn only_whole_tokens_are_read() {
        assert!(Token::parse(&"0".repeat(64)).is_ok());
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(Token::parse(bad), Err(TokenError), "{bad}");
        }
    }
}

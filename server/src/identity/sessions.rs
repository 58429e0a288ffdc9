//! Sessions: what a login gives, one for each device. They are listed, ended, and renewed with a new token.
//!
//! A renewed session has two tokens until the new one is first shown: an answer that was lost on its way locks nobody
//! out. From then on the former one proves that someone else has a copy of it, and ends the session.

use super::accounts::role;
use super::audit::{self, Act, Actor};
use super::token::Token;
use super::{AccountId, Identity, SessionId};
use crate::clock::unix_ms;
use crate::database::{Connection, Database, DatabaseError, Row, params};
use relay::vocabulary::DeviceSession;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How many sessions one account may have; the one unused for longest ends when there are more.
const PER_ACCOUNT: u32 = 64;
/// How exactly it is known when a session was last shown: noting it costs a write.
const SEEN_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From one renewal to the next.
    pub renewed: Duration,
    /// In all, however often it is renewed.
    pub longest: Duration,
}

/// A session just opened or renewed.
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
    pub(super) database: Arc<Database>,
    lifetime: Lifetime,
}

impl Sessions {
    /// The sessions in `database`.
    pub fn new(database: Arc<Database>, lifetime: Lifetime) -> Self {
        Self { database, lifetime }
    }

    /// Opens a session for an account that was just proven. Expired ones are cleared away meanwhile. `None` if the
    /// account has been removed or locked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(
        &self,
        account: AccountId,
        device: &str,
        act: Act,
        by: Actor,
    ) -> Result<Option<Opened>, DatabaseError> {
        let token = Token::random()?;
        let (hash, device, now) = (token.hash(), device.to_owned(), unix_ms());
        let expires_at = now.saturating_add(milliseconds(self.lifetime.renewed.min(self.lifetime.longest)));
        let identity = self
            .database
            .write(move |c| {
                c.execute("DELETE FROM sessions WHERE expires_at <= ?1", params![now])?;
                let insert = "INSERT INTO sessions (token, account, device, created_at, expires_at, seen_at, address)
                              SELECT ?1, id, ?3, ?4, ?5, ?4, ?6 FROM accounts
                              WHERE id = ?2 AND removed_at IS NULL AND locked_at IS NULL RETURNING id";
                let inserted = params![hash, account, device, now, expires_at, by.origin];
                let Some(session) = c.query_optional(insert, inserted, |row| row.get::<SessionId>(0))? else {
                    return Ok(None);
                };
                let surplus = "DELETE FROM sessions WHERE account = ?1 AND id <> ?2 AND lasting = 0 AND id NOT IN
                               (SELECT id FROM sessions WHERE account = ?1 AND lasting = 0 ORDER BY seen_at DESC, id DESC LIMIT ?3)";
                c.execute(surplus, params![account, session, PER_ACCOUNT])?;
                audit::note(c, &by.proven(account), act, Some(account), &device)?;
                c.query_optional(&format!("{SELECT} WHERE s.id = ?1"), params![session], identity)
            })
            .await?;
        Ok(identity.map(|identity| Opened { token, identity }))
    }

    /// Who shows this token; `None` if it is unknown, ended or expired, or its account is locked.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn identify(&self, token: &Token, from: IpAddr) -> Result<Option<Identity>, DatabaseError> {
        let (hash, now) = (token.hash(), unix_ms());
        let sql = format!("{SELECT} WHERE (s.token = ?1 OR s.former = ?1) AND s.expires_at > ?2");
        let shown = hash.clone();
        let Some((identity, state)) =
            self.database.read(move |c| c.query_optional(&sql, params![shown, now], both)).await?
        else {
            return Ok(None);
        };
        let is_former = state.token != hash;
        let from = from.to_canonical().to_string();
        if is_former && !state.former_good {
            return self.stolen(identity, hash, from).await.map(|()| None);
        }
        let settles = state.former_good && !is_former;
        if settles || now.saturating_sub(state.seen_at) >= milliseconds(SEEN_EVERY) {
            let session = identity.session;
            let sql = "UPDATE sessions SET seen_at = ?2, address = ?3,
                           former_good = CASE WHEN token = ?4 THEN 0 ELSE former_good END WHERE id = ?1";
            self.database.write(move |c| c.execute(sql, params![session, now, from, hash])).await?;
        }
        Ok(Some(identity))
    }

    /// A new token for a session, and a new span of life, within the longest that it may have.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn renew(&self, session: SessionId) -> Result<Option<Opened>, DatabaseError> {
        let token = Token::random()?;
        let (hash, now) = (token.hash(), unix_ms());
        let renewed = now.saturating_add(milliseconds(self.lifetime.renewed));
        let longest = milliseconds(self.lifetime.longest);
        let identity = self
            .database
            .write(move |c| {
                // Renewed twice before the new token was shown: the one still good is the former one.
                let sql = "UPDATE sessions SET
                               former = CASE WHEN former_good = 1 THEN former ELSE token END, former_good = 1, token = ?2,
                               expires_at = CASE WHEN created_at + ?4 < ?3 THEN created_at + ?4 ELSE ?3 END
                           WHERE id = ?1 AND expires_at > ?5 AND lasting = 0";
                c.execute(sql, params![session, hash, renewed, longest, now])?;
                let sql = format!("{SELECT} WHERE s.id = ?1 AND s.expires_at > ?2 AND s.lasting = 0");
                c.query_optional(&sql, params![session, now], identity)
            })
            .await?;
        Ok(identity.map(|identity| Opened { token, identity }))
    }

    /// The sessions of an account that go on, as they are known now.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn standing(&self, account: AccountId) -> Result<Vec<Identity>, DatabaseError> {
        let sql = format!("{SELECT} WHERE s.account = ?1 AND s.expires_at > ?2");
        self.database.read(move |c| c.query(&sql, params![account, unix_ms()], identity)).await
    }

    /// The sessions of an account for its owner's eyes, the one shown last first. `current` is the one that asks.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn list(
        &self,
        account: AccountId,
        current: Option<SessionId>,
    ) -> Result<Vec<DeviceSession>, DatabaseError> {
        let sql = "SELECT id, device, created_at, seen_at, address, expires_at FROM sessions
                   WHERE account = ?1 AND expires_at > ?2 AND lasting = 0 ORDER BY seen_at DESC, id DESC";
        let read = move |row: &Row<'_>| {
            let id = row.get(0)?;
            Ok(DeviceSession {
                id,
                device: row.get(1)?,
                created_at: row.get(2)?,
                seen_at: row.get(3)?,
                address: row.get(4)?,
                expires_at: row.get(5)?,
                current: current == Some(id),
            })
        };
        self.database.read(move |c| c.query(sql, params![account, unix_ms()], read)).await
    }

    /// Ends a session of an account. False if it has none of that number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn end(&self, account: AccountId, session: SessionId, by: Actor) -> Result<bool, DatabaseError> {
        let sql = "DELETE FROM sessions WHERE account = ?1 AND id = ?2";
        self.database.write(move |c| ended(c, account, &by, c.execute(sql, params![account, session])?)).await
    }

    /// Ends every session of an account but `keep`, and if none is kept, every token as well. False if there was none to
    /// end.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn end_others(
        &self,
        account: AccountId,
        keep: Option<SessionId>,
        by: Actor,
    ) -> Result<bool, DatabaseError> {
        // No session has the number 0.
        let keep = keep.unwrap_or_default();
        let sql = "DELETE FROM sessions WHERE account = ?1 AND id <> ?2 AND (lasting = 0 OR ?2 = 0)";
        self.database.write(move |c| ended(c, account, &by, c.execute(sql, params![account, keep])?)).await
    }

    /// Ends a session whose token was shown after it had been replaced.
    async fn stolen(&self, identity: Identity, former: Vec<u8>, origin: String) -> Result<(), DatabaseError> {
        tracing::warn!(account = identity.account, origin, "a replaced token was shown: its session is ended");
        self.database
            .write(move |c| {
                let sql = "DELETE FROM sessions WHERE id = ?1 AND former = ?2";
                c.execute(sql, params![identity.session, former])?;
                let by = Actor { account: None, origin };
                audit::note(c, &by, Act::TokenReused, Some(identity.account), &identity.device)
            })
            .await
    }
}

fn ended(c: &Connection, account: AccountId, by: &Actor, count: u64) -> Result<bool, DatabaseError> {
    if count > 0 {
        audit::note(c, by, Act::SessionsEnded, Some(account), &count.to_string())?;
    }
    Ok(count > 0)
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 4)
}

const SELECT: &str = "SELECT a.id, a.name, a.role, s.id, s.expires_at, s.device, s.token, s.former_good, s.seen_at
                      FROM sessions s JOIN accounts a
                          ON a.id = s.account AND a.removed_at IS NULL AND a.locked_at IS NULL";

fn identity(row: &Row<'_>) -> Result<Identity, DatabaseError> {
    Ok(Identity {
        account: row.get(0)?,
        name: row.get(1)?,
        role: role(&row.get::<String>(2)?),
        session: row.get(3)?,
        expires_at: row.get(4)?,
        device: row.get(5)?,
    })
}

/// What decides whether a token is good.
struct TokenState {
    token: Vec<u8>,
    former_good: bool,
    seen_at: u64,
}

fn both(row: &Row<'_>) -> Result<(Identity, TokenState), DatabaseError> {
    Ok((identity(row)?, TokenState { token: row.get(6)?, former_good: row.get(7)?, seen_at: row.get(8)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Accounts, Audit, Hasher};
    use relay::vocabulary::Role;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const LONG: Duration = Duration::from_secs(60);

    struct World {
        _home: Home,
        accounts: Accounts,
        sessions: Sessions,
        audit: Audit,
        alice: AccountId,
    }

    impl World {
        async fn of(engine: Engine, renewed: Duration, longest: Duration) -> Self {
            let home = Home::of(engine);
            let database = Arc::new(home.open().unwrap());
            let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(1).unwrap()));
            let alice = accounts.add("alice", None, Role::Provider, Actor::console()).await.unwrap().id;
            let sessions = Sessions::new(database.clone(), Lifetime { renewed, longest });
            Self { _home: home, accounts, sessions, audit: Audit::new(database), alice }
        }

        async fn open(&self, device: &str) -> Opened {
            let opened = self.sessions.open(self.alice, device, Act::Login, Actor::stranger(HERE));
            opened.await.unwrap().unwrap()
        }

        async fn who(&self, token: &Token) -> Option<Identity> {
            self.sessions.identify(token, HERE).await.unwrap()
        }
    }

    async fn a_session_opens_identifies_and_ends(engine: Engine) {
        let world = World::of(engine, LONG, LONG).await;
        let (opened, other) = (world.open("desk").await, world.open("phone").await);
        let shown = Token::parse(&opened.token.reveal()).unwrap();
        let identity = world.who(&shown).await.unwrap();
        assert_eq!((identity.account, identity.device.as_str(), identity.role), (world.alice, "desk", Role::Provider));
        assert_eq!(identity, opened.identity);
        assert_eq!(world.sessions.standing(world.alice).await.unwrap().len(), 2);
        let list = world.sessions.list(world.alice, Some(identity.session)).await.unwrap();
        let seen: Vec<_> = list.iter().map(|one| (one.device.as_str(), one.current, one.address.as_str())).collect();
        assert_eq!(seen, [("phone", false, "127.0.0.1"), ("desk", true, "127.0.0.1")]);
        let by = || Actor::known(&identity, HERE);
        assert!(!world.sessions.end(world.alice + 1, identity.session, by()).await.unwrap());
        assert!(world.sessions.end(world.alice, identity.session, by()).await.unwrap());
        assert_eq!(world.who(&shown).await, None);
        let third = world.open("tablet").await;
        assert!(world.sessions.end_others(world.alice, Some(third.identity.session), by()).await.unwrap());
        assert!(world.who(&other.token).await.is_none() && world.who(&third.token).await.is_some());
        let acts: Vec<_> = world.audit.page(None, 4).await.unwrap().entries.into_iter().map(|e| e.act).collect();
        assert_eq!(acts, ["session.ended", "login", "session.ended", "login"]);
    }

    async fn an_expired_session_is_none(engine: Engine) {
        let world = World::of(engine, Duration::ZERO, LONG).await;
        let opened = world.open("desk").await;
        assert_eq!(world.who(&opened.token).await, None);
        assert!(world.sessions.standing(world.alice).await.unwrap().is_empty());
        assert!(world.sessions.renew(opened.identity.session).await.unwrap().is_none());
    }

    async fn a_renewed_session_takes_the_old_token_until_the_new_one_is_shown(engine: Engine) {
        let world = World::of(engine, LONG, Duration::from_secs(3600)).await;
        let first = world.open("desk").await;
        let session = first.identity.session;
        // Two answers are lost; the third arrives.
        let _lost = world.sessions.renew(session).await.unwrap().unwrap();
        assert_eq!(world.who(&first.token).await.unwrap().session, session);
        let lost = world.sessions.renew(session).await.unwrap().unwrap();
        let second = world.sessions.renew(session).await.unwrap().unwrap();
        assert!(second.identity.expires_at >= first.identity.expires_at);
        assert!(world.who(&lost.token).await.is_none());
        assert_eq!(world.who(&first.token).await.unwrap().session, session);
        assert_eq!(world.who(&second.token).await.unwrap().session, session);
        // From here on the first one is in wrong hands, and nobody can tell which of both holders is the thief.
        assert_eq!(world.who(&first.token).await, None);
        assert_eq!(world.who(&second.token).await, None);
        let newest = &world.audit.page(None, 1).await.unwrap().entries[0];
        assert_eq!((newest.act.as_str(), newest.from.as_str()), ("session.token_reused", "127.0.0.1"));
    }

    async fn no_renewal_goes_beyond_the_longest_life(engine: Engine) {
        let world = World::of(engine, LONG, Duration::from_secs(61)).await;
        let first = world.open("desk").await;
        let renewed = world.sessions.renew(first.identity.session).await.unwrap().unwrap();
        assert!(renewed.identity.expires_at <= first.identity.expires_at + 1000);
    }

    async fn a_new_password_a_lock_and_a_removal_end_sessions(engine: Engine) {
        let world = World::of(engine, LONG, LONG).await;
        let (desk, phone) = (world.open("desk").await, world.open("phone").await);
        let keep = Some(desk.identity.session);
        world.accounts.set_password(world.alice, "battery staple".into(), keep, Actor::console()).await.unwrap();
        assert!(world.who(&desk.token).await.is_some() && world.who(&phone.token).await.is_none());
        let lock = relay::vocabulary::ChangeAccount { role: None, locked: Some(true) };
        world.accounts.change(world.alice, lock, None, Actor::console()).await.unwrap();
        assert!(world.who(&desk.token).await.is_none());
        let refused = world.sessions.open(world.alice, "desk", Act::Login, Actor::console());
        assert!(refused.await.unwrap().is_none());
        let unlock = relay::vocabulary::ChangeAccount { role: None, locked: Some(false) };
        world.accounts.change(world.alice, unlock, None, Actor::console()).await.unwrap();
        let desk = world.open("desk").await;
        world.accounts.remove(world.alice, None, Actor::console()).await.unwrap();
        assert!(world.who(&desk.token).await.is_none());
    }

    async fn the_least_used_sessions_give_way(engine: Engine) {
        let world = World::of(engine, LONG, LONG).await;
        let first = world.open("desk").await;
        let mut last = first.clone();
        for _ in 0..PER_ACCOUNT {
            last = world.open("desk").await;
        }
        assert!(world.who(&first.token).await.is_none() && world.who(&last.token).await.is_some());
        assert_eq!(world.sessions.list(world.alice, None).await.unwrap().len(), PER_ACCOUNT as usize);
    }

    on_both!(
        a_session_opens_identifies_and_ends,
        an_expired_session_is_none,
        a_renewed_session_takes_the_old_token_until_the_new_one_is_shown,
        no_renewal_goes_beyond_the_longest_life,
        a_new_password_a_lock_and_a_removal_end_sessions,
        the_least_used_sessions_give_way,
    );
}

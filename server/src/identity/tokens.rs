//! Tokens for bots and scripts: sessions with a name that do not end by themselves. Their owner makes, lists and revokes
//! them; a new password, a lock and a removal end them like any session.

use super::sessions::Sessions;
use super::{AccountId, SessionId, Token};
use super::{Act, Actor, audit};
use crate::clock::unix_ms;
use crate::database::{DatabaseError, Row, params};
use relay::vocabulary::{ApiToken, TOKENS_MAX};

/// When a token ends: at the end of the year 9999, which every calendar can write.
const NEVER: u64 = 253_402_300_799_000;

/// Why a token was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// The account has as many as it may.
    #[error("you have {TOKENS_MAX} tokens already: revoke one first, with DELETE /v1/tokens/{{id}}")]
    TooMany,
    /// The account has just been locked or removed.
    #[error("the account is locked or removed")]
    NoAccount,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Sessions {
    /// Makes a token of that name for an account.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub async fn make_token(
        &self,
        account: AccountId,
        name: &str,
        by: Actor,
    ) -> Result<(Token, ApiToken), TokenRefusal> {
        let token = Token::random()?;
        let (hash, device, now) = (token.hash(), name.to_owned(), unix_ms());
        let made = self.database.attempt(move |c| {
            let count = "SELECT count(*) FROM sessions WHERE account = ?1 AND lasting = 1";
            if c.query_row(count, params![account], |row| row.get::<u32>(0))? >= TOKENS_MAX {
                return Err(TokenRefusal::TooMany);
            }
            let insert =
                "INSERT INTO sessions (token, account, device, created_at, expires_at, seen_at, address, lasting)
                          SELECT ?1, id, ?3, ?4, ?5, ?4, '', 1 FROM accounts
                          WHERE id = ?2 AND removed_at IS NULL AND locked_at IS NULL RETURNING id";
            let inserted = params![hash, account, device, now, NEVER];
            let id = c.query_optional(insert, inserted, |row| row.get(0))?.ok_or(TokenRefusal::NoAccount)?;
            audit::note(c, &by, Act::TokenMade, Some(account), &device)?;
            Ok(ApiToken { id, name: device, created_at: now, seen_at: now, address: String::new() })
        });
        Ok((token, made.await?))
    }

    /// The tokens of an account, the newest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn tokens(&self, account: AccountId) -> Result<Vec<ApiToken>, DatabaseError> {
        let sql = "SELECT id, device, created_at, seen_at, address FROM sessions
                   WHERE account = ?1 AND lasting = 1 ORDER BY id DESC";
        let read = |row: &Row<'_>| {
            Ok(ApiToken {
                id: row.get(0)?,
                name: row.get(1)?,
                created_at: row.get(2)?,
                seen_at: row.get(3)?,
                address: row.get(4)?,
            })
        };
        self.database.read(move |c| c.query(sql, params![account], read)).await
    }

    /// Revokes a token of an account. False if it has none of that number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn revoke_token(&self, account: AccountId, token: SessionId, by: Actor) -> Result<bool, DatabaseError> {
        let job = move |c: &crate::database::Connection| {
            let sql = "DELETE FROM sessions WHERE account = ?1 AND id = ?2 AND lasting = 1 RETURNING device";
            let name = c.query_optional(sql, params![account, token], |row| row.get::<String>(0))?;
            if let Some(name) = &name {
                audit::note(c, &by, Act::TokenRevoked, Some(account), name)?;
            }
            Ok(name.is_some())
        };
        self.database.write(job).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Accounts, Hasher, Lifetime};
    use relay::vocabulary::Role;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::time::Duration;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn a_token_outlives_sessions_and_ends_when_its_owner_says_so(engine: Engine) {
        let home = Home::of(engine);
        let database = Arc::new(home.open().unwrap());
        let accounts = Accounts::new(database.clone(), Arc::new(Hasher::start(1).unwrap()));
        let alice = accounts.add("alice", None, Role::Member, Actor::console()).await.unwrap().id;
        // Sessions end at once here.
        let lifetime = Lifetime { renewed: Duration::ZERO, longest: Duration::ZERO };
        let sessions = Sessions::new(database, lifetime);
        let (token, made) = sessions.make_token(alice, "noodle bot", Actor::console()).await.unwrap();
        for _ in 0..70 {
            sessions.open(alice, "desk", Act::Login, Actor::console()).await.unwrap();
        }
        let identity = sessions.identify(&token, HERE).await.unwrap().unwrap();
        assert_eq!((identity.account, identity.device.as_str(), identity.session), (alice, "noodle bot", made.id));
        assert_eq!(sessions.list(alice, None).await.unwrap(), [], "a token is no session to its owner");
        assert_eq!(sessions.tokens(alice).await.unwrap(), std::slice::from_ref(&made));
        assert!(sessions.renew(made.id).await.unwrap().is_none(), "it needs no renewal");
        // Ending all other sessions leaves it; revoking does not.
        sessions.end_others(alice, Some(9_999), Actor::console()).await.unwrap();
        assert!(!sessions.revoke_token(alice + 1, made.id, Actor::console()).await.unwrap());
        assert!(sessions.identify(&token, HERE).await.unwrap().is_some());
        assert!(sessions.revoke_token(alice, made.id, Actor::console()).await.unwrap());
        assert!(sessions.identify(&token, HERE).await.unwrap().is_none());

        for at in 0..TOKENS_MAX {
            sessions.make_token(alice, &format!("bot {at}"), Actor::console()).await.unwrap();
        }
        let refused = sessions.make_token(alice, "one more", Actor::console()).await.unwrap_err();
        assert_eq!(refused, TokenRefusal::TooMany);
        accounts.set_password(alice, "battery staple".into(), None, Actor::console()).await.unwrap();
        assert!(sessions.tokens(alice).await.unwrap().is_empty(), "a new password ends them");
    }

    on_both!(a_token_outlives_sessions_and_ends_when_its_owner_says_so);
}

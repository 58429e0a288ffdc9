//! Grants: what an account may do with one thing, whatever its role.

use super::AccountId;
use super::audit::{self, Act, Actor};
use crate::clock::unix_ms;
use crate::database::{Database, DatabaseError, Row, params};
use relay::vocabulary::{Grant, Right, Thing, Ungrant};
use std::sync::Arc;

/// How many grants an account may have.
const PER_ACCOUNT: u32 = 500;

/// Why a grant was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// No such account.
    #[error("there is no such account")]
    Unknown,
    /// Too many.
    #[error("this account has {PER_ACCOUNT} grants already: take some away, or give it a higher role")]
    TooMany,
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// All grants.
#[derive(Debug, Clone)]
pub struct Grants {
    database: Arc<Database>,
}

impl Grants {
    /// The grants in `database`.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Gives a right, in place of what was given for the same thing before.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn give(&self, grant: Grant, by: Actor) -> Result<(), GrantError> {
        self.database
            .attempt(move |c| {
                let Grant { account, thing, id, right } = &grant;
                if !c.exists("SELECT 1 FROM accounts WHERE id = ?1 AND removed_at IS NULL", params![account])? {
                    return Err(GrantError::Unknown);
                }
                let sql = "INSERT INTO grants (account, thing, id, allows, made_at) VALUES (?1, ?2, ?3, ?4, ?5)
                           ON CONFLICT (account, thing, id) DO UPDATE SET allows = ?4, made_at = ?5";
                c.execute(sql, params![account, thing.word(), id, right.word(), unix_ms()])?;
                let count = "SELECT count(*) FROM grants WHERE account = ?1";
                if c.query_row(count, params![account], |row| row.get::<u32>(0))? > PER_ACCOUNT {
                    return Err(GrantError::TooMany);
                }
                audit::note(c, &by, Act::Granted, Some(*account), &format!("{right} {thing} {id}"))?;
                Ok(())
            })
            .await
    }

    /// Takes a right away. False if there was none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn take(&self, grant: Ungrant, by: Actor) -> Result<bool, DatabaseError> {
        self.database
            .write(move |c| {
                let Ungrant { account, thing, id } = &grant;
                let sql = "DELETE FROM grants WHERE account = ?1 AND thing = ?2 AND id = ?3";
                if c.execute(sql, params![account, thing.word(), id])? == 0 {
                    return Ok(false);
                }
                audit::note(c, &by, Act::Ungranted, Some(*account), &format!("{thing} {id}"))?;
                Ok(true)
            })
            .await
    }

    /// What `account` was given for a thing, if anything.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn of(&self, account: AccountId, thing: Thing, id: &str) -> Result<Option<Right>, DatabaseError> {
        let id = id.to_owned();
        let sql = "SELECT allows FROM grants WHERE account = ?1 AND thing = ?2 AND id = ?3";
        let read = |row: &Row<'_>| row.get::<String>(0);
        let word = self.database.read(move |c| c.query_optional(sql, params![account, thing.word(), id], read)).await?;
        Ok(word.and_then(|word| word.parse().ok()))
    }

    /// Every grant of an account, by thing.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn list(&self, account: AccountId) -> Result<Vec<Grant>, DatabaseError> {
        let sql = "SELECT thing, id, allows FROM grants WHERE account = ?1 ORDER BY thing, id";
        let read = move |row: &Row<'_>| {
            let words = (row.get::<String>(0)?, row.get::<String>(2)?);
            let id = row.get(1)?;
            Ok(words.0.parse().ok().zip(words.1.parse().ok()).map(|(thing, right)| Grant { account, thing, id, right }))
        };
        let grants = self.database.read(move |c| c.query(sql, params![account], read)).await?;
        // What a newer version made is not shown by an older one.
        Ok(grants.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};

    async fn a_grant_is_given_replaced_and_taken(engine: Engine) {
        let home = Home::of(engine);
        let grants = Grants::new(Arc::new(home.open().unwrap()));
        let sql = "INSERT INTO accounts (name, password, created_at) VALUES ('alice', '', 0)";
        grants.database.write(move |c| c.execute(sql, &[])).await.unwrap();
        let grant = |account, right| Grant { account, thing: Thing::Channel, id: "lobby".into(), right };
        let unknown = grants.give(grant(9, Right::Read), Actor::console()).await;
        assert_eq!(unknown, Err(GrantError::Unknown));
        grants.give(grant(1, Right::Read), Actor::console()).await.unwrap();
        grants.give(grant(1, Right::Write), Actor::console()).await.unwrap();
        assert_eq!(grants.of(1, Thing::Channel, "lobby").await.unwrap(), Some(Right::Write));
        assert_eq!(grants.of(1, Thing::Channel, "hall").await.unwrap(), None);
        assert_eq!(grants.of(1, Thing::Feed, "lobby").await.unwrap(), None);
        assert_eq!(grants.list(1).await.unwrap(), [grant(1, Right::Write)]);
        let ungrant = Ungrant { account: 1, thing: Thing::Channel, id: "lobby".into() };
        assert!(grants.take(ungrant.clone(), Actor::console()).await.unwrap());
        assert!(!grants.take(ungrant, Actor::console()).await.unwrap());
        assert_eq!(grants.of(1, Thing::Channel, "lobby").await.unwrap(), None);
        for n in 0..PER_ACCOUNT {
            let grant = Grant { id: n.to_string(), ..grant(1, Right::Read) };
            grants.give(grant, Actor::console()).await.unwrap();
        }
        assert_eq!(grants.give(grant(1, Right::Read), Actor::console()).await, Err(GrantError::TooMany));
        assert_eq!(grants.list(1).await.unwrap().len(), PER_ACCOUNT as usize);
    }

    on_both!(a_grant_is_given_replaced_and_taken);
}

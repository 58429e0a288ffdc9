//! Resets: an administrator makes a one-time code, its receiver sets a new password with it.

use super::accounts::{AccountsError, folded};
use super::audit::{self, Act, Actor};
use super::changes::{replace_password, standing};
use super::secret::{Code, NoRandomness, same};
use super::{AccountId, Accounts};
use crate::clock::unix_ms;
use crate::database::{DatabaseError, Row, params};
use relay::vocabulary::{ResetCode, Role};
use std::time::Duration;

/// How long a code is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);

/// Why a code was not made or did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResetError {
    /// The code is wrong, was used, is too old, or is another account's. Which of these, nobody is told.
    #[error(
        "the code is not good for this account, was used already, or is too old: ask the administrator for another"
    )]
    WrongCode,
    /// The account or the password.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// No code could be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<DatabaseError> for ResetError {
    fn from(error: DatabaseError) -> Self {
        Self::Accounts(error.into())
    }
}

impl Accounts {
    /// Makes a code in place of one that may be there. The account's sessions go on until it is used. `rank` is the role
    /// of who does it; the command line has none.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn make_reset(&self, account: AccountId, rank: Option<Role>, by: Actor) -> Result<ResetCode, ResetError> {
        let code = Code::random()?;
        let hash = code.hash();
        let expires_at = unix_ms() + u64::try_from(GOOD_FOR.as_millis()).unwrap_or_default();
        self.database
            .attempt(move |c| {
                standing(c, account)?;
                if rank.is_some_and(|rank| rank < Role::Administrator) {
                    return Err(AccountsError::Rank);
                }
                let sql = "INSERT INTO reset_codes (account, code, expires_at) VALUES (?1, ?2, ?3)
                           ON CONFLICT (account) DO UPDATE SET code = ?2, expires_at = ?3";
                c.execute(sql, params![account, hash, expires_at])?;
                audit::note(c, &by, Act::ResetMade, Some(account), "")?;
                Ok(())
            })
            .await?;
        Ok(ResetCode { code: code.reveal(), expires_at })
    }

    /// Sets a new password by a code, which ends all sessions. Takes as long whatever is wrong.
    ///
    /// # Errors
    /// [`ResetError`].
    pub async fn redeem_reset(&self, name: &str, code: &str, password: String, by: Actor) -> Result<(), ResetError> {
        let hash = self.hashed(password).await?;
        let (name, code) = (folded(name), Code::typed(code).hash());
        let done = self
            .database
            .write(move |c| {
                let sql =
                    "SELECT a.id, r.code, r.expires_at FROM accounts a LEFT JOIN reset_codes r ON r.account = a.id
                           WHERE lower(a.name) = ?1 AND a.removed_at IS NULL";
                let read = |row: &Row<'_>| {
                    let stored = row.get::<Option<Vec<u8>>>(1)?.zip(row.get::<Option<u64>>(2)?);
                    Ok((row.get::<AccountId>(0)?, stored))
                };
                let (account, stored) = c.query_optional(sql, params![name], read)?.unzip();
                let good = stored.flatten().is_some_and(|(stored, until)| same(&stored, &code) && until > unix_ms());
                if let Some(account) = account.filter(|_| good) {
                    replace_password(c, account, &hash, None)?;
                    audit::note(c, &by.proven(account), Act::ResetUsed, Some(account), "")?;
                    return Ok(true);
                }
                audit::note(c, &by, Act::ResetFailed, account, "")?;
                Ok(false)
            })
            .await?;
        if done { Ok(()) } else { Err(ResetError::WrongCode) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::{Claim, Hasher, Passwords, Proof, Prover};
    use std::sync::Arc;

    async fn a_code_sets_a_password_once(engine: Engine) {
        let home = Home::of(engine);
        let accounts = Accounts::new(Arc::new(home.open().unwrap()), Arc::new(Hasher::start(1).unwrap()));
        let by = Actor::console;
        let alice = accounts.add("alice", None, Role::Member, by()).await.unwrap().id;
        let bob = accounts.add("bob", None, Role::Member, by()).await.unwrap().id;
        let moderator = accounts.make_reset(alice, Some(Role::Moderator), by()).await;
        assert_eq!(moderator.unwrap_err(), ResetError::Accounts(AccountsError::Rank));
        let replaced = accounts.make_reset(alice, None, by()).await.unwrap();
        let code = accounts.make_reset(alice, Some(Role::Administrator), by()).await.unwrap().code;
        accounts.make_reset(bob, None, by()).await.unwrap();
        let redeem = |name: &str, code: &str, password: &str| {
            let (accounts, name, code) = (accounts.clone(), name.to_owned(), code.to_owned());
            let password = password.to_owned();
            async move { accounts.redeem_reset(&name, &code, password, by()).await }
        };
        for (name, wrong) in [("alice", replaced.code.as_str()), ("bob", &code), ("nobody", &code), ("alice", "")] {
            assert_eq!(redeem(name, wrong, "battery staple").await, Err(ResetError::WrongCode), "{name}");
        }
        let short = redeem("alice", &code, "short").await;
        assert_eq!(short, Err(ResetError::Accounts(AccountsError::Password)), "and the code is still good");
        redeem("Alice", &code.to_lowercase(), "battery staple").await.unwrap();
        assert_eq!(redeem("alice", &code, "another one").await, Err(ResetError::WrongCode));
        let claim = Claim::Password { name: "alice".into(), password: "battery staple".into() };
        assert_eq!(Passwords::new(&accounts).prove(claim).await, Ok(Proof::Proven { account: alice }));

        let old = accounts.make_reset(alice, None, by()).await.unwrap();
        assert!(old.expires_at > unix_ms() + 23 * 3_600_000);
        let sql = "UPDATE reset_codes SET expires_at = ?1";
        accounts.database.write(move |c| c.execute(sql, params![unix_ms()])).await.unwrap();
        assert_eq!(redeem("alice", &old.code, "another one").await, Err(ResetError::WrongCode));
    }

    on_both!(a_code_sets_a_password_once);
}

//! Who proves an identity: the accounts' own passwords now; a directory (LDAP, OpenID Connect) can stand in their place.

use super::accounts::folded;
use super::{AccountId, Accounts, Hasher, HasherError};
use crate::database::{Database, DatabaseError, Row, params};
use std::pin::Pin;
use std::sync::Arc;

/// What someone shows to prove who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// Name and password.
    Password {
        /// Name of the account.
        name: String,
        /// Its password.
        password: String,
    },
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { name, .. } => f.debug_struct("Password").field("name", name).finish_non_exhaustive(),
        }
    }
}

/// What a claim proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is this account's owner.
    Proven {
        /// The account.
        account: AccountId,
    },
    /// It is, but the account is locked.
    Locked {
        /// The account.
        account: AccountId,
    },
    /// It proves nothing.
    Wrong {
        /// The account that was claimed, if there is one. For the log alone: nobody outside may learn of it.
        account: Option<AccountId>,
    },
}

/// Why a claim was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Passwords cannot be checked, or too many wait.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// An answer that comes later.
pub type Proving<'a> = Pin<Box<dyn Future<Output = Result<Proof, ProofError>> + Send + 'a>>;

/// Proves identities. Takes as long for an account that does not exist, and for a wrong claim as for a right one.
pub trait Prover: std::fmt::Debug + Send + Sync {
    /// Looks at a claim.
    fn prove(&self, claim: Claim) -> Proving<'_>;
}

/// Proves by the passwords that the accounts have here.
#[derive(Debug, Clone)]
pub struct Passwords {
    database: Arc<Database>,
    hasher: Arc<Hasher>,
}

impl Passwords {
    /// The passwords of these accounts.
    pub fn new(accounts: &Accounts) -> Self {
        Self { database: accounts.database.clone(), hasher: accounts.hasher.clone() }
    }

    async fn look(&self, name: &str, password: String) -> Result<Proof, ProofError> {
        let name = folded(name);
        let sql = "SELECT id, locked_at, password FROM accounts WHERE lower(name) = ?1 AND removed_at IS NULL";
        let read =
            |row: &Row<'_>| Ok((row.get::<AccountId>(0)?, row.get::<Option<u64>>(1)?.is_some(), row.get::<String>(2)?));
        let found = self.database.read(move |c| c.query_optional(sql, params![name], read)).await?;
        let account = found.as_ref().map(|(account, ..)| *account);
        let locked = found.as_ref().is_some_and(|(_, locked, _)| *locked);
        // An account that has no password yet is checked against nobody's, as one that does not exist.
        let stored = found.map(|(.., stored)| stored).filter(|stored| !stored.is_empty());
        let fits = self.hasher.verify(password, stored).await?;
        Ok(match account {
            Some(account) if fits && locked => Proof::Locked { account },
            Some(account) if fits => Proof::Proven { account },
            account => Proof::Wrong { account },
        })
    }
}

impl Prover for Passwords {
    fn prove(&self, claim: Claim) -> Proving<'_> {
        match claim {
            Claim::Password { name, password } => Box::pin(async move { self.look(&name, password).await }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home};
    use crate::identity::Actor;
    use relay::vocabulary::Role;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
        let home = Home::of(Engine::Sqlite);
        let accounts = Accounts::new(Arc::new(home.open().unwrap()), Arc::new(Hasher::start(1).unwrap()));
        for (name, password) in [("alice", Some("correct horse".to_owned())), ("new", None)] {
            accounts.add(name, password, Role::Member, Actor::console()).await.unwrap();
        }
        let passwords = Passwords::new(&accounts);
        let mut fastest = std::collections::HashMap::new();
        // Whatever is skipped shows: a hash takes many milliseconds, all the rest less than one. A busy machine only needs
        // more rounds until each name had its quiet moment.
        let alike = |fastest: &std::collections::HashMap<&str, Duration>| {
            let known = fastest["alice"];
            ["new", "nobody"].iter().all(|name| fastest[name] > known / 2 && fastest[name] < known * 2)
        };
        for round in 0..80 {
            if round >= 8 && alike(&fastest) {
                break;
            }
            for name in ["alice", "new", "nobody"] {
                let begun = Instant::now();
                let claim = Claim::Password { name: name.into(), password: "wrong".into() };
                assert!(matches!(passwords.prove(claim).await.unwrap(), Proof::Wrong { .. }));
                let took: &mut Duration = fastest.entry(name).or_insert(Duration::MAX);
                *took = begun.elapsed().min(*took);
            }
        }
        assert!(alike(&fastest), "{fastest:?}");
    }
}

//! Invitations: links by which people make their own accounts; and registering without one, where that is allowed.

use super::accounts::{self, AccountsError, role};
use super::audit::{self, Act, Actor};
use super::secret::{Code, NoRandomness};
use super::{AccountId, Accounts};
use crate::clock::unix_ms;
use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{Invitation, Invite, Member, PAGE_MAX, Role};

/// How many hours an invitation is good unless it is said otherwise: a week.
const HOURS: u32 = 7 * 24;
/// How many invitations may be good at a time.
const AT_A_TIME: u32 = 1_000;

/// Why nobody was invited or nobody joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The code is wrong, used up, withdrawn or too old. Which of these, nobody is told.
    #[error("this invitation is not good: it was used up or withdrawn, or is too old; ask for another")]
    WrongCode,
    /// Without a code nobody joins here.
    #[error("this server takes nobody without an invitation: ask its administrator for one")]
    InvitationNeeded,
    /// Too many invitations.
    #[error("{AT_A_TIME} invitations are good at this time: withdraw some")]
    TooMany,
    /// Name or password.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// No code could be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<DatabaseError> for JoinError {
    fn from(error: DatabaseError) -> Self {
        Self::Accounts(error.into())
    }
}

impl Accounts {
    /// Makes an invitation and its code, which is not seen again.
    ///
    /// # Errors
    /// [`JoinError::TooMany`], [`JoinError::NoRandomness`], or the database's.
    pub async fn invite(&self, invite: Invite, by: Actor) -> Result<(Invitation, Code), JoinError> {
        let code = Code::random()?;
        let (hash, now) = (code.hash(), unix_ms());
        let expires_at = now + u64::from(invite.hours.unwrap_or(HOURS)) * 3_600_000;
        let invitation = self
            .database
            .attempt(move |c| {
                c.execute("DELETE FROM invitations WHERE expires_at <= ?1 OR uses_left = 0", params![now])?;
                if c.query_row("SELECT count(*) FROM invitations", &[], |row| row.get::<u32>(0))? >= AT_A_TIME {
                    return Err(JoinError::TooMany);
                }
                let sql = "INSERT INTO invitations (code, made_by, role, note, uses_left, created_at, expires_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
                let (role, uses_left) = (invite.role, invite.uses.unwrap_or(1));
                let word = role.word();
                let inserted = params![hash, by.account, word, invite.note, uses_left, now, expires_at];
                let id = c.query_row(sql, inserted, |row| row.get(0))?;
                audit::note(c, &by, Act::InvitationMade, None, &format!("{id} for {uses_left} as {role}"))?;
                Ok(Invitation { id, role, uses_left, used: 0, expires_at, note: invite.note })
            })
            .await?;
        Ok((invitation, code))
    }

    /// A page of the invitations that are good, the newest first, and whether more follow. At most [`PAGE_MAX`].
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn invitations(&self, before: Option<u64>, limit: u32) -> Result<(Vec<Invitation>, bool), DatabaseError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let before = before.unwrap_or(u64::MAX);
        let sql = "SELECT id, role, uses_left, used, expires_at, note FROM invitations
                   WHERE expires_at > ?1 AND uses_left > 0 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        let read = |row: &Row<'_>| {
            Ok(Invitation {
                id: row.get(0)?,
                role: role(&row.get::<String>(1)?),
                uses_left: row.get(2)?,
                used: row.get(3)?,
                expires_at: row.get(4)?,
                note: row.get(5)?,
            })
        };
        let page = move |c: &Connection| c.query(sql, params![unix_ms(), before, limit + 1], read);
        let mut page = self.database.read(page).await?;
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        Ok((page, more))
    }

    /// Withdraws an invitation. False if there is none of that number.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn withdraw(&self, invitation: u64, by: Actor) -> Result<bool, DatabaseError> {
        self.database
            .write(move |c| {
                if c.execute("DELETE FROM invitations WHERE id = ?1", params![invitation])? == 0 {
                    return Ok(false);
                }
                audit::note(c, &by, Act::InvitationWithdrawn, None, &invitation.to_string())?;
                Ok(true)
            })
            .await
    }

    /// Makes an account by an invitation, or without one where `open` says that everyone may register. Takes as long
    /// whatever is wrong with a code.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(
        &self,
        code: Option<&str>,
        open: bool,
        name: &str,
        password: String,
        by: Actor,
    ) -> Result<Member, JoinError> {
        if code.is_none() && !open {
            return Err(JoinError::InvitationNeeded);
        }
        accounts::check_name(name)?;
        let hash = self.hashed(password).await?;
        let (code, name) = (code.map(|code| Code::typed(code).hash()), name.to_owned());
        self.database
            .attempt(move |c| {
                let role = match code {
                    None => Role::Member,
                    Some(code) => {
                        let sql = "UPDATE invitations SET uses_left = uses_left - 1, used = used + 1
                                   WHERE code = ?1 AND uses_left > 0 AND expires_at > ?2 RETURNING role";
                        let read = |row: &Row<'_>| Ok(role(&row.get::<String>(0)?));
                        c.query_optional(sql, params![code, unix_ms()], read)?.ok_or(JoinError::WrongCode)?
                    }
                };
                let member = accounts::insert(c, &name, &hash, role)?;
                audit::note(c, &by.proven(member.id), Act::Joined, Some(member.id), role.word())?;
                Ok(member)
            })
            .await
    }

    /// Notes that someone showed a wrong code.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn note_wrong_invitation(&self, by: Actor) -> Result<(), DatabaseError> {
        let nobody: Option<AccountId> = None;
        self.database.write(move |c| audit::note(c, &by, Act::InvitationFailed, nobody, "")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::both::{Engine, Home, on_both};
    use crate::identity::Hasher;
    use std::sync::Arc;

    fn open(engine: Engine) -> (Home, Accounts) {
        let home = Home::of(engine);
        let accounts = Accounts::new(Arc::new(home.open().unwrap()), Arc::new(Hasher::start(2).unwrap()));
        (home, accounts)
    }

    async fn join(accounts: &Accounts, code: Option<&str>, name: &str) -> Result<Member, JoinError> {
        accounts.join(code, false, name, "correct horse".into(), Actor::console()).await
    }

    async fn an_invitation_is_good_for_as_many_as_it_says(engine: Engine) {
        let (_home, accounts) = open(engine);
        let invite = Invite { uses: Some(2), role: Role::Provider, note: "studio".into(), hours: None };
        let (invitation, code) = accounts.invite(invite, Actor::console()).await.unwrap();
        let code = code.reveal();
        let alice = join(&accounts, Some(&code), "alice").await.unwrap();
        assert_eq!(accounts.entry(alice.id).await.unwrap().unwrap().role, Role::Provider);
        // A name that is taken costs no use.
        let taken = join(&accounts, Some(&code), "ALICE").await;
        assert_eq!(taken, Err(JoinError::Accounts(AccountsError::Taken("ALICE".into()))));
        let left = accounts.invitations(None, 100).await.unwrap().0;
        assert_eq!((left[0].id, left[0].uses_left, left[0].used), (invitation.id, 1, 1));
        // Of many at once only one gets the last use.
        let mut joining = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (accounts, code) = (accounts.clone(), code.clone());
            joining.spawn(async move { join(&accounts, Some(&code), &format!("someone{n}")).await });
        }
        let outcomes = joining.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(JoinError::WrongCode))));
        assert!(accounts.invitations(None, 100).await.unwrap().0.is_empty());
    }

    async fn what_is_no_good_invitation_lets_nobody_in(engine: Engine) {
        let (_home, accounts) = open(engine);
        assert_eq!(join(&accounts, None, "alice").await, Err(JoinError::InvitationNeeded));
        assert_eq!(join(&accounts, Some("WHAT-EVER"), "alice").await, Err(JoinError::WrongCode));
        let (withdrawn, code) = accounts.invite(Invite::default(), Actor::console()).await.unwrap();
        assert!(accounts.withdraw(withdrawn.id, Actor::console()).await.unwrap());
        assert!(!accounts.withdraw(withdrawn.id, Actor::console()).await.unwrap());
        assert_eq!(join(&accounts, Some(&code.reveal()), "alice").await, Err(JoinError::WrongCode));
        let (_, old) = accounts.invite(Invite::default(), Actor::console()).await.unwrap();
        let sql = "UPDATE invitations SET expires_at = ?1";
        accounts.database.write(move |c| c.execute(sql, params![unix_ms()])).await.unwrap();
        assert_eq!(join(&accounts, Some(&old.reveal()), "alice").await, Err(JoinError::WrongCode));
        let registered = accounts.join(None, true, "alice", "correct horse".into(), Actor::console()).await.unwrap();
        assert_eq!(accounts.entry(registered.id).await.unwrap().unwrap().role, Role::Member);
    }

    on_both!(an_invitation_is_good_for_as_many_as_it_says, what_is_no_good_invitation_lets_nobody_in);
}

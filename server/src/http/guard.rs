//! The guard before everything that can be guessed: passwords, reset codes, invitations.

use super::problem::Refused;
use crate::identity::{Act, Actor, Attempt, Claim, Proof};
use crate::state::State;
use relay::vocabulary::{Problem, code};
use std::net::IpAddr;

/// Begins an attempt on an account, or on none in particular.
pub(super) fn begin(state: &State, name: Option<&str>, address: IpAddr) -> Result<Attempt, Refused> {
    Ok(state.backoff.begin(name, address, state.clock.elapsed()).map_err(|wait| {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let detail = format!("Too many wrong attempts. Try again in {} s.", wait.div_ceil(1000));
        Problem::new(429, code::TOO_MANY_ATTEMPTS, detail).retry_after_ms(wait)
    })?)
}

pub(super) fn failed(state: &State, attempt: Attempt) {
    state.backoff.failed(attempt, state.clock.elapsed());
}

pub(super) fn succeeded(state: &State, attempt: Attempt) {
    state.backoff.succeeded(attempt, state.clock.elapsed());
}

/// The account whose name and password these are. An unknown name, a wrong password and a name without a password are
/// answered alike, after the same time; that an account is locked hears only who knows its password.
pub(super) async fn prove(
    state: &State,
    name: &str,
    password: String,
    address: IpAddr,
) -> Result<crate::identity::AccountId, Refused> {
    let attempt = begin(state, Some(name), address)?;
    let claim = Claim::Password { name: name.to_owned(), password };
    let (account, problem) = match state.prover.prove(claim).await? {
        Proof::Proven { account } => {
            succeeded(state, attempt);
            return Ok(account);
        }
        Proof::Locked { account } => {
            succeeded(state, attempt);
            let detail = "This account is locked. Ask the server's administrator.";
            (Some(account), Problem::new(403, code::ACCOUNT_LOCKED, detail))
        }
        Proof::Wrong { account } => {
            failed(state, attempt);
            let detail = "There is no account with this name and password. Check both.";
            (account, Problem::new(401, code::WRONG_PASSWORD, detail))
        }
    };
    tracing::info!(user = name, %address, code = %problem.code, "a login failed");
    state.audit.note(Actor::stranger(address), Act::LoginFailed, account).await?;
    Err(problem.into())
}

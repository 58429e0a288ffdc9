//! `komado-server admin`: accounts, invitations, sessions, grants and the log, for whoever may sit at the server. Works
//! while the server runs, which hears of changes within seconds: both share the database.

mod grant;
mod invite;
mod log;
mod password;
mod session;
mod token;
pub(super) mod user;

use super::{Fault, Place, settle};
use clap::Subcommand;
use server::Config;
use server::config::Layer;
use server::database::Database;
use server::identity::{Accounts, Audit, Grants, Hasher, Lifetime, Profiles, Sessions};
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Accounts: make, list, lock and remove them, give roles and passwords
    #[command(subcommand)]
    User(user::User),
    /// Invitations: links by which people make their own accounts
    #[command(subcommand)]
    Invite(invite::Invite),
    /// Sessions: where an account is logged in
    #[command(subcommand)]
    Session(session::Session),
    /// Tokens: what bots and scripts show instead of a session
    #[command(subcommand)]
    Token(token::Token),
    /// Grants: what an account may do with one channel, feed, page or chat
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Show who did what: logins and what administrators did, the newest first
    Log(log::Log),
}

pub(super) fn run(admin: Admin) -> Result<(), Fault> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        match admin {
            Admin::User(user) => user::carry_out(user).await,
            Admin::Invite(invite) => invite::carry_out(invite).await,
            Admin::Session(session) => session::carry_out(session).await,
            Admin::Token(token) => token::carry_out(token).await,
            Admin::Grant(grant) => grant::carry_out(grant).await,
            Admin::Log(log) => log::carry_out(log).await,
        }
    })
}

/// What the commands work with.
struct Office {
    config: Config,
    accounts: Accounts,
    sessions: Sessions,
    profiles: Profiles,
    grants: Grants,
    audit: Audit,
}

impl Office {
    fn open(place: Place) -> Result<Self, Fault> {
        let Place { file, data, database } = place;
        let config = settle(file, Layer { data, database, ..Layer::default() })?;
        let database = Arc::new(Database::open(&config.location())?);
        let lifetime = Lifetime { renewed: config.session, longest: config.longest_session };
        Ok(Self {
            accounts: Accounts::new(database.clone(), Arc::new(Hasher::start(1)?)),
            sessions: Sessions::new(database.clone(), lifetime),
            profiles: Profiles::new(database.clone(), &config.data),
            grants: Grants::new(database.clone()),
            audit: Audit::new(database),
            config,
        })
    }
}

/// A time as people read it: UTC, to the second (RFC 3339).
fn spelled(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's days-to-civil, for days since 1970: years begin in March, 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_calendars_do() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(spelled(unix * 1000 + 999), text);
        }
    }
}

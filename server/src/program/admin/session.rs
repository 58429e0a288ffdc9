//! `komado-server admin session`: where an account is logged in.

use super::super::{Fault, Place};
use super::{Office, spelled};
use clap::Subcommand;
use server::identity::Actor;

#[derive(Debug, Subcommand)]
pub(in crate::program) enum Session {
    /// List an account's sessions: number, device, last seen, from where, until when
    List {
        /// The account's name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// End a session, or all of an account's
    End {
        /// The account's name
        name: String,
        /// The session's number in `session list`; without it, all of them
        id: Option<u64>,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn carry_out(session: Session) -> Result<(), Fault> {
    match session {
        Session::List { name, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            for session in office.sessions.list(account, None).await? {
                let (seen, until) = (spelled(session.seen_at), spelled(session.expires_at));
                println!("{}\t{}\t{seen}\t{}\t{until}", session.id, session.device, session.address);
            }
        }
        Session::End { name, id, place } => {
            let office = Office::open(place)?;
            let account = office.accounts.named(&name).await?.id;
            let ended = match id {
                Some(id) => office.sessions.end(account, id, Actor::console()).await?,
                None => office.sessions.end_others(account, None, Actor::console()).await?,
            };
            if !ended {
                return Err(format!("{name} has no such session: `komado-server admin session list {name}`").into());
            }
            println!("{name} must log in again there");
        }
    }
    Ok(())
}

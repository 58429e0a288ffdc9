//! The people of a measurement: accounts, sessions and contacts, put into the server's database before it starts. To join
//! as people do would take a password's hash for each, which is meant to be slow.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use server::Config;
use server::database::{Connection, Database, DatabaseError, params};
use server::identity::{Act, Actor, Lifetime, Sessions};
use tokio::task::JoinSet;

use super::Options;
use crate::failure::BenchError;
use crate::linked::runtime;

/// Makes everyone; gives a session for each, the person whose presence is watched first.
pub fn make(folder: &Path, options: &Options) -> Result<Vec<String>, BenchError> {
    let database = Arc::new(Database::open(&Config::in_folder(folder).location()).map_err(refused)?);
    let (people, watchers, contacts) = (options.links as u64 + 1, options.watchers as u64, options.contacts as u64);
    runtime()?.block_on(async {
        let job = move |c: &Connection| {
            for account in 1..=people {
                let sql = "INSERT INTO accounts (id, name, password, created_at) VALUES (?1, ?2, '', 0)";
                c.execute(sql, params![account, format!("person{account}")])?;
            }
            for watcher in 2..2 + watchers {
                befriend(c, 1, watcher)?;
            }
            // Everyone else stands in a ring and knows those around.
            let others = people - 1;
            for person in 0..others {
                for distance in 1..=(contacts / 2).min(others.saturating_sub(1) / 2) {
                    befriend(c, 2 + person, 2 + (person + distance) % others)?;
                }
            }
            Ok(())
        };
        database.write(job).await.map_err(refused)?;
        let lifetime = Lifetime { renewed: SESSION, longest: SESSION };
        let sessions = Sessions::new(database.clone(), lifetime);
        let mut opening = JoinSet::new();
        let mut tokens = vec![String::new(); options.links + 1];
        for account in 1..=people {
            if opening.len() >= AT_ONCE
                && let Some(opened) = opening.join_next().await
            {
                put(&mut tokens, opened.map_err(refused)?)?;
            }
            let sessions = sessions.clone();
            opening.spawn(async move {
                (account, sessions.open(account, "bench", Act::SessionOpened, Actor::console()).await)
            });
        }
        while let Some(opened) = opening.join_next().await {
            put(&mut tokens, opened.map_err(refused)?)?;
        }
        Ok(tokens)
    })
}

type Opened = (u64, Result<Option<server::identity::Opened>, DatabaseError>);

fn put(tokens: &mut [String], (account, opened): Opened) -> Result<(), BenchError> {
    let opened = opened.map_err(refused)?.ok_or_else(|| refused("an account just made has no session"))?;
    if let Some(token) = tokens.get_mut(account as usize - 1) {
        *token = opened.token.reveal();
    }
    Ok(())
}

fn befriend(c: &Connection, one: u64, other: u64) -> Result<(), DatabaseError> {
    for (account, contact) in [(one, other), (other, one)] {
        let sql = "INSERT INTO contacts (account, contact, since) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING";
        c.execute(sql, params![account, contact])?;
    }
    Ok(())
}

fn refused(error: impl Display) -> BenchError {
    BenchError::Refused(format!("preparing the server's database: {error}"))
}

const SESSION: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: usize = 256;

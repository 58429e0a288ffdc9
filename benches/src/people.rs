//! People of a measurement: accounts and their sessions, put into the server's database before it starts. To join as people
//! do would take a password's hash for each, which is meant to be slow.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use server::Config;
use server::database::{Connection, Database, DatabaseError, params};
use server::identity::{Act, Actor, Lifetime, Sessions};
use tokio::task::JoinSet;

use crate::failure::BenchError;

/// The database that a server with its data in `folder` opens.
pub fn database(folder: &Path) -> Result<Arc<Database>, BenchError> {
    Ok(Arc::new(Database::open(&Config::in_folder(folder).location()).map_err(unprepared)?))
}

/// The accounts 1 to `people`.
pub fn add(c: &Connection, people: u64) -> Result<(), DatabaseError> {
    for account in 1..=people {
        let sql = "INSERT INTO accounts (id, name, password, created_at) VALUES (?1, ?2, '', 0)";
        c.execute(sql, params![account, format!("person{account}")])?;
    }
    Ok(())
}

/// A session for each of the accounts 1 to `people`, in their order.
pub async fn sessions(database: &Arc<Database>, people: u64) -> Result<Vec<String>, BenchError> {
    let sessions = Sessions::new(database.clone(), Lifetime { renewed: SESSION, longest: SESSION });
    let mut opening = JoinSet::new();
    let mut tokens = vec![String::new(); people as usize];
    for account in 1..=people {
        if opening.len() >= AT_ONCE
            && let Some(opened) = opening.join_next().await
        {
            put(&mut tokens, opened.map_err(unprepared)?)?;
        }
        let sessions = sessions.clone();
        opening.spawn(
            async move { (account, sessions.open(account, "bench", Act::SessionOpened, Actor::console()).await) },
        );
    }
    while let Some(opened) = opening.join_next().await {
        put(&mut tokens, opened.map_err(unprepared)?)?;
    }
    Ok(tokens)
}

type Opened = (u64, Result<Option<server::identity::Opened>, DatabaseError>);

fn put(tokens: &mut [String], (account, opened): Opened) -> Result<(), BenchError> {
    let opened = opened.map_err(unprepared)?.ok_or_else(|| unprepared("an account just made has no session"))?;
    if let Some(token) = tokens.get_mut(account as usize - 1) {
        *token = opened.token.reveal();
    }
    Ok(())
}

/// For `map_err`: what went wrong before the server started.
pub fn unprepared(error: impl Display) -> BenchError {
    BenchError::Refused(format!("preparing the server's database: {error}"))
}

const SESSION: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: usize = 256;

//! The people of a measurement, with their contacts.

use std::path::Path;

use server::database::{Connection, DatabaseError, params};

use super::Options;
use crate::failure::BenchError;
use crate::linked::runtime;
use crate::people::{self, unprepared};

/// Makes everyone; gives a session for each, the person whose presence is watched first.
pub fn make(folder: &Path, options: &Options) -> Result<Vec<String>, BenchError> {
    let database = people::database(folder)?;
    let (people, watchers, contacts) = (options.links as u64 + 1, options.watchers as u64, options.contacts as u64);
    runtime()?.block_on(async {
        let job = move |c: &Connection| {
            people::add(c, people)?;
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
            Ok::<_, DatabaseError>(())
        };
        database.write(job).await.map_err(unprepared)?;
        people::sessions(&database, people).await
    })
}

fn befriend(c: &Connection, one: u64, other: u64) -> Result<(), DatabaseError> {
    for (account, contact) in [(one, other), (other, one)] {
        let sql = "INSERT INTO contacts (account, contact, since) VALUES (?1, ?2, 0) ON CONFLICT DO NOTHING";
        c.execute(sql, params![account, contact])?;
    }
    Ok(())
}

//! The chat of a measurement and its members, put into the server's database before it starts.

use std::path::Path;

use server::database::{Connection, DatabaseError, params};

use crate::failure::BenchError;
use crate::linked::runtime;
use crate::people::{self, unprepared};

/// The number of the chat.
pub const CHAT: u64 = 1;
/// The number of its track.
pub const TRACK: u64 = 4 * CHAT + 1;

/// Makes everyone and the chat in which they are; gives a session for each.
pub fn make(folder: &Path, members: u64) -> Result<Vec<String>, BenchError> {
    let database = people::database(folder)?;
    runtime()?.block_on(async {
        let job = move |c: &Connection| {
            people::add(c, members)?;
            let sql = "INSERT INTO chats (id, kind, creator, key, name, created_at) VALUES (?1, 1, 1, 'bench', '', 0)";
            c.execute(sql, params![CHAT])?;
            for account in 1..=members {
                // The owner is the first.
                let sql =
                    "INSERT INTO members (chat, account, role) VALUES (?1, ?2, CASE WHEN ?2 = 1 THEN 2 ELSE 0 END)";
                c.execute(sql, params![CHAT, account])?;
            }
            Ok::<_, DatabaseError>(())
        };
        database.write(job).await.map_err(unprepared)?;
        people::sessions(&database, members).await
    })
}

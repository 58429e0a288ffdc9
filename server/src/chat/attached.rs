//! Files that hang on lines: hanging them there, and taking them off when nothing is left of the line.

use super::refusal::ChatRefusal;
use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{Attachment, ChatId};

/// Hangs complete files of `owner` on a line.
pub(super) fn attach(
    c: &Connection,
    chat: ChatId,
    sequence: u64,
    owner: u64,
    files: &[String],
) -> Result<Vec<Attachment>, ChatRefusal> {
    let mut attached: Vec<Attachment> = Vec::new();
    for file in files {
        if attached.iter().any(|known| known.id == *file) {
            continue;
        }
        let found = attachment(c, owner, file)?.ok_or_else(|| ChatRefusal::NoFile(file.clone()))?;
        let sql = "INSERT INTO attachments (file, chat, sequence) VALUES (?1, ?2, ?3)";
        c.execute(sql, params![file, chat, sequence])?;
        attached.push(found);
    }
    Ok(attached)
}

/// Takes every file off a line. Files that hang nowhere any more are removed by the upkeep of files.
pub(super) fn detach(c: &Connection, chat: ChatId, sequence: u64) -> Result<(), DatabaseError> {
    let release = "UPDATE files SET released = 1
                   WHERE id IN (SELECT file FROM attachments WHERE chat = ?1 AND sequence = ?2)";
    c.execute(release, params![chat, sequence])?;
    c.execute("DELETE FROM attachments WHERE chat = ?1 AND sequence = ?2", params![chat, sequence]).map(drop)
}

/// A complete file of `owner`.
pub(super) fn attachment(c: &Connection, owner: u64, file: &str) -> Result<Option<Attachment>, DatabaseError> {
    let sql = "SELECT id, name, media, size, details FROM files WHERE id = ?1 AND owner = ?2 AND hash IS NOT NULL";
    c.query_optional(sql, params![file, owner], |row: &Row<'_>| {
        let details: Option<String> = row.get(4)?;
        let details: crate::file::Details = match details {
            Some(json) => serde_json::from_str(&json)
                .map_err(|error| DatabaseError::Sql(format!("a file's details cannot be read: {error}")))?,
            None => crate::file::Details::default(),
        };
        Ok(Attachment {
            id: row.get(0)?,
            name: row.get(1)?,
            media: row.get(2)?,
            size: row.get(3)?,
            picture: details.picture,
            voice: details.voice,
        })
    })
}

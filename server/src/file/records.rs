//! Files in the database: what was announced, what is whole, who may have it, what nobody needs any more.

use super::{Details, FileRefusal};
use crate::database::{Connection, DatabaseError, Row, params};
use relay::vocabulary::{FileProgress, PIECE_MAX, SendFile};

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) media: String,
    pub(super) size: u64,
    /// Set when all of it is there.
    pub(super) hash: Option<String>,
    pub(super) thumbnail: Option<String>,
    pub(super) details: Details,
}

impl Record {
    pub(super) fn progress(&self, received: u64) -> FileProgress {
        let complete = self.hash.is_some();
        FileProgress { id: self.id.clone(), received, size: self.size, complete, piece_max: PIECE_MAX }
    }

    pub(super) fn finished(&self) -> FileProgress {
        self.progress(self.size)
    }
}

const COLUMNS: &str = "f.id, f.name, f.media, f.size, f.hash, f.thumbnail, f.details";

fn read(row: &Row<'_>) -> Result<Record, DatabaseError> {
    let details: Option<String> = row.get(6)?;
    let parsed = details.as_deref().map(serde_json::from_str).transpose();
    let details: Option<Details> =
        parsed.map_err(|error| DatabaseError::Sql(format!("a file's details cannot be read: {error}")))?;
    Ok(Record {
        id: row.get(0)?,
        name: row.get(1)?,
        media: row.get(2)?,
        size: row.get(3)?,
        hash: row.get(4)?,
        thumbnail: row.get(5)?,
        details: details.unwrap_or_default(),
    })
}

/// Writes an announced file down, unless its key is known.
pub(super) fn announce(
    c: &Connection,
    id: &str,
    owner: u64,
    file: &SendFile,
    quota: u64,
    now: u64,
) -> Result<Record, FileRefusal> {
    let known = format!("SELECT {COLUMNS} FROM files f WHERE f.owner = ?1 AND f.key = ?2");
    if let Some(known) = c.query_optional(&known, params![owner, file.key], read)? {
        let same = (known.size, known.name.as_str()) == (file.size, file.name.as_str());
        return if same { Ok(known) } else { Err(FileRefusal::OtherFile) };
    }
    let all = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM files WHERE owner = ?1";
    let all: u64 = c.query_row(all, params![owner], |row| row.get(0))?;
    if all.saturating_add(file.size) > quota {
        return Err(FileRefusal::Quota(quota));
    }
    let details = Details { picture: None, voice: file.voice.clone() };
    let insert = "INSERT INTO files (id, owner, key, name, media, size, details, created_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    c.execute(insert, params![id, owner, file.key, file.name, file.media, file.size, written(&details)?, now])?;
    Ok(Record {
        id: id.to_owned(),
        name: file.name.clone(),
        media: file.media.clone(),
        size: file.size,
        hash: None,
        thumbnail: None,
        details,
    })
}

/// All of a file is there.
pub(super) fn complete(
    c: &Connection,
    id: &str,
    hash: &str,
    thumbnail: Option<&str>,
    details: &Details,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE files SET hash = ?2, thumbnail = ?3, details = ?4 WHERE id = ?1";
    c.execute(sql, params![id, hash, thumbnail, written(details)?]).map(drop)
}

/// A file that someone sent.
pub(super) fn owned(c: &Connection, owner: u64, id: &str) -> Result<Option<Record>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM files f WHERE f.id = ?1 AND f.owner = ?2");
    c.query_optional(&sql, params![id, owner], read)
}

/// A file that is whole and that someone may have: their own, one on a line that they may read, a picture of their chat.
pub(super) fn readable(c: &Connection, account: u64, id: &str) -> Result<Option<Record>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM files f WHERE f.id = ?1 AND f.hash IS NOT NULL AND (f.owner = ?2
             OR EXISTS (SELECT 1 FROM attachments t JOIN chats ON chats.id = t.chat
                        JOIN members m ON m.chat = t.chat AND m.account = ?2
                        WHERE t.file = f.id AND t.sequence > m.since
                            AND (m.standing = 0 OR chats.kind = 0 AND m.standing < 3))
             OR EXISTS (SELECT 1 FROM chats JOIN members m ON m.chat = chats.id AND m.account = ?2
                        WHERE chats.picture = f.id AND m.standing < 3))"
    );
    c.query_optional(&sql, params![id, account], read)
}

/// A file that is removed, with the contents that it had.
#[derive(Debug)]
pub(super) struct Unneeded {
    pub(super) id: String,
    pub(super) contents: Vec<String>,
}

/// Removes files that hang nowhere: those whose line was erased at once, others when they were announced before
/// `before`.
pub(super) fn remove_unneeded(c: &Connection, before: u64, limit: u32) -> Result<Vec<Unneeded>, DatabaseError> {
    let sql = "SELECT f.id, f.hash, f.thumbnail FROM files f
               WHERE (f.released = 1 OR f.created_at < ?1)
                   AND NOT EXISTS (SELECT 1 FROM attachments t WHERE t.file = f.id)
                   AND NOT EXISTS (SELECT 1 FROM chats WHERE chats.picture = f.id)
                   AND NOT EXISTS (SELECT 1 FROM scheduled s
                                   WHERE s.author = f.owner AND s.message LIKE '%' || f.id || '%')
               LIMIT ?2";
    let unneeded = c.query(sql, params![before, limit], |row| {
        let contents: [Option<String>; 2] = [row.get(1)?, row.get(2)?];
        Ok(Unneeded { id: row.get(0)?, contents: contents.into_iter().flatten().collect() })
    })?;
    for file in &unneeded {
        c.execute("DELETE FROM files WHERE id = ?1", params![file.id])?;
    }
    Ok(unneeded)
}

/// Whether any file still has this content.
pub(super) fn is_used(c: &Connection, hash: &str) -> Result<bool, DatabaseError> {
    let file = c.exists("SELECT 1 FROM files WHERE hash = ?1", params![hash])?;
    Ok(file || c.exists("SELECT 1 FROM files WHERE thumbnail = ?1", params![hash])?)
}

fn written(details: &Details) -> Result<Option<String>, DatabaseError> {
    if *details == Details::default() {
        return Ok(None);
    }
    let json = serde_json::to_string(details);
    json.map(Some).map_err(|error| DatabaseError::Sql(format!("a file's details cannot be written: {error}")))
}

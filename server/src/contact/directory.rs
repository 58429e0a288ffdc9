//! The directory: who has an account here, found by the beginning of a name or a display name.

use super::store::profile;
use crate::database::{Connection, DatabaseError, params};
use crate::identity::AccountId;
use relay::vocabulary::{CONTACTS_PAGE_MAX, Directory};

/// Sorts after every text that begins with what stands before it.
const LAST: char = char::MAX;

/// Accounts whose name or display name begins with `prefix`, by name, after the name `after`. Those who have blocked
/// `asker` are not found, nor is the asker, nor is who is locked.
pub(super) fn search(
    c: &Connection,
    asker: AccountId,
    prefix: &str,
    after: &str,
    limit: u32,
) -> Result<Directory, DatabaseError> {
    let limit = limit.clamp(1, CONTACTS_PAGE_MAX);
    let (prefix, after) = (prefix.to_ascii_lowercase(), after.to_ascii_lowercase());
    let end = format!("{prefix}{LAST}");
    let sql = "SELECT a.id, a.name, a.display_name, a.picture FROM accounts a
               WHERE ((lower(a.name) >= ?1 AND lower(a.name) < ?2)
                   OR (lower(a.display_name) >= ?1 AND lower(a.display_name) < ?2))
               AND lower(a.name) > ?3 AND a.id <> ?4 AND a.removed_at IS NULL AND a.locked_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker = a.id AND b.blocked = ?4)
               ORDER BY lower(a.name) LIMIT ?5";
    let mut people = c.query(sql, params![prefix, end, after, asker, limit + 1], profile)?;
    let more = people.len() > limit as usize;
    people.truncate(limit as usize);
    Ok(Directory { people, more })
}

//! Contacts in the database: requests, consent, groups, blocks.

use super::Refusal;
use crate::database::{Connection, DatabaseError, Row, params};
use crate::identity::AccountId;
use crate::presence::Kept;
use relay::vocabulary::{CONTACTS_MAX, ContactRequest, Member, PresenceInfo, Profile};

/// Requests of one account that may wait for answers.
const ASKED_MAX: u32 = 100;
/// Requests that may wait for the answer of one account.
const ASKING_MAX: u32 = 200;
/// People that one account may block.
const BLOCKS_MAX: u32 = 2_000;
/// Bytes after which a page of contacts ends.
const PAGE_BYTES: usize = 128 << 10;

/// What a request came to.
#[derive(Debug)]
pub(super) enum Asked {
    /// It waits; `fresh` if it did not before.
    Waits { request: Box<ContactRequest>, fresh: bool },
    /// The other had asked already: both consent.
    Consent,
    /// Both were contacts before.
    Contacts,
}

/// One contact as it stands in the database.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) who: Profile,
    pub(super) since: u64,
    pub(super) groups: Vec<String>,
    pub(super) kept: Kept,
    /// Set if the contact has blocked the account: what it is told instead.
    pub(super) hidden: Option<PresenceInfo>,
}

const COLUMNS: &str = "c.contact, a.name, a.display_name, a.picture, c.since, p.wish, a.status_text, p.last_seen,
    b.blocker, b.last_seen
    FROM contacts c JOIN accounts a ON a.id = c.contact AND a.removed_at IS NULL
    LEFT JOIN presence p ON p.account = c.contact
    LEFT JOIN blocks b ON b.blocker = c.contact AND b.blocked = c.account";

impl Stored {
    fn read(row: &Row<'_>) -> Result<Self, DatabaseError> {
        let blocker: Option<AccountId> = row.get(8)?;
        let last_seen = row.get(9)?;
        Ok(Self {
            who: profile(row)?,
            since: row.get(4)?,
            groups: Vec::new(),
            kept: Kept::read(row, 5)?,
            hidden: blocker.map(|_| PresenceInfo { last_seen, ..PresenceInfo::default() }),
        })
    }
}

/// Someone asks someone else.
pub(super) fn ask(c: &Connection, from: &Member, to: &Member, text: &str, now: u64) -> Result<Asked, Refusal> {
    if are_contacts(c, from.id, to.id)? {
        return Ok(Asked::Contacts);
    }
    super::may_reach_now(c, from.id, to)?;
    let waiting = "SELECT text, at FROM contact_requests WHERE asker = ?1 AND asked = ?2";
    if c.exists(waiting, params![to.id, from.id])? {
        consent(c, from, to, now)?;
        return Ok(Asked::Consent);
    }
    let earlier = c.query_optional(waiting, params![from.id, to.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some((text, at)) = earlier {
        return Ok(Asked::Waits { request: Box::new(request(c, from, to, text, at)?), fresh: false });
    }
    let count = |sql: &str, account| c.query_row(sql, params![account], |row| row.get::<u32>(0));
    if count("SELECT count(*) FROM contact_requests WHERE asker = ?1", from.id)? >= ASKED_MAX {
        return Err(Refusal::TooManyAsked);
    }
    if count("SELECT count(*) FROM contact_requests WHERE asked = ?1", to.id)? >= ASKING_MAX {
        return Err(Refusal::TooManyAsking(to.name.clone()));
    }
    let insert = "INSERT INTO contact_requests (asker, asked, text, at) VALUES (?1, ?2, ?3, ?4)";
    c.execute(insert, params![from.id, to.id, text, now])?;
    Ok(Asked::Waits { request: Box::new(request(c, from, to, text.to_owned(), now)?), fresh: true })
}

fn request(c: &Connection, from: &Member, to: &Member, text: String, at: u64) -> Result<ContactRequest, DatabaseError> {
    let sql = "SELECT id, name, display_name, picture FROM accounts WHERE id = ?1";
    let shown = |id| c.query_row(sql, params![id], profile);
    Ok(ContactRequest { from: shown(from.id)?, to: shown(to.id)?, text, at })
}

/// The one who was asked says yes. False if both were contacts before.
pub(super) fn accept(c: &Connection, asked: &Member, asker: &Member, now: u64) -> Result<bool, Refusal> {
    if are_contacts(c, asked.id, asker.id)? {
        return Ok(false);
    }
    let waits = "SELECT 1 FROM contact_requests WHERE asker = ?1 AND asked = ?2";
    if !c.exists(waits, params![asker.id, asked.id])? {
        return Err(Refusal::NoRequest);
    }
    consent(c, asked, asker, now)?;
    Ok(true)
}

fn consent(c: &Connection, me: &Member, other: &Member, now: u64) -> Result<(), Refusal> {
    for (one, full) in [(me, Refusal::TooManyContacts), (other, Refusal::TheyHaveTooMany(other.name.clone()))] {
        let count = c.query_row("SELECT count(*) FROM contacts WHERE account = ?1", params![one.id], |row| row.get(0));
        if count.map(|count: u32| count >= CONTACTS_MAX)? {
            return Err(full);
        }
    }
    for (one, other) in [(me.id, other.id), (other.id, me.id)] {
        let insert = "INSERT INTO contacts (account, contact, since) VALUES (?1, ?2, ?3)";
        c.execute(insert, params![one, other, now])?;
        end_request(c, one, other)?;
    }
    Ok(())
}

/// Takes a request away. False if there was none.
pub(super) fn end_request(c: &Connection, asker: AccountId, asked: AccountId) -> Result<bool, DatabaseError> {
    let delete = "DELETE FROM contact_requests WHERE asker = ?1 AND asked = ?2";
    Ok(c.execute(delete, params![asker, asked])? > 0)
}

/// The requests that wait for an answer of an account, or of others to it, the oldest first.
pub(super) fn requests(c: &Connection, account: &Member, incoming: bool) -> Result<Vec<ContactRequest>, DatabaseError> {
    let (own, others) = if incoming { ("asked", "asker") } else { ("asker", "asked") };
    let sql = format!(
        "SELECT r.{others}, a.name, r.text, r.at FROM contact_requests r
         JOIN accounts a ON a.id = r.{others} AND a.removed_at IS NULL WHERE r.{own} = ?1 ORDER BY r.at, r.{others}"
    );
    let read = |row: &Row<'_>| Ok((member(row)?, row.get::<String>(2)?, row.get::<u64>(3)?));
    let waiting = c.query(&sql, params![account.id], read)?;
    let whole = waiting.into_iter().map(|(other, text, at)| {
        let (from, to) = if incoming { (&other, account) } else { (account, &other) };
        request(c, from, to, text, at)
    });
    whole.collect()
}

/// Two people are contacts no more. False if they were not.
pub(super) fn remove(c: &Connection, one: AccountId, other: AccountId) -> Result<bool, DatabaseError> {
    let mut removed = 0;
    for (account, contact) in [(one, other), (other, one)] {
        let pair = params![account, contact];
        removed += c.execute("DELETE FROM contacts WHERE account = ?1 AND contact = ?2", pair)?;
        c.execute("DELETE FROM contact_groups WHERE account = ?1 AND contact = ?2", pair)?;
    }
    Ok(removed > 0)
}

/// A page of an account's contacts, and whether more follow.
pub(super) fn page(
    c: &Connection,
    account: AccountId,
    after: AccountId,
    limit: u32,
) -> Result<(Vec<Stored>, bool), DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} WHERE c.account = ?1 AND c.contact > ?2
         AND NOT EXISTS (SELECT 1 FROM blocks own WHERE own.blocker = c.account AND own.blocked = c.contact)
         ORDER BY c.contact LIMIT ?3"
    );
    let mut found = c.query(&sql, params![account, after, limit + 1], Stored::read)?;
    let last = found.last().map_or(after, |stored| stored.who.id);
    let groups = "SELECT contact, name FROM contact_groups
                  WHERE account = ?1 AND contact > ?2 AND contact <= ?3 ORDER BY contact, name";
    let read = |row: &Row<'_>| Ok((row.get::<AccountId>(0)?, row.get::<String>(1)?));
    for (contact, name) in c.query(groups, params![account, after, last], read)? {
        if let Ok(at) = found.binary_search_by_key(&contact, |stored| stored.who.id) {
            found[at].groups.push(name);
        }
    }
    // The rest of too long a page is asked for again.
    let mut bytes = 0;
    let mut fits = |stored: &Stored| {
        let fits = bytes < PAGE_BYTES;
        let groups = stored.groups.iter().map(String::len).sum::<usize>();
        bytes += stored.kept.settings.status.len() + stored.who.display_name.len() + groups + 200;
        fits
    };
    let kept = found.iter().take(limit as usize).take_while(|stored| fits(stored)).count();
    let more = kept < found.len();
    found.truncate(kept);
    Ok((found, more))
}

/// One contact of an account, if it is one.
pub(super) fn contact(c: &Connection, account: AccountId, contact: AccountId) -> Result<Option<Stored>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} WHERE c.account = ?1 AND c.contact = ?2");
    let Some(mut stored) = c.query_optional(&sql, params![account, contact], Stored::read)? else { return Ok(None) };
    let groups = "SELECT name FROM contact_groups WHERE account = ?1 AND contact = ?2 ORDER BY name";
    stored.groups = c.query(groups, params![account, contact], |row| row.get(0))?;
    Ok(Some(stored))
}

/// Puts a contact into these groups and no others; gives them in order.
pub(super) fn set_groups(
    c: &Connection,
    account: AccountId,
    contact: AccountId,
    groups: &[String],
) -> Result<Vec<String>, Refusal> {
    if !are_contacts(c, account, contact)? {
        return Err(Refusal::NoContact);
    }
    c.execute("DELETE FROM contact_groups WHERE account = ?1 AND contact = ?2", params![account, contact])?;
    let insert = "INSERT INTO contact_groups (account, contact, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    for name in groups {
        c.execute(insert, params![account, contact, name])?;
    }
    let sql = "SELECT name FROM contact_groups WHERE account = ?1 AND contact = ?2 ORDER BY name";
    Ok(c.query(sql, params![account, contact], |row| row.get(0))?)
}

/// Gives a group another name, or dissolves it.
pub(super) fn rename_group(c: &Connection, account: AccountId, from: &str, to: Option<&str>) -> Result<(), Refusal> {
    if !c.exists("SELECT 1 FROM contact_groups WHERE account = ?1 AND name = ?2", params![account, from])? {
        return Err(Refusal::NoGroup(from.to_owned()));
    }
    if to == Some(from) {
        return Ok(());
    }
    if let Some(to) = to {
        let merge = "INSERT INTO contact_groups (account, contact, name)
                     SELECT account, contact, ?3 FROM contact_groups WHERE account = ?1 AND name = ?2
                     ON CONFLICT DO NOTHING";
        c.execute(merge, params![account, from, to])?;
    }
    c.execute("DELETE FROM contact_groups WHERE account = ?1 AND name = ?2", params![account, from])?;
    Ok(())
}

/// Someone wants to hear no more of someone; `last_seen` is what that one is told from now on. False if it was so before.
pub(super) fn block(
    c: &Connection,
    blocker: AccountId,
    blocked: AccountId,
    last_seen: Option<u64>,
    now: u64,
) -> Result<bool, Refusal> {
    let count = c.query_row("SELECT count(*) FROM blocks WHERE blocker = ?1", params![blocker], |row| row.get(0));
    if count.map(|count: u32| count >= BLOCKS_MAX)? {
        return Err(Refusal::TooManyBlocks);
    }
    let insert = "INSERT INTO blocks (blocker, blocked, at, last_seen) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(c.execute(insert, params![blocker, blocked, now, last_seen])? > 0)
}

/// Takes a block back. False if there was none.
pub(super) fn unblock(c: &Connection, blocker: AccountId, blocked: AccountId) -> Result<bool, DatabaseError> {
    Ok(c.execute("DELETE FROM blocks WHERE blocker = ?1 AND blocked = ?2", params![blocker, blocked])? > 0)
}

/// Whom an account has blocked, by name.
pub(super) fn blocked(c: &Connection, account: AccountId) -> Result<Vec<Member>, DatabaseError> {
    let sql = "SELECT a.id, a.name FROM blocks b JOIN accounts a ON a.id = b.blocked AND a.removed_at IS NULL
               WHERE b.blocker = ?1 ORDER BY lower(a.name)";
    c.query(sql, params![account], member)
}

/// Every block there is: who, whom.
pub(super) fn all_blocks(c: &Connection) -> Result<Vec<(AccountId, AccountId)>, DatabaseError> {
    c.query("SELECT blocker, blocked FROM blocks", &[], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The account of that number, unless removed.
pub(super) fn account(c: &Connection, id: AccountId) -> Result<Option<Member>, DatabaseError> {
    c.query_optional("SELECT id, name FROM accounts WHERE id = ?1 AND removed_at IS NULL", params![id], member)
}

/// Whether two people are contacts.
pub(super) fn are_contacts(c: &Connection, one: AccountId, other: AccountId) -> Result<bool, DatabaseError> {
    c.exists("SELECT 1 FROM contacts WHERE account = ?1 AND contact = ?2", params![one, other])
}

/// Whether someone has blocked someone.
pub(super) fn is_blocked(c: &Connection, blocker: AccountId, blocked: AccountId) -> Result<bool, DatabaseError> {
    c.exists("SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2", params![blocker, blocked])
}

pub(super) fn member(row: &Row<'_>) -> Result<Member, DatabaseError> {
    Ok(Member { id: row.get(0)?, name: row.get(1)? })
}

/// What people see who are no contacts: no status text. Number, name, display name, picture.
pub(super) fn profile(row: &Row<'_>) -> Result<Profile, DatabaseError> {
    Ok(Profile {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        status_text: String::new(),
        picture: row.get(3)?,
    })
}

/// Everything about an account that is removed.
pub(super) fn forget(c: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    for sql in [
        "DELETE FROM contacts WHERE account = ?1 OR contact = ?1",
        "DELETE FROM contact_groups WHERE account = ?1 OR contact = ?1",
        "DELETE FROM contact_requests WHERE asker = ?1 OR asked = ?1",
        "DELETE FROM blocks WHERE blocker = ?1 OR blocked = ?1",
    ] {
        c.execute(sql, params![account])?;
    }
    Ok(())
}

/// The contacts of an account.
pub(super) fn all_of(c: &Connection, account: AccountId) -> Result<Vec<AccountId>, DatabaseError> {
    c.query("SELECT contact FROM contacts WHERE account = ?1", params![account], |row| row.get(0))
}

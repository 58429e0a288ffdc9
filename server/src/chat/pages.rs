//! Pages of a chat from the database: lines as they are now for people, entries as they were written for cursors.

use super::entries::{COLUMNS, read};
use crate::database::{Connection, DatabaseError, Value, params};
use relay::vocabulary::{ChatId, HISTORY_MAX, History, Message, Reaction};

/// Bytes of text after which a page ends.
pub(super) const PAGE_BYTES: usize = 128 << 10;

/// The same for all of it, reactions included.
pub(super) const PAGE_WEIGHT: usize = 512 << 10;

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// What follows this sequence.
    After(u64),
    /// What stands before this sequence.
    Before(u64),
    /// Half of it up to and including this sequence, half after it.
    Around(u64),
    /// The newest.
    Newest,
}

/// A page of lines and notices after `since`, as later entries have left them.
pub(super) fn history(
    c: &Connection,
    chat: ChatId,
    since: u64,
    page: Page,
    limit: u32,
) -> Result<History, DatabaseError> {
    let limit = limit.clamp(1, HISTORY_MAX);
    let latest = super::rolls::latest(c, chat)?;
    let (mut messages, mut more) = match page {
        Page::After(after) => shown(c, chat, after.max(since), Direction::On, limit)?,
        Page::Before(before) => back(c, chat, since, before, limit)?,
        Page::Newest => back(c, chat, since, u64::MAX, limit)?,
        Page::Around(at) => {
            let (mut earlier, more) = back(c, chat, since, at.saturating_add(1), limit.div_ceil(2))?;
            let (later, _) = shown(c, chat, at.max(since), Direction::On, (limit / 2).max(1))?;
            earlier.extend(later);
            (earlier, more)
        }
    };
    add_reactions(c, chat, &mut messages)?;
    more |= lighten(&mut messages, matches!(page, Page::After(_)));
    Ok(History { messages, more, latest })
}

/// Those lines of a chat after `after` that are pinned, in order.
pub(super) fn pinned(c: &Connection, chat: ChatId, after: u64) -> Result<History, DatabaseError> {
    let latest = super::rolls::latest(c, chat)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN accounts a ON a.id = e.author
         WHERE e.chat = ?1 AND e.pinned_at IS NOT NULL AND e.sequence > ?2 ORDER BY e.sequence LIMIT {HISTORY_MAX}"
    );
    let mut messages = c.query(&sql, params![chat, after], read)?;
    let mut more = cut(&mut messages, HISTORY_MAX);
    add_reactions(c, chat, &mut messages)?;
    more |= lighten(&mut messages, true);
    Ok(History { messages, more, latest })
}

/// Single lines, as they are now, in the order asked for; those that are not there are left out.
pub(super) fn lines(c: &Connection, wanted: &[(ChatId, u64)]) -> Result<Vec<(ChatId, Message)>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN accounts a ON a.id = e.author
         WHERE e.chat = ?1 AND e.sequence = ?2 AND e.kind < 2"
    );
    let mut found = Vec::with_capacity(wanted.len());
    for (chat, sequence) in wanted {
        let line = c.query_optional(&sql, params![chat, sequence], read)?;
        found.extend(line.map(|line| (*chat, line)));
    }
    for (chat, line) in &mut found {
        add_reactions(c, *chat, std::slice::from_mut(line))?;
    }
    Ok(found)
}

/// Entries after `after` as they were written, for cursors.
pub(super) fn entries(c: &Connection, chat: ChatId, after: u64, limit: u32) -> Result<Vec<Message>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN accounts a ON a.id = e.author
         WHERE e.chat = ?1 AND e.sequence > ?2 ORDER BY e.sequence LIMIT ?3"
    );
    let mut messages = c.query(&sql, params![chat, after, limit], read)?;
    cut(&mut messages, limit);
    Ok(messages)
}

/// Whatever many people make of few lines, a page stays one that can be sent: lines are let go of, from the end if the
/// page is read on from there. True if any were.
fn lighten(messages: &mut Vec<Message>, from_the_end: bool) -> bool {
    let all = messages.len();
    let mut weights: usize = messages.iter().map(weight).sum();
    while messages.len() > 1 && weights > PAGE_WEIGHT {
        let gone = messages.remove(if from_the_end { messages.len() - 1 } else { 0 });
        weights -= weight(&gone);
    }
    messages.len() < all
}

/// About as many bytes as the JSON of a line has.
pub(super) fn weight(message: &Message) -> usize {
    let reactions = message.reactions.iter().map(|reaction| 40 + 12 * reaction.by.len()).sum::<usize>();
    200 + message.text.len() + 20 * message.mentions.len() + 800 * message.files.len() + reactions
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    On,
    Back,
}

/// The lines before `before`, in order of sequence.
fn back(
    c: &Connection,
    chat: ChatId,
    since: u64,
    before: u64,
    limit: u32,
) -> Result<(Vec<Message>, bool), DatabaseError> {
    let (mut messages, mut more) = shown(c, chat, before, Direction::Back, limit)?;
    let all = messages.len();
    messages.retain(|message| message.sequence > since);
    more &= messages.len() == all;
    messages.reverse();
    Ok((messages, more))
}

fn shown(
    c: &Connection,
    chat: ChatId,
    from: u64,
    direction: Direction,
    limit: u32,
) -> Result<(Vec<Message>, bool), DatabaseError> {
    let (compared, order) = match direction {
        Direction::On => (">", "ASC"),
        Direction::Back => ("<", "DESC"),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN accounts a ON a.id = e.author
         WHERE e.chat = ?1 AND e.sequence {compared} ?2 AND e.kind < 2 ORDER BY e.sequence {order} LIMIT ?3"
    );
    // One more than was asked for says that there are more.
    let mut messages = c.query(&sql, params![chat, from, limit + 1], read)?;
    let more = cut(&mut messages, limit);
    Ok((messages, more))
}

/// Ends a page at its limits; what is cut off is asked for again. True if something was.
fn cut(messages: &mut Vec<Message>, limit: u32) -> bool {
    let mut bytes = 0;
    let fits = |message: &Message| {
        let fits = bytes < PAGE_BYTES;
        bytes += message.text.len();
        fits
    };
    let kept = messages.iter().take(limit as usize).map(fits).take_while(|fits| *fits).count();
    let more = kept < messages.len();
    messages.truncate(kept);
    more
}

/// Puts the reactions under lines that stand in order of sequence.
fn add_reactions(c: &Connection, chat: ChatId, messages: &mut [Message]) -> Result<(), DatabaseError> {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok(()) };
    let sql = "SELECT sequence, emoji, account FROM reactions WHERE chat = ?1 AND sequence BETWEEN ?2 AND ?3
               ORDER BY sequence, at, account";
    let between: &[Value<'_>] = params![chat, first.sequence, last.sequence];
    let found = c.query(sql, between, |row| Ok((row.get::<u64>(0)?, row.get::<String>(1)?, row.get::<u64>(2)?)))?;
    for (sequence, emoji, account) in found {
        let Ok(at) = messages.binary_search_by_key(&sequence, |message| message.sequence) else { continue };
        let reactions = &mut messages[at].reactions;
        match reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
            Some(reaction) => reaction.by.push(account),
            None => reactions.push(Reaction { emoji, by: vec![account] }),
        }
    }
    Ok(())
}

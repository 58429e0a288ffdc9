//! The `id` of an event: how far a listener has come, in everything that it listens to.

use relay::vocabulary::ChatId;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::str::FromStr;

/// Longest place that is read, in bytes: requests' headers have little more room.
const LONGEST: usize = 12 << 10;

/// How far a listener has come. Written as `stored.told.present`, followed by `.chat-sequence` for each chat that has
/// gone on since; nobody but this server reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Of every chat that is not named below, all entries up to this number of the database are known.
    pub stored: u64,
    /// The newest event of the account's feed.
    pub told: u64,
    /// The newest change of presence.
    pub present: u64,
    /// Chats that have gone on since, and their newest entry.
    pub chats: BTreeMap<ChatId, u64>,
}

/// Not what this server gave as `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Last-Event-ID` is the `id` of an event that came before, as it was")]
pub struct PlaceError;

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.stored, self.told, self.present)?;
        for (chat, sequence) in &self.chats {
            f.write_char('.')?;
            write!(f, "{chat}-{sequence}")?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if text.len() > LONGEST {
            return Err(PlaceError);
        }
        let mut parts = text.split('.');
        // The database counts to 2⁶³.
        let number = |text: Option<&str>| {
            let number: i64 = text.ok_or(PlaceError)?.parse().map_err(|_| PlaceError)?;
            u64::try_from(number).map_err(|_| PlaceError)
        };
        let (stored, told, present) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
        let mut chats = BTreeMap::new();
        for part in parts {
            let (chat, sequence) = part.split_once('-').ok_or(PlaceError)?;
            chats.insert(number(Some(chat))?, number(Some(sequence))?);
        }
        Ok(Self { stored, told, present, chats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is() {
        let chats = BTreeMap::from([(3, 14), (12, 1)]);
        for place in [Place::default(), Place { stored: 4711, told: 17_000_000, present: 9, chats }] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert_eq!("1.2.3.4-5".parse::<Place>().unwrap().chats[&4], 5);
        let long = format!("1.2.3{}", ".1-1".repeat(LONGEST / 4));
        for bad in ["", "1.2", "1.2.x", "1.2.3.4", "1.2.3.4-", "1.2.3.-4-5", "-1.2.3", "1.2.9223372036854775808", &long]
        {
            assert_eq!(bad.parse::<Place>(), Err(PlaceError), "{bad:.20}");
        }
    }
}

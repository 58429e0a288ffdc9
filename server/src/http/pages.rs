//! Pages of lists: `cursor` and `limit` come in, `next` goes out, in the same manner everywhere.

use super::problem::Refused;
use relay::vocabulary::{History, Problem, code};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Display;
use std::str::FromStr;

use crate::chat::Page;

/// A page, and where the next one begins.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(super) struct Paged<T> {
    #[serde(flatten)]
    page: T,
    /// What to give as `cursor` for the page that follows; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> Paged<T> {
    /// A page that is followed by another one if there is a `next`.
    pub(super) fn new(page: T, next: Option<impl Display>) -> Self {
        Self { page, next: next.map(|next| next.to_string()) }
    }
}

/// Reads a cursor that an earlier page gave.
pub(super) fn cursor<T: FromStr>(cursor: Option<&str>) -> Result<Option<T>, Refused> {
    let wrong = |_| Problem::new(422, code::INVALID, "`cursor` is what the page before gave as `next`.");
    Ok(cursor.map(str::parse).transpose().map_err(wrong)?)
}

/// A place in a chat and the direction from there, as a cursor: `before-12`, `after-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Onward {
    Before(u64),
    After(u64),
}

/// Not a place in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPlace;

impl Onward {
    /// Where the page that was asked for as `asked` is followed by another one.
    pub(super) fn of(asked: Page, history: &History) -> Option<Self> {
        let (first, last) = (history.messages.first()?.sequence, history.messages.last()?.sequence);
        history.more.then_some(match asked {
            Page::After(_) => Self::After(last),
            Page::Before(_) | Page::Around(_) | Page::Newest => Self::Before(first),
        })
    }

    pub(super) fn page(self) -> Page {
        match self {
            Self::Before(sequence) => Page::Before(sequence),
            Self::After(sequence) => Page::After(sequence),
        }
    }
}

impl Display for Onward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Before(sequence) => write!(f, "before-{sequence}"),
            Self::After(sequence) => write!(f, "after-{sequence}"),
        }
    }
}

impl FromStr for Onward {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (direction, sequence) = text.split_once('-').ok_or(NoPlace)?;
        let sequence = sequence.parse().map_err(|_| NoPlace)?;
        match direction {
            "before" => Ok(Self::Before(sequence)),
            "after" => Ok(Self::After(sequence)),
            _ => Err(NoPlace),
        }
    }
}

//! Hours of the day in which nothing disturbs, as they are written in `window.toml`: `"22:00-07:00"`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// From a minute of the day until before another one; the night lies between them where the first is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    pub from: u16,
    pub to: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?}: quiet hours are written as 22:00-07:00")]
pub struct QuietHoursError(String);

impl QuietHours {
    /// From ten in the evening to seven in the morning.
    pub const NIGHT: Self = Self { from: 22 * 60, to: 7 * 60 };

    pub fn has(self, minute: u16) -> bool {
        match self.from <= self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl FromStr for QuietHours {
    type Err = QuietHoursError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let hours = text.split_once('-').and_then(|(from, to)| Some(Self { from: time(from)?, to: time(to)? }));
        hours.ok_or_else(|| QuietHoursError(text.to_owned()))
    }
}

impl TryFrom<String> for QuietHours {
    type Error = QuietHoursError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> Self {
        hours.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_they_are_written() {
        for text in ["22:00-07:00", "00:00-23:59", "12:30-13:15"] {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
        }
        assert_eq!("22:00-07:00".parse(), Ok(QuietHours::NIGHT));
        for text in ["", "22-7", "24:00-07:00", "22:60-07:00", "22:00", "-1:00-2:00", "22:00-07:00-08:00"] {
            assert!(text.parse::<QuietHours>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_and_a_night() {
        let day = QuietHours { from: 9 * 60, to: 17 * 60 };
        assert_eq!([day.has(539), day.has(540), day.has(1019), day.has(1020)], [false, true, true, false]);
        let night = QuietHours::NIGHT;
        assert_eq!([night.has(1319), night.has(1320), night.has(419), night.has(420)], [false, true, true, false]);
    }
}

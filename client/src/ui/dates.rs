//! Times and days as the person's language writes them, in the person's time zone.

use jiff::{Timestamp, Zoned, civil::Weekday, tz::TimeZone};

use super::{Value, Words};

/// Now, and where.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Unix milliseconds.
    pub at: u64,
    pub zone: &'a TimeZone,
}

impl Moment<'_> {
    /// Hours and minutes.
    pub fn clock(&self, at: u64) -> String {
        let time = self.zoned(at).time();
        format!("{}:{:02}", time.hour(), time.minute())
    }

    /// Whether two times are on the same day.
    pub fn is_same_day(&self, a: u64, b: u64) -> bool {
        self.zoned(a).date() == self.zoned(b).date()
    }

    /// The day that a time is in: its begin, and the next one's.
    pub fn bounds_of_day(&self, at: u64) -> std::ops::Range<u64> {
        let begin = |day: jiff::civil::Date| {
            let begin = day.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond();
            u64::try_from(begin).ok()
        };
        let day = self.zoned(at).date();
        let begins = begin(day).unwrap_or(0);
        let ends = day.tomorrow().ok().and_then(begin).unwrap_or(u64::MAX);
        // A time that no calendar has is within its own day, too.
        begins.min(at)..ends.max(at.saturating_add(1))
    }

    /// The day: today, yesterday, or its date.
    pub fn day(&self, words: &Words, at: u64) -> String {
        let (day, today) = (self.zoned(at).date(), self.zoned(self.at).date());
        if day == today {
            return words.say("day-today");
        }
        if today.yesterday().is_ok_and(|yesterday| day == yesterday) {
            return words.say("day-yesterday");
        }
        let (weekday, month) =
            (words.say(weekday(day.weekday())), words.say(MONTHS[usize::from(day.month().unsigned_abs()) - 1]));
        let number = |value: i16| Value::Number(u64::from(value.unsigned_abs()));
        let name = if day.year() == today.year() { "day-date" } else { "day-date-year" };
        let year = day.year().to_string();
        let values = [
            ("weekday", Value::Text(&weekday)),
            ("month", Value::Text(&month)),
            ("day", number(i16::from(day.day()))),
            ("year", Value::Text(&year)),
        ];
        words.with(name, &values)
    }

    /// The time for something of today, the day for anything else.
    pub fn when(&self, words: &Words, at: u64) -> String {
        if self.is_same_day(at, self.at) { self.clock(at) } else { self.day(words, at) }
    }

    fn zoned(&self, at: u64) -> Zoned {
        let at =
            i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone())
    }
}

/// How long something lasted, as minutes and seconds.
pub fn length(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

const MONTHS: [&str; 12] = [
    "month-1", "month-2", "month-3", "month-4", "month-5", "month-6", "month-7", "month-8", "month-9", "month-10",
    "month-11", "month-12",
];

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "weekday-monday",
        Weekday::Tuesday => "weekday-tuesday",
        Weekday::Wednesday => "weekday-wednesday",
        Weekday::Thursday => "weekday-thursday",
        Weekday::Friday => "weekday-friday",
        Weekday::Saturday => "weekday-saturday",
        Weekday::Sunday => "weekday-sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Tongue;

    /// Wednesday, 25 November 2026, 01:30 UTC.
    const NOW: u64 = 1_795_570_200_000;
    const HOUR: u64 = 3_600_000;

    #[test]
    fn days_are_those_of_the_persons_zone() {
        let (utc, tokyo) = (TimeZone::UTC, TimeZone::fixed(jiff::tz::offset(9)));
        let (here, there) = (Moment { at: NOW, zone: &utc }, Moment { at: NOW, zone: &tokyo });
        assert_eq!((here.clock(NOW), there.clock(NOW)), ("1:30".into(), "10:30".into()));
        assert!(!here.is_same_day(NOW, NOW - 2 * HOUR) && there.is_same_day(NOW, NOW - 2 * HOUR));
    }

    #[test]
    fn days_are_written_as_the_language_does() {
        let (english, japanese) = (Words::new(Tongue::English), Words::new(Tongue::Japanese));
        let now = Moment { at: NOW, zone: &TimeZone::UTC };
        let day = |words, hours: u64| now.day(words, NOW - hours * HOUR);
        assert_eq!((day(&english, 0), day(&english, 2)), ("Today".into(), "Yesterday".into()));
        assert_eq!(day(&english, 48), "Monday, 23 November");
        assert_eq!(day(&japanese, 48), "11月23日（月）");
        assert_eq!(day(&english, 24 * 400), "Tuesday, 21 October 2025");
        assert_eq!(day(&japanese, 24 * 400), "2025年10月21日（火）");
        assert_eq!(now.when(&english, NOW - HOUR), "0:30");
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([0, 61_900, 3_725_000].map(length), ["0:00", "1:01", "1:02:05"]);
    }
}

//! What a latency measurement says: numbers for people, JSON for programs, a plot.

use std::fmt::Write;

use serde::Serialize;

use super::devices::{Notes, mouth_to_ear};
use crate::statistics::{Distribution, Freezes, Plot, Series, Summary, freezes, histogram};

/// One direction of the call.
#[derive(Debug, Serialize)]
pub struct Way {
    pub name: String,
    /// Capture to decoded.
    pub video_ms: Summary,
    /// Capture to shown: with what playout adds.
    pub shown_ms: Summary,
    /// Mouth to ear.
    pub audio_ms: Summary,
    /// How much later the picture comes than the sound, at each chirp: median and the extremes, in milliseconds.
    pub skew_ms: [f64; 3],
    pub freezes: Freezes,
    /// Pictures made in the time that counts, and those of them that never came.
    pub made: u64,
    pub missing: u64,
    pub unreadable: u64,
    pub chirps: u64,
    /// Median delay of the shown picture in the last fifth of the time, less that in the first: whether delay builds up.
    pub drift_ms: f64,
    pub kilobits: f64,
    /// How it travelled.
    pub carriage: String,
    #[serde(skip)]
    pub decoded: Distribution,
    #[serde(skip)]
    pub heard: Distribution,
}

/// What else is known of one direction.
#[derive(Debug)]
pub struct Context {
    pub name: String,
    pub kilobits: f64,
    pub carriage: String,
    /// The time that counts, on the machine's clock.
    pub from: u64,
    pub until: u64,
}

impl Way {
    /// From what the sender and the receiver wrote down.
    pub fn new(context: Context, sender: &Notes, receiver: &Notes) -> Self {
        let Context { name, kilobits, carriage, from, until } = context;
        let counts = |at: u64| (from..until).contains(&at);
        let seen: Vec<_> = receiver.seen.iter().filter(|seen| counts(seen.at)).collect();
        let (mut decoded, mut shown, mut heard) =
            (Distribution::default(), Distribution::default(), Distribution::default());
        decoded.extend(seen.iter().map(|seen| seen.decoded_age));
        shown.extend(seen.iter().map(|seen| seen.shown_age));
        let delays = mouth_to_ear(&sender.spoken, &receiver.heard);
        let delays: Vec<_> = delays.into_iter().filter(|(at, _)| counts(*at)).collect();
        heard.extend(delays.iter().map(|(_, delay)| *delay));
        let mut skews: Vec<f64> = delays
            .iter()
            .filter_map(|(at, delay)| {
                let picture = seen.get(seen.partition_point(|seen| seen.at <= *at).checked_sub(1)?)?;
                Some((picture.shown_age as f64 - *delay as f64) / 1_000.0)
            })
            .collect();
        skews.sort_by(f64::total_cmp);
        let at = |place: usize| skews.get(place).copied().unwrap_or(0.0);
        // Pictures made just before the end may still be on their way.
        let made = sender.made.iter().filter(|(_, made)| counts(*made) && *made + ON_ITS_WAY < until);
        let came: std::collections::HashSet<u32> = receiver.seen.iter().map(|seen| seen.frame).collect();
        let (mut total, mut missing) = (0, 0);
        for (frame, _) in made {
            total += 1;
            missing += u64::from(!came.contains(frame));
        }
        let fifth = seen.len() / 5;
        let median = |part: &[&super::devices::Seen]| {
            let mut ages: Vec<u64> = part.iter().map(|seen| seen.shown_age).collect();
            ages.sort_unstable();
            ages.get(ages.len() / 2).copied().unwrap_or(0) as f64 / 1_000.0
        };
        Self {
            name,
            video_ms: decoded.summary(),
            shown_ms: shown.summary(),
            audio_ms: heard.summary(),
            skew_ms: [at(0), at(skews.len() / 2), at(skews.len().saturating_sub(1))],
            freezes: freezes(seen.iter().map(|seen| seen.at)),
            made: total,
            missing,
            unreadable: receiver.unreadable,
            chirps: delays.len() as u64,
            drift_ms: median(&seen[seen.len() - fifth..]) - median(&seen[..fifth]),
            kilobits,
            carriage,
            decoded,
            heard,
        }
    }
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub server: String,
    pub proxy: Option<String>,
    pub seconds: u64,
    pub ways: Vec<Way>,
}

impl Report {
    /// A table and histograms for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let path = self.proxy.as_deref().map_or("directly".to_owned(), |proxy| format!("through {proxy}"));
        // Writing into a String cannot fail.
        writeln!(text, "{} s of a call over {}, {path}", self.seconds, self.server).unwrap_or_default();
        writeln!(text, "{:<34}{:>8}{:>8}{:>8}{:>8}", "milliseconds", "p50", "p95", "p99", "max").unwrap_or_default();
        for way in &self.ways {
            for (what, summary) in [
                ("capture to decoded", &way.video_ms),
                ("capture to shown", &way.shown_ms),
                ("mouth to ear", &way.audio_ms),
            ] {
                writeln!(
                    text,
                    "{:<34}{:>8.1}{:>8.1}{:>8.1}{:>8.1}",
                    format!("{}, {what}", way.name),
                    summary.p50,
                    summary.p95,
                    summary.p99,
                    summary.max
                )
                .unwrap_or_default();
            }
            let [least, median, most] = way.skew_ms;
            writeln!(
                text,
                "  {} pictures, {} missing, {} unreadable; {} freezes of {:.0} ms in all; {:.0} kb/s, {}",
                way.made,
                way.missing,
                way.unreadable,
                way.freezes.count,
                way.freezes.micros as f64 / 1_000.0,
                way.kilobits,
                way.carriage
            )
            .unwrap_or_default();
            writeln!(
                text,
                "  {} chirps heard; picture behind sound {median:.1} ms ({least:.1} to {most:.1}); delay grew by {:.1} ms",
                way.chirps, way.drift_ms
            )
            .unwrap_or_default();
        }
        for way in &self.ways {
            text.push('\n');
            text.push_str(&histogram(&format!("{}, capture to decoded", way.name), &way.decoded, 16));
            text.push('\n');
            text.push_str(&histogram(&format!("{}, mouth to ear", way.name), &way.heard, 12));
        }
        text
    }

    pub fn svg(&self) -> String {
        let series = self.ways.iter().flat_map(|way| {
            [("picture", &way.decoded), ("sound", &way.heard)]
                .map(|(what, distribution)| Series { name: format!("{}, {what}", way.name), distribution })
        });
        let notes = self.ways.iter().map(|way| {
            format!("{}: {} pictures, {} missing, {} freezes", way.name, way.made, way.missing, way.freezes.count)
        });
        let path = self.proxy.as_deref().unwrap_or("no proxy");
        Plot {
            title: format!("Latency of a call over {} ({path})", self.server),
            axis: "capture to decoded, mouth to ear, ms".to_owned(),
            series: series.collect(),
            notes: notes.collect(),
        }
        .to_svg()
    }
}

/// A picture that is not there after this will not come.
const ON_ITS_WAY: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::super::devices::Seen;
    use super::*;

    #[test]
    fn missing_pictures_and_growing_delay_are_seen() {
        let mut sender = Notes::default();
        let mut receiver = Notes::default();
        for frame in 0..300u32 {
            let made = u64::from(frame) * 33_333;
            sender.made.push((frame, made));
            let age = 10_000 + u64::from(frame) * 100;
            if frame % 10 != 7 {
                receiver.seen.push(Seen { frame, at: made + age, decoded_age: age, shown_age: age });
            }
        }
        let name = "a to b".to_owned();
        let context = Context { name, kilobits: 1.0, carriage: "streaming".to_owned(), from: 0, until: 12_000_000 };
        let way = Way::new(context, &sender, &receiver);
        assert_eq!((way.made, way.missing), (300, 30));
        assert!((20.0..30.0).contains(&way.drift_ms), "{}", way.drift_ms);
        assert!((way.video_ms.p50 - 25.0).abs() < 1.0);
        let report = Report { server: "http://s".to_owned(), proxy: None, seconds: 10, ways: vec![way] };
        assert!(report.text().contains("30 missing") && report.svg().contains("<svg"));
    }
}

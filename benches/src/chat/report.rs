//! What a measurement of a chat says: numbers for people, JSON for programs, a plot.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Options;
use super::members::Seen;
use crate::machine::usage::Usage;
use crate::statistics::{Distribution, Plot, Series, Summary, histogram};

/// What the server had used at two moments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usages {
    /// Before the first message.
    pub before: Option<Usage>,
    /// After the last was answered.
    pub written: Option<Usage>,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub members: u64,
    /// Messages in a second that all members together were to write.
    pub rate: u64,
    pub messages: u64,
    pub realtime: bool,
    /// From when a message was due to its acknowledgement, which says that it is on the disk.
    pub acknowledged_ms: Summary,
    /// From when a message was due to its arrival at a member.
    pub delivered_ms: Summary,
    pub deliveries: u64,
    pub deliveries_expected: u64,
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
    /// Messages that were refused or not answered.
    pub refused: u64,
    pub first_refusal: Option<String>,
    /// Links that broke.
    pub ended: u64,
    pub first_end: Option<String>,
    /// The server's CPU for one delivery, with its share of storing the message, in microseconds, where the system tells.
    pub cpu_per_delivery: Option<f64>,
    #[serde(skip)]
    pub acknowledged: Distribution,
    #[serde(skip)]
    pub delivered: Distribution,
}

impl Report {
    /// `newest` is the chat's newest entry that was acknowledged.
    pub fn new(options: &Options, newest: u64, usages: &Usages, seen: Seen) -> Self {
        let used = usages.before.zip(usages.written).map(|(from, to)| to.cpu.saturating_sub(from.cpu).as_secs_f64());
        Self {
            members: options.members,
            rate: options.rate,
            messages: options.messages_of_each() * options.members,
            realtime: options.realtime,
            acknowledged_ms: seen.acknowledged.summary(),
            delivered_ms: seen.delivered.summary(),
            deliveries: seen.delivered.count(),
            deliveries_expected: newest * options.members,
            lost: seen.lost,
            doubled: seen.doubled,
            reordered: seen.reordered,
            refused: seen.refused,
            first_refusal: seen.first_refusal,
            ended: seen.ended,
            first_end: seen.first_end,
            cpu_per_delivery: used.map(|seconds| seconds * 1e6 / seen.delivered.count().max(1) as f64),
            acknowledged: seen.acknowledged,
            delivered: seen.delivered,
        }
    }

    /// A few lines and histograms for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |arguments: std::fmt::Arguments<'_>| writeln!(text, "{arguments}").unwrap_or_default();
        let milliseconds = |s: &Summary| format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", s.p50, s.p99, s.max);
        line(format_args!("{} members of one chat, {} messages a second", self.members, self.rate));
        line(format_args!(
            "  acknowledged  {} of {}, {}",
            self.acknowledged_ms.count,
            self.messages,
            milliseconds(&self.acknowledged_ms)
        ));
        line(format_args!(
            "  delivered     {} of {}, {}",
            self.deliveries,
            self.deliveries_expected,
            milliseconds(&self.delivered_ms)
        ));
        line(format_args!("  lost {}, doubled {}, reordered {}", self.lost, self.doubled, self.reordered));
        if let Some(micros) = self.cpu_per_delivery {
            line(format_args!("  server        {micros:.1} µs of CPU for each delivery"));
        }
        if let Some(why) = &self.first_refusal {
            line(format_args!("  {} messages were refused, the first because {why}", self.refused));
        } else if self.refused > 0 {
            line(format_args!("  {} messages were not answered", self.refused));
        }
        if let Some(why) = &self.first_end {
            line(format_args!("  {} links broke, the first because {why}", self.ended));
        }
        text.push('\n');
        text.push_str(&histogram("Delay of an acknowledgement", &self.acknowledged, 12));
        text.push('\n');
        text.push_str(&histogram("Delay of a delivery", &self.delivered, 20));
        text
    }

    pub fn svg(&self) -> String {
        let series = |name: &str, distribution| Series { name: name.to_owned(), distribution };
        Plot {
            title: format!("{} members of one chat, {} messages a second", self.members, self.rate),
            axis: "from when a message was due, ms".to_owned(),
            series: vec![series("acknowledged", &self.acknowledged), series("delivered", &self.delivered)],
            notes: vec![format!("lost {}, doubled {}, reordered {}", self.lost, self.doubled, self.reordered)],
        }
        .to_svg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_went_wrong_stands_beside_what_was_fast() {
        let usage = |cpu| Some(Usage { cpu: Duration::from_millis(cpu), resident: 0 });
        let usages = Usages { before: usage(100), written: usage(200) };
        let mut seen = Seen { lost: 2, first_refusal: Some("no".into()), refused: 1, ..Seen::default() };
        seen.acknowledged.extend([2_000; 19]);
        seen.delivered.extend([5_000; 188]);
        let options = Options {
            members: 10,
            rate: 10,
            seconds: 2,
            processes: 1,
            realtime: false,
            server_binary: None,
            server_arg: Vec::new(),
        };
        let report = Report::new(&options, 19, &usages, seen);
        assert_eq!((report.messages, report.deliveries, report.deliveries_expected), (20, 188, 190));
        assert!((report.cpu_per_delivery.unwrap() - 531.9).abs() < 0.1);
        let text = report.text();
        assert!(text.contains("lost 2, doubled 0, reordered 0") && text.contains("because no"), "{text}");
        assert!(text.contains("19 of 20, p50 2.0 ms"), "{text}");
    }
}

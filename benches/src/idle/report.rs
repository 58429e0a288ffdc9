//! What a measurement of idle links says: numbers for people, JSON for programs, a plot.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Options;
use super::crowd::Seen;
use crate::machine::usage::Usage;
use crate::statistics::{Distribution, Plot, Series, Summary, histogram};

/// What the server had used at four moments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usages {
    /// Before the first link.
    pub before: Option<Usage>,
    /// With all links, when nothing happens any more.
    pub idle: Option<Usage>,
    /// After a while of that.
    pub idle_after: Option<Usage>,
    /// After the changes of presence.
    pub changed: Option<Usage>,
    /// How long these took.
    pub took: Duration,
}

/// One run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub links: usize,
    pub watchers: usize,
    pub contacts: usize,
    /// Whether links were inside TLS instead of sealed over plain http.
    pub tls: bool,
    pub realtime: bool,
    /// Bytes of the server's resident memory for each link, where the system tells.
    pub resident_per_link: Option<f64>,
    /// The server's CPU while nothing happens, as share of one core, where the system tells.
    pub idle_cpu: Option<f64>,
    /// From before a change was asked for to its arrival at a watcher.
    pub presence_delay_ms: Summary,
    pub deliveries: u64,
    pub deliveries_expected: u64,
    /// The server's CPU for one delivery of a change, beyond what it uses when nothing happens, in microseconds.
    pub cpu_per_delivery: Option<f64>,
    /// Links that broke.
    pub ended: usize,
    pub first_end: Option<String>,
    /// Short POSTs of all links, since the beginning.
    pub posts: u64,
    #[serde(skip)]
    pub delay: Distribution,
}

impl Report {
    pub fn new(options: &Options, usages: &Usages, seen: Seen) -> Self {
        let links = options.links.max(1) as f64;
        let grown = usages.before.zip(usages.idle_after);
        let busy = |(from, to): (Usage, Usage)| (to.cpu.saturating_sub(from.cpu)).as_secs_f64();
        let idle_cpu = usages.idle.zip(usages.idle_after).map(|both| busy(both) / options.seconds.max(1) as f64);
        let changing = usages.idle_after.zip(usages.changed).map(busy).zip(idle_cpu);
        let beyond = changing.map(|(cpu, idle)| (cpu - idle * usages.took.as_secs_f64()).max(0.0));
        Self {
            links: options.links,
            watchers: options.watchers,
            contacts: options.contacts,
            tls: options.tls,
            realtime: options.realtime,
            resident_per_link: grown.map(|(from, to)| to.resident.saturating_sub(from.resident) as f64 / links),
            idle_cpu,
            presence_delay_ms: seen.delay.summary(),
            deliveries: seen.delay.count(),
            deliveries_expected: options.watchers as u64 * u64::from(options.changes),
            cpu_per_delivery: beyond.map(|seconds| seconds * 1e6 / seen.delay.count().max(1) as f64),
            ended: seen.ended,
            first_end: seen.first_end,
            posts: seen.posts,
            delay: seen.delay,
        }
    }

    /// A few lines and a histogram for the terminal.
    pub fn text(&self) -> String {
        let number = |value: Option<f64>, scale: f64, decimals: usize| {
            value.map_or("n/a".to_owned(), |value| format!("{:.decimals$}", value / scale))
        };
        let mut text = String::new();
        let kind = if self.tls { "inside TLS" } else { "sealed over plain http" };
        let delay = &self.presence_delay_ms;
        // Writing into a String cannot fail.
        writeln!(text, "{} idle links {kind}, each of an account with {} contacts", self.links, self.contacts)
            .unwrap_or_default();
        writeln!(text, "  memory      {} kB a link", number(self.resident_per_link, 1_000.0, 1)).unwrap_or_default();
        writeln!(text, "  idle CPU    {} % of a core", number(self.idle_cpu, 0.01, 1)).unwrap_or_default();
        writeln!(
            text,
            "  presence    {} of {} deliveries to {} watchers, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, {} µs of CPU each",
            self.deliveries,
            self.deliveries_expected,
            self.watchers,
            delay.p50,
            delay.p99,
            delay.max,
            number(self.cpu_per_delivery, 1.0, 0),
        )
        .unwrap_or_default();
        if let Some(why) = &self.first_end {
            writeln!(text, "  {} links broke, the first because {why}", self.ended).unwrap_or_default();
        }
        text.push('\n');
        text.push_str(&histogram("Delay of a change of presence", &self.delay, 20));
        text
    }

    pub fn svg(&self) -> String {
        let series = vec![Series { name: "komado-server".to_owned(), distribution: &self.delay }];
        let title = format!("One change of presence to {} watchers among {} links", self.watchers, self.links);
        let axis = "from asked for to received, ms".to_owned();
        Plot { title, axis, series, notes: Vec::new() }.to_svg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_costs_is_what_was_added() {
        let usage = |cpu, resident| Some(Usage { cpu: Duration::from_millis(cpu), resident });
        let usages = Usages {
            before: usage(100, 20_000_000),
            idle: usage(5_000, 40_000_000),
            idle_after: usage(5_600, 50_000_000),
            changed: usage(6_000, 50_000_000),
            took: Duration::from_secs(10),
        };
        let mut seen = Seen::default();
        seen.delay.extend([5_000; 20]);
        let options = Options {
            links: 1_000,
            watchers: 10,
            contacts: 2,
            tls: false,
            seconds: 30,
            changes: 2,
            processes: 1,
            realtime: false,
            server_binary: None,
            server_arg: Vec::new(),
        };
        let report = Report::new(&options, &usages, seen);
        assert_eq!((report.resident_per_link, report.idle_cpu), (Some(30_000.0), Some(0.02)));
        // 0.4 s in all, of which 0.2 s would have been used anyhow.
        assert!((report.cpu_per_delivery.unwrap() - 10_000.0).abs() < 1.0);
        let text = report.text();
        assert!(text.contains("30.0 kB a link") && text.contains("2.0 % of a core"), "{text}");
        assert!(text.contains("20 of 20 deliveries"), "{text}");
    }
}

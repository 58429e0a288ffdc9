//! What a fan-out measurement says: numbers for people, JSON for programs, a plot.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::readers::Received;
use crate::statistics::{Distribution, Plot, Series, Summary, histogram};

/// One run: the floor and, unless only that was asked for, the server, with the same readers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub readers: usize,
    /// Megabits a second that each reader should get.
    pub megabits: f64,
    pub realtime: bool,
    pub floor: Side,
    pub server: Option<Side>,
    /// The server's CPU for a gigabit over the floor's.
    pub cpu_ratio: Option<f64>,
}

/// What was seen of one sender.
#[derive(Debug, Serialize, Deserialize)]
pub struct Side {
    pub name: String,
    pub relay_delay_ms: Summary,
    /// CPU seconds for each gigabit of frames delivered, where the system tells.
    pub cpu_per_gigabit: Option<f64>,
    /// Bytes of resident memory for each reader, where the system tells.
    pub resident_per_reader: Option<f64>,
    pub frames: u64,
    /// Frames that all readers together should have got.
    pub frames_expected: u64,
    /// The fewest frames that any reader got.
    pub fewest: u64,
    pub silent_readers: usize,
    pub ended_readers: usize,
    pub first_end: Option<String>,
    pub gigabits: f64,
    #[serde(skip)]
    pub delay: Distribution,
}

impl Side {
    pub fn new(name: &str, received: Received, expected: u64, cpu: Option<f64>, resident: Option<f64>) -> Self {
        let gigabits = received.bytes as f64 * 8.0 / 1e9;
        Self {
            name: name.to_owned(),
            relay_delay_ms: received.delay.summary(),
            cpu_per_gigabit: cpu.map(|seconds| seconds / gigabits.max(f64::MIN_POSITIVE)),
            resident_per_reader: resident,
            frames: received.frames,
            frames_expected: expected,
            fewest: received.fewest,
            silent_readers: received.silent,
            ended_readers: received.ended,
            first_end: received.first_end,
            gigabits,
            delay: received.delay,
        }
    }
}

impl Report {
    pub fn new(readers: usize, megabits: f64, realtime: bool, floor: Side, server: Option<Side>) -> Self {
        let cpu = |side: &Side| side.cpu_per_gigabit;
        let cpu_ratio = server.as_ref().and_then(cpu).zip(cpu(&floor)).map(|(server, floor)| server / floor);
        Self { readers, megabits, realtime, floor, server, cpu_ratio }
    }

    /// A table and a histogram for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let priority = if self.realtime { "real-time priority" } else { "normal priority" };
        // Writing into a String cannot fail.
        writeln!(text, "{} readers of {:.2} Mb/s each, {priority}", self.readers, self.megabits).unwrap_or_default();
        writeln!(
            text,
            "{:<22}{:>10}{:>9}{:>9}{:>9}{:>12}{:>9}{:>8}",
            "", "CPU s/Gb", "p50 ms", "p99 ms", "max ms", "kB/reader", "frames", "silent"
        )
        .unwrap_or_default();
        for side in self.sides() {
            let number = |value: Option<f64>, scale: f64, decimals: usize| {
                value.map_or("n/a".to_owned(), |value| format!("{:.decimals$}", value / scale))
            };
            writeln!(
                text,
                "{:<22}{:>10}{:>9.2}{:>9.2}{:>9.1}{:>12}{:>8.1}%{:>8}",
                side.name,
                number(side.cpu_per_gigabit, 1.0, 3),
                side.relay_delay_ms.p50,
                side.relay_delay_ms.p99,
                side.relay_delay_ms.max,
                number(side.resident_per_reader, 1_000.0, 1),
                side.frames as f64 * 100.0 / side.frames_expected.max(1) as f64,
                side.silent_readers,
            )
            .unwrap_or_default();
            if let Some(why) = &side.first_end {
                writeln!(text, "  {} readers lost their connection, the first because {why}", side.ended_readers)
                    .unwrap_or_default();
            }
        }
        if let Some(ratio) = self.cpu_ratio {
            writeln!(text, "The server's CPU is {ratio:.2} × the kernel's floor of this run.").unwrap_or_default();
        }
        for side in self.sides() {
            text.push('\n');
            text.push_str(&histogram(&format!("Relay delay, {}", side.name), &side.delay, 20));
        }
        text
    }

    pub fn svg(&self) -> String {
        let series = self.sides().map(|side| Series { name: side.name.clone(), distribution: &side.delay }).collect();
        let notes = self.cpu_ratio.map(|ratio| format!("Server CPU {ratio:.2} × the kernel's floor"));
        let title = format!("Fan-out to {} readers of {:.2} Mb/s", self.readers, self.megabits);
        let axis = "from made to received, ms".to_owned();
        Plot { title, axis, series, notes: notes.into_iter().collect() }.to_svg()
    }

    fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.floor).chain(&self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, cpu: f64) -> Side {
        let mut received = Received { frames: 800, bytes: 125_000_000, fewest: 80, ..Received::default() };
        received.delay.extend([3_000, 4_000]);
        Side::new(name, received, 800, Some(cpu), Some(10_400.0))
    }

    #[test]
    fn the_ratio_to_the_floor_is_shown() {
        let report = Report::new(10, 1.07, false, side("kernel floor", 0.4), Some(side("komado-server", 0.5)));
        assert!((report.cpu_ratio.unwrap() - 1.25).abs() < 1e-9);
        let text = report.text();
        assert!(
            text.contains("1.25 × the kernel's floor") && text.contains("0.500") && text.contains("10.4"),
            "{text}"
        );
        assert!(report.svg().contains("komado-server: p50"));
    }

    #[test]
    fn without_a_server_there_is_no_ratio() {
        assert_eq!(Report::new(10, 1.07, true, side("kernel floor", 0.4), None).cpu_ratio, None);
    }
}

//! What a measurement of the window says: numbers for people, JSON for programs, a plot.

use std::fmt::Write;

use serde::Serialize;

use super::photons::Photons;
use crate::machine::memory::Resident;
use crate::statistics::{Distribution, Freezes, Plot, Series, Summary, freezes, histogram};

/// From the start of the program with a session that it remembers.
#[derive(Debug, Serialize)]
pub struct Started {
    /// Until its window is drawn.
    pub drawn_ms: f64,
    /// Until a contact sees that the person is there.
    pub connected_ms: f64,
}

/// What threads of one kind used.
#[derive(Debug, Serialize)]
pub struct Used {
    pub threads: String,
    /// Of one core.
    pub share: f64,
    /// Whether they do what a GPU does where there is one.
    pub software_gpu: bool,
}

/// The window while nothing happens.
#[derive(Debug, Serialize)]
pub struct Idle {
    pub seconds: u64,
    pub used: Vec<Used>,
    /// Bytes.
    pub resident: Option<u64>,
}

/// The window in a call with pictures both ways.
#[derive(Debug, Serialize)]
pub struct Call {
    pub seconds: u64,
    /// From the caller's camera to the pixels of the window.
    pub photons_ms: Summary,
    /// Pictures that the caller's camera made, and those of them that were seen in the window.
    pub made: u64,
    pub seen: u64,
    /// How often the window was drawn with the picture that was already there, and with none that could be read.
    pub same: u64,
    pub unreadable: u64,
    pub freezes: Freezes,
    pub used: Vec<Used>,
    /// Bytes of the files of the software GPU's driver, and of everything else.
    pub resident_driver: Option<u64>,
    pub resident: Option<u64>,
    #[serde(skip)]
    pub photons: Distribution,
}

impl Call {
    pub fn new(seconds: u64, made: u64, photons: Photons, used: Vec<Used>, resident: Option<Resident>) -> Self {
        Self {
            seconds,
            photons_ms: photons.delay.summary(),
            made,
            seen: photons.delay.count(),
            same: photons.same,
            unreadable: photons.unreadable,
            freezes: freezes(photons.at.iter().copied()),
            used,
            resident_driver: resident.map(|resident| resident.of_files),
            resident: resident.map(|resident| resident.of_others),
            photons: photons.delay,
        }
    }
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub size: String,
    pub frame_rate: f32,
    /// Width and height of the window, in pixels.
    pub window_size: [u16; 2],
    pub started: Started,
    pub idle: Option<Idle>,
    pub call: Call,
}

impl Report {
    /// A table and a histogram for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let [width, height] = self.window_size;
        let (started, call) = (&self.started, &self.call);
        let megabytes =
            |bytes: Option<u64>| bytes.map_or("n/a".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6));
        // Writing into a String cannot fail.
        writeln!(text, "a window of {width}x{height}").unwrap_or_default();
        let (drawn, connected) = (started.drawn_ms, started.connected_ms);
        writeln!(text, "  start       drawn after {drawn:.0} ms, connected after {connected:.0} ms")
            .unwrap_or_default();
        if let Some(idle) = &self.idle {
            let (own, gpu) = shares(&idle.used);
            let resident = megabytes(idle.resident);
            writeln!(
                text,
                "  idle        {:.2} % of a core over {} s, software GPU {:.2} %; {resident} MB resident",
                own * 100.0,
                idle.seconds,
                gpu * 100.0
            )
            .unwrap_or_default();
        }
        writeln!(
            text,
            "a call of {} at {} pictures a second both ways, {} s",
            self.size, self.frame_rate, call.seconds
        )
        .unwrap_or_default();
        let photons = &call.photons_ms;
        writeln!(
            text,
            "  camera to window's pixels   p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            photons.p50, photons.p95, photons.p99, photons.max
        )
        .unwrap_or_default();
        writeln!(
            text,
            "  {} pictures made, {} seen; drawn {} times without a new one, {} times without a readable one; \
             {} freezes of {:.0} ms in all",
            call.made,
            call.seen,
            call.same,
            call.unreadable,
            call.freezes.count,
            call.freezes.micros as f64 / 1_000.0
        )
        .unwrap_or_default();
        let (own, gpu) = shares(&call.used);
        writeln!(text, "  CPU         {:.1} % of a core, software GPU {:.1} %", own * 100.0, gpu * 100.0)
            .unwrap_or_default();
        for used in call.used.iter().filter(|used| used.share >= LEAST_SHARE) {
            let note = if used.software_gpu { " (software GPU)" } else { "" };
            writeln!(text, "    {:<18}{:>6.1} %{note}", used.threads, used.share * 100.0).unwrap_or_default();
        }
        writeln!(
            text,
            "  memory      {} MB resident, and {} MB of the software GPU's files",
            megabytes(call.resident),
            megabytes(call.resident_driver)
        )
        .unwrap_or_default();
        text.push('\n');
        text.push_str(&histogram("Camera to window's pixels", &call.photons, 16));
        text
    }

    pub fn svg(&self) -> String {
        let series = vec![Series { name: "camera to window's pixels".to_owned(), distribution: &self.call.photons }];
        let title = format!("A call of {} in a window", self.size);
        Plot { title, axis: "camera to the window's pixels, ms".to_owned(), series, notes: Vec::new() }.to_svg()
    }
}

/// Of the program itself, and of the software GPU.
fn shares(used: &[Used]) -> (f64, f64) {
    let sum = |gpu: bool| used.iter().filter(|used| used.software_gpu == gpu).map(|used| used.share).sum();
    (sum(false), sum(true))
}

/// Threads that use less are not listed for people.
const LEAST_SHARE: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_software_gpu_is_told_apart() {
        let used = |threads: &str, share, software_gpu| Used { threads: threads.to_owned(), share, software_gpu };
        let mut photons = Photons::default();
        photons.delay.extend([40_000; 100]);
        let resident = Some(Resident { of_files: 90_000_000, of_others: 120_000_000 });
        let used = vec![used("llvmpipe", 0.5, true), used("komado", 0.25, false), used("camera", 0.125, false)];
        let call = Call::new(10, 101, photons, used, resident);
        let started = Started { drawn_ms: 300.0, connected_ms: 400.0 };
        let size = "1280x720".to_owned();
        let report = Report { size, frame_rate: 30.0, window_size: [360, 720], started, idle: None, call };
        let text = report.text();
        assert!(text.contains("CPU         37.5 % of a core, software GPU 50.0 %"), "{text}");
        assert!(text.contains("120 MB resident, and 90 MB of the software"), "{text}");
        assert!(text.contains("p50 40.0 ms") && text.contains("101 pictures made, 100 seen"), "{text}");
        assert!(report.svg().contains("<svg"));
    }
}

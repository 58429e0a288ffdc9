//! A progress bar on the terminal, silent when nobody looks.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Counts up to a whole; drawn on standard error while that is a terminal.
#[derive(Debug)]
pub struct Progress {
    label: String,
    whole: f64,
    shown: bool,
    drawn: Option<Instant>,
}

impl Progress {
    pub fn new(label: impl Into<String>, whole: f64) -> Self {
        Self {
            label: label.into(),
            whole: whole.max(f64::MIN_POSITIVE),
            shown: std::io::stderr().is_terminal(),
            drawn: None,
        }
    }

    /// Draws `done` of the whole, at most some times a second.
    pub fn set(&mut self, done: f64, note: &str) {
        if !self.shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        draw(&line(&self.label, done / self.whole, note));
    }

    /// Waits for `span` while the bar fills.
    pub fn wait(label: impl Into<String>, span: Duration) {
        let mut progress = Self::new(label, span.as_secs_f64());
        let begin = Instant::now();
        while begin.elapsed() < span {
            let left = span.saturating_sub(begin.elapsed());
            progress.set(begin.elapsed().as_secs_f64(), &format!("{:.0} s left", left.as_secs_f64()));
            std::thread::sleep(REDRAW.min(left));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            draw("\r\x1b[K");
        }
    }
}

fn line(label: &str, share: f64, note: &str) -> String {
    let full = (share.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
    format!(
        "\r\x1b[K{label} [{}{}] {:3.0} % {note}",
        "#".repeat(full),
        "·".repeat(WIDTH - full),
        share.clamp(0.0, 1.0) * 100.0
    )
}

fn draw(text: &str) {
    let mut terminal = std::io::stderr().lock();
    // A terminal that cannot be written to has nobody looking at it.
    terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).unwrap_or_default();
}

const WIDTH: usize = 30;
const REDRAW: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        assert!(line("x", 0.5, "").contains(&format!("[{}{}]  50 %", "#".repeat(15), "·".repeat(15))));
        assert!(line("x", 7.0, "").contains("100 %"));
    }
}

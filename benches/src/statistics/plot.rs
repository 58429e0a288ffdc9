//! A plot as SVG: distributions side by side, readable in any browser, written without any library.

use std::fmt::Write;

use super::Distribution;

/// A page with one histogram for each series, all on the same axis.
#[derive(Debug)]
pub struct Plot<'a> {
    pub title: String,
    /// What the horizontal axis shows, e.g. "relay delay in ms".
    pub axis: String,
    pub series: Vec<Series<'a>>,
    /// Lines of text under the plot.
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct Series<'a> {
    pub name: String,
    pub distribution: &'a Distribution,
}

impl Plot<'_> {
    pub fn to_svg(&self) -> String {
        let height = TOP + self.series.len() as f64 * (PANEL + GAP) + 24.0 + self.notes.len() as f64 * 18.0 + 12.0;
        let widest = self.series.iter().map(|series| series.distribution.quantile(0.995)).max().unwrap_or(0);
        let span = (widest as f64 * 1.1).max(1.0);
        let mut svg = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| writeln!(svg, "{text}").unwrap_or_default();
        line(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"13\">"
        ));
        line(format_args!("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
        line(format_args!("<text x=\"{LEFT}\" y=\"26\" font-size=\"17\">{}</text>", escaped(&self.title)));
        for (number, series) in self.series.iter().enumerate() {
            let top = TOP + number as f64 * (PANEL + GAP);
            let colour = COLOURS[number % COLOURS.len()];
            for text in panel(series, top, span, colour) {
                line(format_args!("{text}"));
            }
        }
        let axis = TOP + self.series.len() as f64 * (PANEL + GAP);
        for tick in 0..=TICKS {
            let x = LEFT + PLOT * f64::from(tick) / f64::from(TICKS);
            let value = span * f64::from(tick) / f64::from(TICKS) / 1_000.0;
            line(format_args!("<text x=\"{x:.1}\" y=\"{axis:.1}\" text-anchor=\"middle\">{value:.1}</text>"));
        }
        let middle = LEFT + PLOT / 2.0;
        let below = axis + 20.0;
        line(format_args!(
            "<text x=\"{middle}\" y=\"{below:.1}\" text-anchor=\"middle\">{}</text>",
            escaped(&self.axis)
        ));
        for (number, note) in self.notes.iter().enumerate() {
            let y = axis + 40.0 + number as f64 * 18.0;
            line(format_args!("<text x=\"{LEFT}\" y=\"{y:.1}\" fill=\"#555555\">{}</text>", escaped(note)));
        }
        line(format_args!("</svg>"));
        svg
    }
}

fn panel(series: &Series<'_>, top: f64, span: f64, colour: &str) -> Vec<String> {
    let distribution = series.distribution;
    let summary = distribution.summary();
    let bottom = top + PANEL;
    let step = span / BARS as f64;
    let counts: Vec<u64> = (0..BARS)
        .map(|bar| distribution.count_between((bar as f64 * step) as u64, ((bar + 1) as f64 * step) as u64))
        .collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let right = LEFT + PLOT;
    let mut drawn = vec![
        format!(
            "<text x=\"{LEFT}\" y=\"{:.1}\">{}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, max {:.1} ms</text>",
            top - 6.0,
            escaped(&series.name),
            summary.p50,
            summary.p95,
            summary.p99,
            summary.max
        ),
        format!("<line x1=\"{LEFT}\" y1=\"{bottom:.1}\" x2=\"{right}\" y2=\"{bottom:.1}\" stroke=\"#888888\"/>"),
    ];
    for (bar, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = PANEL * *count as f64 / most;
        let x = LEFT + PLOT * bar as f64 / BARS as f64;
        let width = PLOT / BARS as f64 - 0.5;
        let y = bottom - height;
        drawn.push(format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        ));
    }
    for (label, value) in [("p50", summary.p50), ("p99", summary.p99)] {
        let x = LEFT + PLOT * (value * 1_000.0 / span).min(1.0);
        drawn.push(format!(
            "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#222222\" \
             stroke-dasharray=\"4 3\"/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\">{label}</text>",
            x + 3.0,
            top + 11.0
        ));
    }
    drawn
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 50.0;
const PLOT: f64 = 760.0;
const TOP: f64 = 64.0;
const PANEL: f64 = 130.0;
const GAP: f64 = 40.0;
const BARS: usize = 95;
const TICKS: u8 = 8;
const COLOURS: [&str; 4] = ["#4477aa", "#ee6677", "#228833", "#aa7733"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_has_its_bars_its_numbers_and_no_loose_markup() {
        let mut distribution = Distribution::default();
        distribution.extend((0..1_000).map(|n| 3_000 + n * 2));
        let series = |name: &str| Series { name: name.to_owned(), distribution: &distribution };
        let plot = Plot {
            title: "a < b & c".into(),
            axis: "ms".into(),
            series: vec![series("floor"), series("server")],
            notes: vec!["2 cores".into()],
        };
        let svg = plot.to_svg();
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("floor: p50") && svg.ends_with("</svg>\n"));
        assert!(svg.matches("<rect").count() > 20, "{svg}");
        assert!(svg.lines().filter(|line| line.starts_with('<')).all(|line| line.ends_with('>')));
    }

    #[test]
    fn nothing_measured_still_draws() {
        let empty = Distribution::default();
        let series = vec![Series { name: "none".into(), distribution: &empty }];
        let plot = Plot { title: String::new(), axis: String::new(), series, notes: Vec::new() };
        assert!(plot.to_svg().starts_with("<svg"));
    }
}

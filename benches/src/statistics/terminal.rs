//! A histogram for the terminal.

use std::fmt::Write;

use super::Distribution;

/// Draws `rows` bars from 0 to a little past the 99.5th percentile; what lies beyond is summed up in the last line.
pub fn histogram(title: &str, distribution: &Distribution, rows: usize) -> String {
    let mut drawn = format!("{title} ({} samples)\n", distribution.count());
    if distribution.is_empty() || rows == 0 {
        return drawn;
    }
    let step = nice_step(distribution.quantile(0.995).max(1), rows);
    let counts: Vec<u64> =
        (0..rows as u64).map(|row| distribution.count_between(row * step, (row + 1) * step)).collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let decimals = usize::from(step < 1_000) + usize::from(step < 100);
    let last = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    for (row, count) in counts.iter().enumerate().take(last + 1) {
        let from = (row as u64 * step) as f64 / 1_000.0;
        let to = ((row as u64 + 1) * step) as f64 / 1_000.0;
        let share = *count as f64 * 100.0 / distribution.count() as f64;
        let bar = bar(*count as f64 / most as f64);
        // Writing into a String cannot fail.
        writeln!(drawn, "{from:>8.decimals$}–{to:<8.decimals$} ms {bar:<WIDTH$} {share:5.1} %").unwrap_or_default();
    }
    let shown: u64 = counts.iter().sum();
    let beyond = distribution.count().saturating_sub(shown);
    if beyond > 0 {
        let max = distribution.max() as f64 / 1_000.0;
        writeln!(drawn, "{:>8} {beyond} more, up to {max:.1} ms", "").unwrap_or_default();
    }
    drawn
}

fn bar(share: f64) -> String {
    let eighths = (share * WIDTH as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    let partial = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
    if partial != ' ' {
        bar.push(partial);
    } else if bar.is_empty() && share > 0.0 {
        bar.push('▏');
    }
    bar
}

/// A round number of microseconds so that `rows` of them cover `span`.
fn nice_step(span: u64, rows: usize) -> u64 {
    let least = span.div_ceil(rows as u64).max(1);
    let mut decade = 1;
    loop {
        for factor in [1, 2, 5] {
            if decade * factor >= least {
                return decade * factor;
            }
        }
        decade *= 10;
    }
}

const WIDTH: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_outliers_are_told() {
        let mut distribution = Distribution::default();
        distribution.extend(std::iter::repeat_n(1_500, 1_000));
        distribution.extend(std::iter::repeat_n(3_500, 500));
        distribution.record(90_000);
        let drawn = histogram("Delay", &distribution, 8);
        let bars: Vec<usize> = drawn.lines().map(|line| line.matches('█').count()).collect();
        assert_eq!(bars.iter().copied().max(), Some(WIDTH), "{drawn}");
        assert!(bars.contains(&(WIDTH / 2)), "{drawn}");
        assert!(drawn.contains("1 more, up to 90.0 ms"), "{drawn}");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!((nice_step(7_300, 20), nice_step(1, 20), nice_step(20_000, 10)), (500, 1, 2_000));
    }

    #[test]
    fn an_empty_distribution_is_one_line() {
        assert_eq!(histogram("Delay", &Distribution::default(), 8), "Delay (0 samples)\n");
    }
}

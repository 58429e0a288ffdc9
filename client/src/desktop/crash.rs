//! What is left when the program breaks off: a report in the home, which the next start tells of.

use std::{
    backtrace::Backtrace,
    fs,
    io::Write,
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// The report of the last time it broke off.
const REPORT: &str = "crash-report.txt";

/// The same after it was told of.
const TOLD: &str = "crash-report-told.txt";

/// Writes a report into the home whenever a thread panics, besides what is written to the standard error stream.
pub fn report_panics(home: &Path) {
    let path = home.join(REPORT);
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let written = fs::File::options().create(true).append(true).open(&path);
        if let Err(error) = written.and_then(|mut file| file.write_all(report(panic).as_bytes())) {
            eprintln!("komado: no report of this can be written to {}: {error}", path.display());
        }
    }));
}

fn report(panic: &PanicHookInfo<'_>) -> String {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!(
        "Komado {} on {} {}, Unix time {at}, thread {}\n{panic}\n{}\n\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        std::thread::current().name().unwrap_or("without a name"),
        Backtrace::force_capture(),
    )
}

/// The report of a former time, if there is one that nobody was told of. It is told of once.
pub fn left_report(home: &Path) -> Option<PathBuf> {
    let told = home.join(TOLD);
    match fs::rename(home.join(REPORT), &told) {
        Ok(()) => Some(told),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "the report of a former time cannot be looked at");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_left_by_a_thread_that_panics_and_told_of_once() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(left_report(home.path()), None);
        report_panics(home.path());
        let thread = std::thread::Builder::new().name("the one".to_owned());
        assert!(thread.spawn(|| panic!("this is what happened")).unwrap().join().is_err());
        // Other tests panic as usual.
        drop(panic::take_hook());
        let told = left_report(home.path()).unwrap();
        let text = fs::read_to_string(told).unwrap();
        assert!(text.contains("thread the one") && text.contains("this is what happened"), "{text}");
        assert_eq!(left_report(home.path()), None);
    }
}

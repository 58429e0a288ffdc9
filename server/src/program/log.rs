//! Logs: to standard error, for people or for machines.

use super::Fault;
use server::config::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to log what `filter` lets through.
pub(super) fn begin(filter: &str, format: LogFormat) -> Result<(), Fault> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("--log {filter:?} cannot be understood: {error}; try error, warn, info or debug"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    let begun = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    begun.map_err(|error| -> Fault { error })
}

//! The `komado` program.

use clap::Parser;
use client::headless::{self, Arguments, HeadlessError};
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("komado: {error}.");
            std::process::ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> Result<(), HeadlessError> {
    let filter = EnvFilter::try_new(&arguments.log).map_err(|error| HeadlessError::Log(error.to_string()))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    if !arguments.headless {
        return Err(HeadlessError::NoWindow);
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(headless::run(arguments))
}

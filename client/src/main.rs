//! The `komado` program.

use clap::Parser;
use client::{
    app::{AppOptions, OptionsError},
    headless::{self, Arguments, HeadlessError},
    window::{self, WindowError},
};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Headless(#[from] HeadlessError),
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Window(#[from] WindowError),
}

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

fn start(arguments: Arguments) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&arguments.log).map_err(|error| HeadlessError::Log(error.to_string()))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    if !arguments.headless {
        return Ok(window::run(AppOptions::read(arguments)?)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(HeadlessError::from)?;
    Ok(runtime.block_on(headless::run(arguments))?)
}

//! The `komado` program.

use clap::Parser;
use client::{
    app::{AppOptions, Link, OptionsError},
    desktop::{self, InstanceError, RegistrationError, Start},
    headless::{self, Arguments, HeadlessError},
    home,
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
    Instance(#[from] InstanceError),
    #[error(transparent)]
    Registration(#[from] RegistrationError),
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
    desktop::share_memory();
    if arguments.install_desktop {
        for path in desktop::register()? {
            println!("{}", path.display());
        }
        return Ok(());
    }
    if !arguments.headless {
        return open_window(arguments);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(HeadlessError::from)?;
    Ok(runtime.block_on(headless::run(arguments))?)
}

/// Opens the window, or shows the one that is open with this home.
fn open_window(arguments: Arguments) -> Result<(), Failure> {
    let home = home::folder(arguments.home.as_deref()).ok_or(OptionsError::NoHome)?;
    if let Some(link) = &arguments.link {
        link.parse::<Link>().map_err(OptionsError::from)?;
    }
    match desktop::start(&home, &arguments.link)? {
        Start::First(first) => Ok(window::run(AppOptions::read(arguments)?, first)?),
        Start::Handed => Ok(()),
    }
}

//! `komado-server serve`: starts, says where it is, waits for a signal, ends well.

use super::{Fault, log};
use server::certificate::spelled;
use server::{Config, Running, Server};
use std::io::Write;

pub(super) fn run(config: Config) -> Result<(), Fault> {
    log::begin(&config.log, config.log_format)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(if config.workers > 0 { config.workers } else { workers() });
    let runtime = builder.enable_all().thread_name("komado").build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let running = Server::start(config)?;
        introduce(&running);
        signals.next().await;
        tracing::info!("closing; a second signal ends at once");
        tokio::select! {
            () = running.stop() => tracing::info!("closed"),
            () = signals.next() => tracing::warn!("ended at once"),
        }
        Ok(())
    })
}

/// One for each core, but one core stays free: a fan-out that keeps every core busy makes the kernel's own work for the
/// network, and with it the frames that were sent first, wait for those that are sent last.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

/// One line for whoever started the server, on standard output: scripts wait for it.
fn introduce(running: &Running) {
    let addresses: Vec<String> = running.addresses.iter().map(ToString::to_string).collect();
    let state = &running.state;
    let whose = if state.certificate.own { "own certificate" } else { "configured certificate" };
    let database = state.config.database.as_ref().map(|url| format!(", database {url}")).unwrap_or_default();
    let line = format!(
        "komado-server {} listens on {} (https and http), {whose} {}, data in {}{database}",
        env!("CARGO_PKG_VERSION"),
        addresses.join(", "),
        spelled(state.certificate.fingerprint),
        state.config.data.display(),
    );
    // A server without a standard output is a server all the same.
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        tracing::debug!(%error, "nobody reads the standard output");
    }
    tracing::info!(
        addresses = addresses.join(","),
        fingerprint = spelled(state.certificate.fingerprint),
        data = %state.config.data.display(),
        "started"
    );
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
        }
    }
}

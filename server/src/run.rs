//! The server as a whole: start, a line that says where it is, and a shutdown that loses nothing.

use crate::call;
use crate::config::Config;
use crate::delivery::CloseReason;
use crate::http::listen::{self, ListenError};
use crate::http::router;
use crate::presence;
use crate::state::{State, StateError};
use crate::upkeep;
use relay::vocabulary::Event;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// When clients should come back, in milliseconds: about as long as a restart takes.
const RETRY_AFTER_MS: u64 = 2_000;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What it stands on.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its addresses.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its addresses, after they were taken.
    #[error("cannot find out which port was given: {0}")]
    Address(std::io::Error),
}

/// The server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Starts a server inside the tokio runtime that this is called from. Port 0 takes any free port.
    ///
    /// # Errors
    /// [`StartError`], each with what to do about it.
    pub fn start(mut config: Config) -> Result<Running, StartError> {
        let listeners = config.listen.iter().map(|address| listen::bind(*address)).collect::<Result<Vec<_>, _>>()?;
        let addresses = listeners.iter().map(|listener| listener.local_addr().map_err(StartError::Address));
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        // Where port 0 was asked for, the one that was given stands in invitations.
        config.listen.clone_from(&addresses);
        let state = State::open(config)?;
        let connections = Arc::new(Semaphore::new(listen::connections_allowed(state.config.max_connections)));
        let app = router::outside(&state);
        let mut serving = JoinSet::new();
        for listener in listeners {
            serving.spawn(listen::run(listener, app.clone(), connections.clone(), state.clone()));
        }
        let mut upkeep = JoinSet::new();
        upkeep.spawn(upkeep::run(state.clone()));
        upkeep.spawn(call::watch(state.calls.clone()));
        upkeep.spawn(presence::keep(state.presences.clone()));
        let (chats, files) = (state.chats.clone(), state.files.clone());
        upkeep.spawn(async move { files.tidy().await });
        upkeep.spawn(async move {
            let _never_all = tokio::join!(chats.keep_index(), chats.send_due(), chats.forget_old());
        });
        Ok(Running { addresses, state, serving, upkeep })
    }
}

/// A running server. Dropping it ends it at once; [`Running::stop`] ends it well.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    /// Its state.
    pub state: Arc<State>,
    serving: JoinSet<()>,
    upkeep: JoinSet<()>,
}

impl Running {
    /// The first address.
    pub fn address(&self) -> SocketAddr {
        self.addresses.first().copied().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Ends calls, tells clients to come back, lets open exchanges end and brings everything to the disk. Takes 5 s at
    /// most.
    pub async fn stop(mut self) {
        let deadline = Instant::now() + PATIENCE;
        let state = &self.state;
        if timeout_at(deadline, state.calls.close()).await.is_err() {
            tracing::warn!("not every call could be noted in its chat");
        }
        state.delivery.send_all(&Event::ServerClosing { retry_after_ms: RETRY_AFTER_MS });
        state.tracks.close_all();
        state.begin_closing();
        state.delivery.close_all(CloseReason::ServerClosing);
        let serving = async { while self.serving.join_next().await.is_some() {} };
        if timeout_at(deadline, serving).await.is_err() {
            tracing::info!("some connections were still open and are cut");
        }
        self.serving.shutdown().await;
        self.upkeep.shutdown().await;
        match timeout_at(Instant::now() + PATIENCE, self.state.presences.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "it could not be stored who was here"),
            Err(_) => tracing::warn!("it could not be stored in time who was here"),
        }
        match timeout_at(Instant::now() + PATIENCE, self.state.database.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the last writes may not have reached the disk"),
            Err(_) => tracing::error!("the disk did not take the last writes in time"),
        }
        // Links that still say farewell hold on to the state, but have nothing more to store.
        self.state.leave_folder();
    }
}

//! Opening links, and opening them again: where the server is, what it must prove, how long to wait.

use std::{sync::Arc, time::Duration};

use relay::{
    seal::{Fingerprint, HandshakeError, ServerProof},
    vocabulary::Problem,
};
use rustls::RootCertStore;
use tokio::task::JoinSet;

use crate::{
    http::{Http, HttpError, ProxyRules, ServerAddress, Unreached},
    link::{Backoff, Clock, Connection, OpenError, chance},
};

/// What a server must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The certificate with this fingerprint.
    Fingerprint(Fingerprint),
    /// A certificate of a public authority.
    Authorities,
}

impl From<&Proof> for ServerProof {
    fn from(proof: &Proof) -> Self {
        match proof {
            Proof::Fingerprint(fingerprint) => Self::Pinned(*fingerprint),
            Proof::Authorities => {
                let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
                Self::Authorities(Arc::new(roots))
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub server: ServerAddress,
    pub proxy: ProxyRules,
    pub proof: Proof,
    /// The name of this device, as other devices of the account see it.
    pub device: String,
}

/// Opens links, one after another, each attempt in a task of its own.
pub(super) struct Connecting {
    options: ConnectOptions,
    clock: Clock,
    backoff: Backoff,
    attempt: JoinSet<Result<Connection, OpenError>>,
}

/// Why no link stands.
pub(super) struct Failed {
    pub reason: String,
    /// Trying again makes no sense.
    pub is_final: bool,
    /// When to try again otherwise.
    pub wait: Duration,
}

impl Connecting {
    pub fn new(options: ConnectOptions, clock: Clock) -> Self {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        Self { options, clock, backoff, attempt: JoinSet::new() }
    }

    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Begins an attempt, unless one is under way.
    pub fn begin(&mut self) {
        if self.attempt.is_empty() {
            self.attempt.spawn(attempt(self.options.clone(), self.clock));
        }
    }

    /// What the attempt came to; never, while none is under way.
    pub async fn outcome(&mut self) -> Result<Connection, Failed> {
        let reason = match self.attempt.join_next().await {
            None => std::future::pending().await,
            Some(Ok(Ok(connection))) => {
                self.backoff.reset();
                return Ok(connection);
            }
            Some(Ok(Err(error))) => {
                let is_final = is_final(&error);
                return Err(Failed { reason: error.to_string(), is_final, wait: self.wait() });
            }
            Some(Err(error)) => format!("the attempt broke off: {error}"),
        };
        Err(Failed { reason, is_final: false, wait: self.wait() })
    }

    fn wait(&mut self) -> Duration {
        self.backoff.after_failure(chance())
    }
}

async fn attempt(options: ConnectOptions, clock: Clock) -> Result<Connection, OpenError> {
    let unreachable =
        |error: &dyn std::fmt::Display| OpenError::Http(HttpError::Unreachable(Unreached::Other, error.to_string()));
    let proxy = options.proxy.choose(&options.server).map_err(|error| unreachable(&error))?;
    let proof = ServerProof::from(&options.proof);
    let http = Http::new(options.server, proxy, proof.clone()).map_err(|error| unreachable(&error))?;
    Connection::open(http, proof, clock).await
}

/// A server that is another one than expected, or none at all, will not become the right one by waiting.
fn is_final(error: &OpenError) -> bool {
    match error {
        OpenError::Proof(_) | OpenError::Handshake(HandshakeError::Name(_)) => true,
        OpenError::Http(HttpError::Problem(problem)) => is_lasting(problem),
        _ => false,
    }
}

fn is_lasting(problem: &Problem) -> bool {
    problem.status < 500 && problem.retry_after_ms.is_none() && !matches!(problem.status, 408 | 410 | 429)
}

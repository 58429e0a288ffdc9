//! A link of the client to the server that is measured: opened, identified, asked.

use std::io::{self, BufRead};
use std::time::Duration;

use client::http::{Http, ServerAddress};
use client::link::{Clock, Connection, LinkEvent};
use relay::Kind;
use relay::seal::{Fingerprint, ServerProof};
use relay::vocabulary::{Request, Response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::failure::BenchError;

/// What the publisher tells those who want to read its track down a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    pub session: String,
    pub track: u64,
    /// The server's fingerprint.
    pub pin: String,
}

/// An open link, one request at a time.
#[derive(Debug)]
pub struct Linked {
    pub connection: Connection,
    last: u64,
}

impl Linked {
    /// Opens a link to `server` (`http://…`), which must have the certificate of that fingerprint.
    pub async fn open(server: &str, pin: Fingerprint) -> Result<Self, BenchError> {
        Ok(Self { connection: connect(server, ServerProof::Pinned(pin)).await?, last: 0 })
    }

    /// The fingerprint of whatever answers at `server`. Enough for a server that this bench has started itself.
    pub async fn fingerprint(server: &str) -> Result<Fingerprint, BenchError> {
        let connection = connect(server, ServerProof::Unproven).await?;
        let fingerprint = connection.fingerprint();
        connection.close("only looking");
        fingerprint.ok_or_else(|| BenchError::Refused(format!("{server} gave no certificate")))
    }

    /// Sends a command and waits for what it answers.
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, BenchError> {
        let refused = |error: &dyn std::fmt::Display| BenchError::Refused(format!("{method} {path}: {error}"));
        self.last += 1;
        let request = Request::new(self.last, method, path, body).map_err(|error| refused(&error))?;
        let request = request.encode().map_err(|error| refused(&error))?;
        self.connection.send_request(&request).map_err(|error| refused(&error))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.answer()).await;
        let answer = answer.map_err(|_| refused(&"no answer in time"))??;
        answer.read().map_err(|problem| refused(&problem.detail))
    }

    async fn answer(&self) -> Result<Response, BenchError> {
        loop {
            match self.connection.next_event().await {
                LinkEvent::Control(frame) if frame.header().kind == Kind::Response => {
                    let response = Response::parse(&frame.payload());
                    let response = response.map_err(|error| BenchError::Refused(error.to_string()))?;
                    if response.id == self.last {
                        return Ok(response);
                    }
                }
                LinkEvent::Ended { reason } => return Err(BenchError::Refused(format!("the link ended: {reason}"))),
                _ => {}
            }
        }
    }
}

/// One line from standard input: what must not stand on a command line.
pub fn first_line() -> Result<String, BenchError> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(BenchError::io("reading the first line"))?;
    Ok(line.trim().to_owned())
}

/// A runtime for one of the bench's processes: one thread, so that it disturbs the server as little as can be.
pub fn runtime() -> Result<tokio::runtime::Runtime, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(BenchError::io("starting a runtime"))
}

async fn connect(server: &str, proof: ServerProof) -> Result<Connection, BenchError> {
    let refused = |error: &dyn std::fmt::Display| BenchError::Refused(format!("opening a link to {server}: {error}"));
    let address: ServerAddress = server.parse().map_err(|error| refused(&error))?;
    let http = Http::new(address, None, proof.clone()).map_err(|error| refused(&error))?;
    Connection::open(http, proof, Clock::start()).await.map_err(|error| refused(&error))
}

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

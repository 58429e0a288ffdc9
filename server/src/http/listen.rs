//! The listener: accepts connections up to a cap and lets each run on its own.

use super::connection::{self, Serving, until_closing};
use super::socket;
use crate::state::State;
use axum::Router;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 4096;
/// How long to wait when the system has no room for another connection.
const FULL_PAUSE: Duration = Duration::from_millis(100);
/// Files that are kept for the database, the log and the like.
const FILES_KEPT: u64 = 128;
/// What a connection over the cap hears: too many to be worth anything but bytes that are ready.
const TOO_MANY: &[u8] = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: 198\r\n",
    "Retry-After: 5\r\nConnection: close\r\n\r\n",
    r#"{"type":"urn:komado:problem:overloaded","title":"The server has too much to do","status":503,"#,
    r#""code":"overloaded","detail":"This server has too many connections. Retry in 5 s.","retry_after_ms":5000}"#
)
.as_bytes();

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has it.
    #[error("{0} is taken by another program: stop that one, or choose another port with --listen")]
    Taken(SocketAddr),
    /// Ports below 1024 need a right.
    #[error(
        "the right to listen on {0} is missing: choose a port above 1023, or give it with \
         `setcap cap_net_bind_service=+ep komado-server`"
    )]
    Forbidden(SocketAddr),
    /// The address is none of this machine's.
    #[error("{0} is no address of this machine: 0.0.0.0 or [::] listens on all of them")]
    NotHere(SocketAddr),
    /// Something else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, io::Error),
}

/// Takes an address.
///
/// # Errors
/// [`ListenError`].
pub fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // On Unix: take the port over from a server that just ended. Elsewhere it would allow two at a time.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken(address),
        io::ErrorKind::PermissionDenied => ListenError::Forbidden(address),
        io::ErrorKind::AddrNotAvailable => ListenError::NotHere(address),
        _ => ListenError::Other(address, error),
    })
}

/// How many connections this system allows, at most `wanted`.
pub fn connections_allowed(wanted: usize) -> usize {
    let files = socket::raise_open_files().map(|files| usize::try_from(files.saturating_sub(FILES_KEPT)));
    match files {
        Some(Ok(files)) if files < wanted => {
            tracing::warn!(wanted, allowed = files, "the limit of open files allows fewer connections than configured");
            files.max(1)
        }
        _ => wanted,
    }
}

/// Accepts and serves connections until the server closes; then lets those that are open end, for as long as it is polled.
pub async fn run(listener: TcpListener, router: Router, free: Arc<Semaphore>, state: Arc<State>) {
    let mut closing = state.closing();
    let tls = TlsAcceptor::from(state.certificate.tls.clone());
    let serving = Serving { router, tls, closing: closing.clone(), idle: state.config.idle };
    // The connections' own business from here on.
    drop(state);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let Ok(permit) = free.clone().try_acquire_owned() else {
                        refuse(stream);
                        continue;
                    };
                    let serving = serving.clone();
                    connections.spawn(async move {
                        if let Err(error) = connection::serve(stream, address.ip(), serving).await {
                            tracing::debug!(%address, %error, "a connection ended early");
                        }
                        drop(permit);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for a moment");
                    tokio::time::sleep(FULL_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = until_closing(&mut closing) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Says that there are too many, if the client's window takes it at once.
fn refuse(mut stream: TcpStream) {
    tokio::spawn(async move {
        let saying = async {
            stream.write_all(TOO_MANY).await?;
            stream.shutdown().await
        };
        if let Ok(Err(error)) = tokio::time::timeout(FULL_PAUSE, saying).await {
            tracing::debug!(%error, "a client over the cap did not listen");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::TOO_MANY;
    use relay::vocabulary::{Problem, code};

    #[test]
    fn who_is_one_too_many_hears_a_problem_like_any_other() {
        let (head, body) = std::str::from_utf8(TOO_MANY).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{} bytes", body.len());
        let detail = "This server has too many connections. Retry in 5 s.";
        let problem = Problem::new(503, code::OVERLOADED, detail).retry_after_ms(5_000);
        assert_eq!(serde_json::from_str::<Problem>(body).unwrap(), problem);
    }
}

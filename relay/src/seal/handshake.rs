//! The TLS 1.3 handshake in three pieces, each small enough for one HTTP body.
//!
//! The client's hello goes up, the server's flight comes down, the client's end goes up; then both sides export the same
//! keys. No application data ever travels inside the handshake's own connection.

use std::{io::Read, sync::Arc};

use rustls::{
    ClientConnection, ServerConfig, ServerConnection,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use thiserror::Error;

use super::{Fingerprint, LinkId, ServerProof, records::Keys};

/// The most bytes one piece of a handshake may have; a chain of certificates fits well.
const MAX_FLIGHT: usize = 64 * 1024;

/// Told apart from every other use of TLS (RFC 7301).
const PROTOCOL: &[u8] = b"komado-link/1";

const EXPORTER_LABEL: &[u8] = b"EXPORTER-komado-link-1";

#[derive(Debug, Error)]
pub enum HandshakeError {
    #[error("the server's certificate is not the one that was expected: {0}")]
    Certificate(rustls::Error),
    #[error("the handshake failed: {0}")]
    Tls(rustls::Error),
    #[error("the handshake's bytes could not be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("the handshake needs more than was sent: something on the path cut it short")]
    Incomplete,
    #[error("a piece of a handshake is over the limit of {MAX_FLIGHT} bytes")]
    TooLong,
    #[error("the server's name is not one that a certificate can have: {0}")]
    Name(String),
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(_) => Self::Certificate(error),
            other => Self::Tls(other),
        }
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What a server needs for handshakes; make it once.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, HandshakeError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Every link makes its own keys: tickets would only make the flight longer.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The client's side.
pub struct ClientHandshake {
    tls: ClientConnection,
}

impl ClientHandshake {
    /// Begins, and gives the first bytes to send. `name` is the server's name or address as the user wrote it.
    pub fn begin(name: &str, proof: ServerProof) -> Result<(Self, Vec<u8>), HandshakeError> {
        let mut config = proof.client_config()?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        let name = ServerName::try_from(name.to_owned()).map_err(|_| HandshakeError::Name(name.to_owned()))?;
        let mut tls = ClientConnection::new(Arc::new(config), name)?;
        let mut hello = Vec::new();
        tls.write_tls(&mut hello)?;
        Ok((Self { tls }, hello))
    }

    /// Takes the server's flight; gives the last bytes to send, the keys, and the fingerprint the server showed.
    pub fn finish(mut self, link: LinkId, flight: &[u8]) -> Result<(Vec<u8>, Keys, Fingerprint), HandshakeError> {
        read_flight(flight, |input| self.tls.read_tls(input))?;
        self.tls.process_new_packets()?;
        let mut end = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut end)?;
        }
        if self.tls.is_handshaking() {
            return Err(HandshakeError::Incomplete);
        }
        let shown = self.tls.peer_certificates().and_then(|chain| chain.first()).ok_or(HandshakeError::Incomplete)?;
        let fingerprint = Fingerprint::of(shown);
        let exported = self.tls.export_keying_material([0; 64], EXPORTER_LABEL, Some(&link.0))?;
        Ok((end, Keys::from_exported(link, exported), fingerprint))
    }
}

/// The server's side.
pub struct ServerHandshake {
    tls: ServerConnection,
    link: LinkId,
}

impl ServerHandshake {
    /// Takes the client's hello, and gives the flight to send.
    pub fn begin(config: Arc<ServerConfig>, link: LinkId, hello: &[u8]) -> Result<(Self, Vec<u8>), HandshakeError> {
        let mut tls = ServerConnection::new(config)?;
        read_flight(hello, |input| tls.read_tls(input))?;
        tls.process_new_packets()?;
        let mut flight = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut flight)?;
        }
        if flight.is_empty() {
            return Err(HandshakeError::Incomplete);
        }
        Ok((Self { tls, link }, flight))
    }

    /// Takes the client's last bytes and gives the keys.
    pub fn finish(mut self, end: &[u8]) -> Result<Keys, HandshakeError> {
        read_flight(end, |input| self.tls.read_tls(input))?;
        self.tls.process_new_packets()?;
        if self.tls.is_handshaking() {
            return Err(HandshakeError::Incomplete);
        }
        let exported = self.tls.export_keying_material([0; 64], EXPORTER_LABEL, Some(&self.link.0))?;
        Ok(Keys::from_exported(self.link, exported))
    }
}

fn read_flight(
    mut flight: &[u8],
    mut read: impl FnMut(&mut dyn Read) -> std::io::Result<usize>,
) -> Result<(), HandshakeError> {
    if flight.len() > MAX_FLIGHT {
        return Err(HandshakeError::TooLong);
    }
    while !flight.is_empty() {
        if read(&mut flight)? == 0 {
            break;
        }
    }
    Ok(())
}

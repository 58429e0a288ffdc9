//! One TCP connection, perhaps with TLS in it: bytes out and in, blocking while it is opened and never afterwards.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use relay::seal::{Fingerprint, ServerProof};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::answer::Answer;
use crate::failure::BenchError;

/// How connections are opened.
#[derive(Debug, Clone)]
pub struct Way {
    pub target: SocketAddr,
    /// `None` for plain http.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Way {
    pub fn new(target: SocketAddr, tls: bool, pin: Fingerprint) -> Result<Self, BenchError> {
        let configured = tls.then(|| {
            let mut config = ServerProof::Pinned(pin).client_config()?;
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        });
        let refused = |error: rustls::Error| BenchError::Refused(format!("TLS: {error}"));
        Ok(Self { target, tls: configured.transpose().map_err(refused)? })
    }
}

/// A connection.
#[derive(Debug)]
pub struct Wire<S> {
    socket: S,
    tls: Option<Box<ClientConnection>>,
    unsent: Vec<u8>,
}

impl Wire<TcpStream> {
    /// Connects, and makes the TLS handshake if there is to be one.
    pub fn connect(way: &Way) -> io::Result<Self> {
        let mut socket = TcpStream::connect(way.target)?;
        socket.set_nodelay(true)?;
        let tls = match &way.tls {
            None => None,
            Some(config) => {
                let name = ServerName::from(way.target.ip());
                let mut tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
                while tls.is_handshaking() {
                    tls.complete_io(&mut socket)?;
                }
                Some(Box::new(tls))
            }
        };
        Ok(Self { socket, tls, unsent: Vec::new() })
    }

    /// Sends a request and waits for the body of its answer.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, BenchError> {
        let failed = || BenchError::io("opening a link");
        self.send(request).map_err(failed())?;
        let (mut answer, mut body, mut buffer) = (Answer::default(), Vec::new(), [0; 4096]);
        while !answer.is_done() {
            let length = self.receive(&mut buffer).map_err(failed())?.unwrap_or_default();
            if length == 0 {
                return Err(BenchError::Refused("the server closed a connection while a link was opened".into()));
            }
            let mut bytes = &buffer[..length];
            while !bytes.is_empty() && !answer.is_done() {
                let (taken, part) =
                    answer.step(bytes).map_err(|error| BenchError::Refused(format!("opening a link: {error}")))?;
                body.extend_from_slice(part);
                bytes = &bytes[taken..];
            }
        }
        Ok(body)
    }

    /// From now on nothing blocks.
    pub fn into_nonblocking(self) -> io::Result<Wire<mio::net::TcpStream>> {
        self.socket.set_nonblocking(true)?;
        Ok(Wire { socket: mio::net::TcpStream::from_std(self.socket), tls: self.tls, unsent: self.unsent })
    }
}

impl<S: Read + Write> Wire<S> {
    /// The socket, to be registered for events.
    pub fn socket(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Sends bytes; what the socket does not take now goes with [`Wire::flush`].
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.unsent.extend_from_slice(bytes),
            Some(tls) => tls.writer().write_all(bytes)?,
        }
        self.flush()
    }

    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        }
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Receives bytes: `None` when there are none now, 0 when there will be none any more.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let received = match &mut self.tls {
                None => self.socket.read(buffer),
                Some(tls) => match tls.reader().read(buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => match tls.read_tls(&mut self.socket) {
                        Ok(0) => Ok(0),
                        Ok(_) => {
                            tls.process_new_packets().map_err(io::Error::other)?;
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                    read => read,
                },
            };
            match received {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

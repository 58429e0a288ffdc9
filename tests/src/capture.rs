//! A recording relay between two hosts: carries TCP through unchanged, keeps every byte, and finds what must not be seen.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::failure::RigError;
use crate::namespace::Namespace;

/// Listens at one address and carries each connection to another, recording both directions, until dropped.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    namespace: Namespace,
}

/// One direction of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub connection: usize,
    pub from_client: bool,
    pub bytes: Vec<u8>,
}

/// Something that must not cross the network in the clear.
#[derive(Debug, Clone)]
pub struct Secret {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Shared {
    recordings: Mutex<Vec<Recording>>,
    sockets: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Recorder {
    /// Listens at `listen` in `namespace`; connects onwards to `target` in the same namespace.
    pub fn start(namespace: &Namespace, listen: SocketAddr, target: SocketAddr) -> Result<Self, RigError> {
        let listener = namespace.listen(listen)?;
        let address = listener.local_addr().map_err(RigError::io("reading the recorder's address"))?;
        let shared = Arc::new(Shared::default());
        let (at_work, inside) = (Arc::clone(&shared), namespace.clone());
        let acceptor = thread::spawn(move || accept(&listener, &inside, target, &at_work));
        Ok(Self { address, shared, acceptor: Some(acceptor), namespace: namespace.clone() })
    }

    /// What clients are told to be the proxy's (or server's) address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything recorded so far.
    pub fn recordings(&self) -> Vec<Recording> {
        lock(&self.shared.recordings).clone()
    }

    /// Each place where one of the secrets, or (if asked) H.264 in the clear, was seen. Empty is good.
    pub fn findings(&self, secrets: &[Secret]) -> Vec<String> {
        let recordings = lock(&self.shared.recordings);
        recordings.iter().flat_map(|recording| findings(recording, secrets)).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for socket in lock(&self.shared.sockets).drain(..) {
            // Already closed is as good as closed now.
            socket.shutdown(Shutdown::Both).unwrap_or_default();
        }
        let woken = self.namespace.connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take()
            && woken
            && acceptor.join().is_err()
        {
            eprintln!("the recorder's thread had panicked");
        }
    }
}

impl Secret {
    /// A password or a chat text: also found as Base64, hexadecimal, percent-encoding and with JSON escapes.
    pub fn text(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut forms = vec![("as it is", bytes.to_vec()), ("in hexadecimal", hexadecimal(bytes))];
        // Base64 looks different for each of three alignments; the characters that mix with neighbours are cut off.
        for (lead, label) in [(0, "in Base64"), (1, "in Base64, shifted by 1"), (2, "in Base64, shifted by 2")] {
            forms.push((label, base64_core(bytes, lead)));
        }
        forms.push(("percent-encoded", percent(bytes)));
        forms.push(("with JSON escapes", json_escaped(text)));
        forms.retain(|(_, form)| form.len() >= 4);
        Self { name: format!("{text:?}"), forms }
    }

    /// Any byte sequence, found as it is.
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), forms: vec![("as it is", bytes.to_vec())] }
    }

    /// H.264 in Annex B: a start code followed by a slice, an IDR slice or a parameter set (H.264 7.3.1, table 7-1).
    pub fn h264() -> Self {
        let mut forms = Vec::new();
        for importance in [0x20, 0x40, 0x60] {
            for unit in [1, 5, 7, 8] {
                forms.push(("as a start code", vec![0, 0, 0, 1, importance | unit]));
            }
        }
        Self { name: "H.264".to_owned(), forms }
    }
}

/// At most one finding per secret: the first form in which it shows.
fn findings(recording: &Recording, secrets: &[Secret]) -> Vec<String> {
    secrets.iter().filter_map(|secret| finding(recording, secret)).collect()
}

fn finding(recording: &Recording, secret: &Secret) -> Option<String> {
    let (label, at) = secret.forms.iter().find_map(|(label, form)| {
        let at = recording.bytes.windows(form.len()).position(|window| window == form)?;
        Some((label, at))
    })?;
    let way = if recording.from_client { "to the server" } else { "to the client" };
    let number = recording.connection;
    Some(format!("{} {label} in connection {number}, {way}, at byte {at}", secret.name))
}

fn accept(listener: &TcpListener, namespace: &Namespace, target: SocketAddr, shared: &Arc<Shared>) {
    for connection in 0.. {
        let Ok((client, _)) = listener.accept() else {
            return;
        };
        if shared.ended.load(Ordering::Relaxed) {
            return;
        }
        // A proxy that is down refuses: so do we, by closing.
        let Ok(onwards) = namespace.connect(target) else {
            continue;
        };
        if let Err(error) = carry(connection, client, onwards, shared) {
            eprintln!("the recorder could not carry a connection: {error}");
        }
    }
}

fn carry(number: usize, client: TcpStream, server: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let copies = [(client.try_clone()?, server.try_clone()?, true), (server.try_clone()?, client.try_clone()?, false)];
    lock(&shared.sockets).extend([client, server]);
    for (from, to, from_client) in copies {
        let index = {
            let mut recordings = lock(&shared.recordings);
            recordings.push(Recording { connection: number, from_client, bytes: Vec::new() });
            recordings.len() - 1
        };
        let shared = Arc::clone(shared);
        thread::Builder::new().spawn(move || copy(from, to, index, &shared))?;
    }
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, index: usize, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                // The other half may still be talking; if it is gone there is nothing to close.
                to.shutdown(Shutdown::Write).unwrap_or_default();
                return;
            }
            Ok(length) => {
                if let Some(recording) = lock(&shared.recordings).get_mut(index) {
                    recording.bytes.extend_from_slice(&buffer[..length]);
                }
                if to.write_all(&buffer[..length]).is_err() {
                    from.shutdown(Shutdown::Both).unwrap_or_default();
                    return;
                }
            }
            Err(_) => {
                to.shutdown(Shutdown::Both).unwrap_or_default();
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text.into_bytes()
}

fn percent(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").unwrap_or_default();
        }
    }
    text.into_bytes()
}

fn json_escaped(text: &str) -> Vec<u8> {
    let mut escaped = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => escaped.push(char::from(byte)),
            _ => write!(escaped, "\\u{unit:04x}").unwrap_or_default(),
        }
    }
    escaped.into_bytes()
}

/// The characters of Base64 that depend on nothing but `bytes`, when `lead` other bytes stand before them.
fn base64_core(bytes: &[u8], lead: usize) -> Vec<u8> {
    let mut bits = Vec::new();
    for byte in std::iter::repeat_n(&0, lead).chain(bytes) {
        bits.extend((0..8).rev().map(|bit| byte >> bit & 1));
    }
    let text: Vec<u8> = bits
        .chunks_exact(6)
        .map(|six| BASE64[six.iter().fold(0, |value, bit| value << 1 | usize::from(*bit))])
        .collect();
    text.into_iter().skip((lead * 8).div_ceil(6)).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8], secret: Secret) -> bool {
        let recording = Recording { connection: 0, from_client: true, bytes: bytes.to_vec() };
        !findings(&recording, &[secret]).is_empty()
    }

    #[test]
    fn a_text_is_found_in_every_dress() {
        let secret = || Secret::text("grüne Gurke!");
        assert!(seen("xx grüne Gurke! yy".as_bytes(), secret()));
        assert!(seen(b"q=gr%C3%BCne%20Gurke%21", secret()));
        assert!(seen(b"{\"text\":\"gr\\u00fcne Gurke!\"}", secret()));
        // printf 'alice:grüne Gurke!' | base64, and with one and two letters less before it
        assert!(seen(b"Basic YWxpY2U6Z3LDvG5lIEd1cmtlIQ==", secret()));
        assert!(seen(b"Basic bGljZTpncsO8bmUgR3Vya2Uh", secret()));
        assert!(seen(b"Basic aWNlOmdyw7xuZSBHdXJrZSE=", secret()));
        assert!(!seen(b"nothing of the kind", secret()));
    }

    #[test]
    fn h264_is_found_and_zeros_are_not() {
        assert!(seen(&[9, 0, 0, 0, 1, 0x67, 0x42], Secret::h264()));
        assert!(seen(&[0, 0, 0, 1, 0x65], Secret::h264()));
        assert!(!seen(&[0, 0, 0, 0, 0, 0], Secret::h264()));
        assert!(!seen(&[0, 0, 0, 1, 0xff], Secret::h264()));
    }

    #[test]
    fn bytes_pass_unchanged_and_are_recorded_both_ways() {
        let namespace = Namespace::new().unwrap();
        let server = namespace.listen("127.0.0.1:80".parse().unwrap()).unwrap();
        let target = server.local_addr().unwrap();
        let recorder = Recorder::start(&namespace, "127.0.0.1:0".parse().unwrap(), target).unwrap();
        let mut client = namespace.connect(recorder.address()).unwrap();
        client.write_all(b"the password is swordfish").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut served, _) = server.accept().unwrap();
        let mut heard = String::new();
        served.read_to_string(&mut heard).unwrap();
        served.write_all(b"fine").unwrap();
        drop(served);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!((heard.as_str(), answer.as_str()), ("the password is swordfish", "fine"));
        let bytes: Vec<Vec<u8>> = recorder.recordings().into_iter().map(|recording| recording.bytes).collect();
        assert_eq!(bytes, [b"the password is swordfish".to_vec(), b"fine".to_vec()]);
        assert_eq!(recorder.findings(&[Secret::text("swordfish")]).len(), 1);
        assert_eq!(recorder.findings(&[Secret::text("tuna"), Secret::h264()]), Vec::<String>::new());
    }
}

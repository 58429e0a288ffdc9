//! A plug on the way to a server: carries TCP through unchanged, and cuts it at any byte, when told or by chance.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::chance::Chance;
use crate::failure::RigError;
use crate::namespace::Namespace;

/// One in so many connections has a limit of its own, after which it is cut.
const DOOMED: u64 = 4;
/// The longest such limit, in bytes of both directions together.
const LIMIT: u64 = 60_000;

/// Listens at one address and carries each connection to another, until dropped.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    namespace: Namespace,
}

#[derive(Debug)]
struct Shared {
    sockets: Mutex<Vec<TcpStream>>,
    chance: Mutex<Chance>,
    unplugged: AtomicBool,
    calm: AtomicBool,
    ended: AtomicBool,
    cuts: AtomicU64,
    loses: Mutex<Option<&'static str>>,
    lost: AtomicU64,
}

impl Cutter {
    /// Listens at `listen` in `namespace`; connects onwards to `target` in the same namespace.
    pub fn start(
        namespace: &Namespace,
        listen: SocketAddr,
        target: SocketAddr,
        chance: Chance,
    ) -> Result<Self, RigError> {
        let listener = namespace.listen(listen)?;
        let address = listener.local_addr().map_err(RigError::io("reading the cutter's address"))?;
        let shared = Arc::new(Shared {
            sockets: Mutex::default(),
            chance: Mutex::new(chance),
            unplugged: AtomicBool::new(false),
            calm: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            loses: Mutex::default(),
            lost: AtomicU64::new(0),
        });
        let (at_work, inside) = (Arc::clone(&shared), namespace.clone());
        let acceptor = thread::spawn(move || accept(&listener, &inside, target, &at_work));
        Ok(Self { address, shared, acceptor: Some(acceptor), namespace: namespace.clone() })
    }

    /// What a client is told to be the server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection; new ones are carried again.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts every connection and carries no new one until [`Cutter::plug`].
    pub fn unplug(&self) {
        self.shared.unplugged.store(true, Ordering::SeqCst);
        self.cut();
    }

    pub fn plug(&self) {
        self.shared.unplugged.store(false, Ordering::SeqCst);
    }

    /// From now on nothing is cut by chance any more.
    pub fn calm_down(&self) {
        self.shared.calm.store(true, Ordering::SeqCst);
        self.plug();
    }

    /// The next bytes on their way up in which `part` occurs are lost, and whatever follows on their connection, as behind a
    /// gateway that has forgotten it: nobody is told.
    pub fn lose(&self, part: &'static str) {
        *lock(&self.shared.loses) = Some(part);
    }

    /// Connections on which something was lost so far.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Connections cut so far.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.cut();
        let woken = self.namespace.connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take()
            && woken
            && acceptor.join().is_err()
        {
            eprintln!("the cutter's thread had panicked");
        }
    }
}

impl Shared {
    fn cut(&self) {
        let sockets = std::mem::take(&mut *lock(&self.sockets));
        self.cuts.fetch_add(sockets.len() as u64 / 2, Ordering::Relaxed);
        for socket in sockets {
            // Already closed is as good as closed now.
            socket.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Whether these bytes are to be lost.
    fn loses(&self, bytes: &[u8]) -> bool {
        let is = |part: &mut &str| part.is_empty() || bytes.windows(part.len()).any(|there| there == part.as_bytes());
        let loses = lock(&self.loses).take_if(is).is_some();
        self.lost.fetch_add(u64::from(loses), Ordering::SeqCst);
        loses
    }
}

fn accept(listener: &TcpListener, namespace: &Namespace, target: SocketAddr, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        if shared.unplugged.load(Ordering::SeqCst) {
            continue;
        }
        // A server that is down refuses: so do we, by closing.
        let Ok(onwards) = namespace.connect(target) else { continue };
        let limit = {
            let mut chance = lock(&shared.chance);
            let doomed = chance.one_in(DOOMED) && !shared.calm.load(Ordering::SeqCst);
            if doomed { chance.below(LIMIT) } else { u64::MAX }
        };
        if let Err(error) = carry(client, onwards, limit, shared) {
            eprintln!("the cutter could not carry a connection: {error}");
        }
    }
}

fn carry(client: TcpStream, server: TcpStream, limit: u64, shared: &Arc<Shared>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let copies = [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)];
    {
        let mut sockets = lock(&shared.sockets);
        sockets.retain(|socket| socket.peer_addr().is_ok());
        sockets.extend([client, server]);
    }
    let left = Arc::new(AtomicU64::new(limit));
    for ((from, to), up) in copies.into_iter().zip([true, false]) {
        let (left, shared) = (Arc::clone(&left), Arc::clone(shared));
        thread::spawn(move || {
            if copy(&from, &to, &left, |bytes| up && shared.loses(bytes)) {
                shared.cuts.fetch_add(1, Ordering::Relaxed);
            }
            for socket in [from, to] {
                socket.shutdown(Shutdown::Both).unwrap_or_default();
            }
        });
    }
    Ok(())
}

/// Copies until either end closes, and nothing from the bytes on that are lost; true if the limit was what ended it.
fn copy(mut from: &TcpStream, mut to: &TcpStream, left: &AtomicU64, loses: impl Fn(&[u8]) -> bool) -> bool {
    let mut buffer = [0; 16 * 1024];
    let mut lost = false;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        lost |= loses(&buffer[..read]);
        if lost {
            continue;
        }
        let before = left.fetch_sub(read as u64, Ordering::SeqCst);
        if before <= read as u64 {
            left.store(0, Ordering::SeqCst);
            // The last bytes before the limit still pass.
            to.write_all(&buffer[..before as usize]).unwrap_or_default();
            return true;
        }
        if to.write_all(&buffer[..read]).is_err() {
            return false;
        }
    }
    false
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_carries_cuts_and_carries_again() {
        let namespace = Namespace::new().unwrap();
        let echo = namespace.listen("127.0.0.1:8080".parse().unwrap()).unwrap();
        thread::spawn(move || {
            while let Ok((stream, _)) = echo.accept() {
                thread::spawn(move || copy(&stream, &stream, &AtomicU64::new(u64::MAX), |_| false));
            }
        });
        let listen = "127.0.0.1:9000".parse().unwrap();
        let cutter = Cutter::start(&namespace, listen, "127.0.0.1:8080".parse().unwrap(), Chance::new(7)).unwrap();
        cutter.calm_down();
        let mut answer = [0; 2];
        let mut ask = |stream: &mut TcpStream| {
            stream.write_all(b"hi").and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer == *b"hi"
        };
        let mut stream = namespace.connect(cutter.address()).unwrap();
        assert!(ask(&mut stream));
        cutter.cut();
        assert!(!ask(&mut stream) && cutter.cuts() == 1);
        cutter.unplug();
        assert!(!ask(&mut namespace.connect(cutter.address()).unwrap()));
        cutter.plug();
        assert!(ask(&mut namespace.connect(cutter.address()).unwrap()));
    }
}

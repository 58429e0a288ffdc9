//! A private network namespace: sockets opened and programs started inside it see no other network.
//!
//! It has no name in the file system and needs no cleaning up: the kernel ends it with its last user.
//! Port 80 can be bound inside by anyone, so "only port 80" is real in tests.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::failure::RigError;

/// A cheap handle; clones share the namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    handle: Arc<OwnedFd>,
}

impl Namespace {
    /// A new namespace in which only `lo` exists, up, with the MTU of an Ethernet.
    pub fn new() -> Result<Self, RigError> {
        let made = on_own_thread(|| -> io::Result<OwnedFd> {
            unshare_network()?;
            let handle = File::open("/proc/thread-self/ns/net")?;
            std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")?;
            Ok(handle.into())
        });
        let handle = made.map_err(RigError::privilege("a network namespace"))?;
        let namespace = Self { handle: Arc::new(handle) };
        namespace.ip(&["link", "set", "lo", "mtu", "1500", "up"])?;
        Ok(namespace)
    }

    /// Adds an address to `lo`, as if one more host lived here.
    pub fn add_host(&self, address: IpAddr) -> Result<(), RigError> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        self.ip(&["addr", "add", &format!("{address}/{bits}"), "dev", "lo"])
    }

    /// Runs `work` on a thread that lives in this namespace: sockets it opens stay there for good.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, RigError> {
        on_own_thread(|| {
            join_network(&self.handle)?;
            Ok(work())
        })
        .map_err(RigError::privilege("entering a network namespace"))
    }

    pub fn listen(&self, address: SocketAddr) -> Result<TcpListener, RigError> {
        self.run(|| TcpListener::bind(address))?.map_err(RigError::io(format!("listening on {address} in a namespace")))
    }

    pub fn connect(&self, address: SocketAddr) -> Result<TcpStream, RigError> {
        self.run(|| TcpStream::connect_timeout(&address, Duration::from_secs(10)))?
            .map_err(RigError::io(format!("connecting to {address} in a namespace")))
    }

    /// A command whose program will run inside this namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let handle = Arc::clone(&self.handle);
        // SAFETY: between fork and exec only the system call `setns` is made; nothing allocates or locks.
        unsafe {
            command.pre_exec(move || join_network(&handle));
        }
        command
    }

    /// Runs `ip` (iproute2) inside the namespace.
    pub(crate) fn ip(&self, arguments: &[&str]) -> Result<(), RigError> {
        let output = self.command("ip").args(arguments).output().map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => RigError::Missing { program: "ip".into(), package: "iproute2" },
            _ => RigError::Io { doing: "running ip".into(), cause },
        })?;
        if output.status.success() {
            return Ok(());
        }
        Err(RigError::CommandFailed {
            command: format!("ip {}", arguments.join(" ")),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

/// Namespaces belong to threads: a thread of our own is changed, never the caller's.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn unshare_network() -> io::Result<()> {
    // SAFETY: a system call without pointers; it changes only the calling thread.
    match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn join_network(handle: &OwnedFd) -> io::Result<()> {
    // SAFETY: a system call on a descriptor that is open for as long as `handle` lives.
    match unsafe { libc::setns(handle.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn two_namespaces_share_a_port_number_but_no_network() {
        let (here, there) = (Namespace::new().unwrap(), Namespace::new().unwrap());
        let port_80: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let listener = here.listen(port_80).unwrap();
        there.connect(port_80).expect_err("nobody listens over there");
        let mut writer = here.connect(port_80).unwrap();
        let (mut reader, _) = listener.accept().unwrap();
        writer.write_all(b"hello").unwrap();
        drop(writer);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello");
    }

    #[test]
    fn programs_run_inside() {
        let namespace = Namespace::new().unwrap();
        namespace.add_host("10.99.0.2".parse().unwrap()).unwrap();
        let output = namespace.command("ip").args(["-br", "addr"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("10.99.0.2/32") && said.lines().count() == 1, "{said}");
    }
}

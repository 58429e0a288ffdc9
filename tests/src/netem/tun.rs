//! A TUN device in a namespace: whole IP packets in and out through a file descriptor.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crate::failure::RigError;
use crate::namespace::Namespace;

/// The device lives as long as this handle.
#[derive(Debug)]
pub struct Tun {
    device: File,
}

impl Tun {
    /// Makes the device `name` in `namespace`, up, with `own` as its address and `peer` at its other end.
    pub fn open(namespace: &Namespace, name: &str, own: Ipv4Addr, peer: Ipv4Addr) -> Result<Self, RigError> {
        let device = namespace.run(|| attach(name))?.map_err(RigError::privilege("a TUN device (/dev/net/tun)"))?;
        // Nothing may cross that no test sent: IPv6 would greet its neighbours.
        let quiet = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
        let has_ipv6 = namespace.run(|| Path::new(&quiet).exists())?;
        if has_ipv6 {
            namespace.run(|| std::fs::write(&quiet, "1"))?.map_err(RigError::io("silencing IPv6 on a TUN device"))?;
        }
        namespace.ip(&["addr", "add", &own.to_string(), "peer", &peer.to_string(), "dev", name])?;
        namespace.ip(&["link", "set", name, "mtu", "1500", "txqueuelen", "2000", "up"])?;
        Ok(Self { device })
    }

    /// The next packet that the namespace sent, or `None` when there is none at the moment.
    pub fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut packet = vec![0; LONGEST_PACKET];
        match (&self.device).read(&mut packet) {
            Ok(length) => {
                packet.truncate(length);
                Ok(Some(packet))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a packet to the namespace. A packet the kernel has no room for is lost, as on any network.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        match (&self.device).write(packet) {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits until a packet can be read, at most for `wait`.
    pub fn wait_readable(&self, wait: Duration) -> io::Result<()> {
        let mut watched = libc::pollfd { fd: self.device.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let limit =
            libc::timespec { tv_sec: wait.as_secs() as libc::time_t, tv_nsec: wait.subsec_nanos() as libc::c_long };
        // SAFETY: one live pollfd and one live timespec are passed, and the mask is allowed to be null.
        let ready = unsafe { libc::ppoll(&mut watched, 1, &limit, std::ptr::null()) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn attach(name: &str) -> io::Result<File> {
    let device = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: an all-zero `ifreq` is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(room)) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives through the call.
    if unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(device)
}

const LONGEST_PACKET: usize = 2048;

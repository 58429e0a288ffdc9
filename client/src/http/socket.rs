//! What is set on a connection so that little waits in it: options that Linux has, and the portable rest.

use std::io;

use tokio::net::TcpStream;

/// No waiting for more to send (Nagle), and, where the system can, little unsent data in the kernel, acknowledgements
/// at once, and an end to what nobody acknowledges.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    system::tune(stream)
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use super::*;

    /// About one frame of video.
    const UNSENT: u32 = 16 * 1024;

    /// What the far end's system has not acknowledged by then will not arrive: a connection on which nothing else would
    /// tell is cut.
    const UNACKNOWLEDGED: Duration = Duration::from_secs(8);

    pub fn tune(stream: &TcpStream) -> io::Result<()> {
        let socket = socket2::SockRef::from(stream);
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        // Nagle's algorithm in a proxy and delayed acknowledgements here would add up to 40 ms to each short request.
        socket.set_tcp_quickack(true)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    pub fn tune(_: &TcpStream) -> io::Result<()> {
        Ok(())
    }
}

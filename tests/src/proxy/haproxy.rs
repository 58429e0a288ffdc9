//! HAProxy as a reverse proxy: with its defaults (it coalesces small writes), or taking in requests first.

use std::net::SocketAddr;
use std::path::Path;

use super::Recipe;

pub fn recipe(folder: &Path, listen: SocketAddr, origin: SocketAddr, buffers: bool) -> Recipe {
    let buffering = if buffers { " option http-buffer-request\n timeout http-request 10s\n" } else { "" };
    let text = format!(
        "global\n maxconn 2000\ndefaults\n mode http\n option dontlognull\n timeout connect 5000\n \
         timeout client 50000\n timeout server 50000\n{buffering}\
         frontend front\n bind {listen}\n default_backend back\nbackend back\n server origin {origin}\n"
    );
    Recipe {
        program: "haproxy",
        package: "haproxy",
        arguments: vec!["-db".into(), "-f".into(), format!("{}/haproxy.cfg", folder.display())],
        files: vec![("haproxy.cfg", text)],
        shared_memory: None,
    }
}

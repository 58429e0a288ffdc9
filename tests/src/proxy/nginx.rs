//! nginx as a reverse proxy: with its defaults (it buffers both ways), or tuned for streams.

use std::net::SocketAddr;
use std::path::Path;

use super::Recipe;

pub fn recipe(folder: &Path, listen: SocketAddr, origin: SocketAddr, streams: bool) -> Recipe {
    let folder = folder.display();
    let tuning = if streams {
        "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; \
         proxy_request_buffering off; client_max_body_size 16m; proxy_read_timeout 600s;"
    } else {
        ""
    };
    let text = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n default_type application/octet-stream; access_log {folder}/access.log; gzip on;\n\
          client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
          uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
          server {{ listen {listen}; location / {{ proxy_pass http://{origin}; {tuning} }} }}\n}}\n"
    );
    Recipe {
        program: "nginx",
        package: "nginx-light",
        arguments: vec!["-e".into(), format!("{folder}/error.log"), "-c".into(), format!("{folder}/nginx.conf")],
        files: vec![("nginx.conf", text)],
        shared_memory: None,
    }
}

//! squid as a strict office sets it up: only port 80, no CONNECT, no cache, body limits, optionally a login.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Login, Recipe};
use crate::failure::RigError;

pub fn recipe(folder: &Path, listen: SocketAddr, login: Option<&Login>) -> Result<Recipe, RigError> {
    let folder = folder.display();
    // squid keeps shared memory under its service's name, even when killed: two must not meet in one.
    let name = format!("komado{}x{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
    let mut files = Vec::new();
    let (login_rules, who) = match login {
        None => (String::new(), "all"),
        Some(login) => {
            files.push(("users", format!("{}:{}\n", login.user, apr1(&login.password)?)));
            let rules = format!(
                "auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/users\n\
                 auth_param basic realm corp\n\
                 auth_param basic children 2\n\
                 acl logged_in proxy_auth REQUIRED\n"
            );
            (rules, "logged_in")
        }
    };
    let text = format!(
        "http_port {listen}\n\
         acl web port 80\n\
         {login_rules}\
         http_access deny !web\n\
         http_access deny CONNECT\n\
         http_access allow {who}\n\
         http_access deny all\n\
         request_body_max_size 10 MB\n\
         reply_body_max_size 100 MB\n\
         client_lifetime 1 hour\n\
         half_closed_clients off\n\
         cache deny all\n\
         via off\n\
         forwarded_for delete\n\
         pid_filename none\n\
         access_log stdio:{folder}/access.log\n\
         buffered_logs off\n\
         cache_log {folder}/cache.log\n\
         coredump_dir {folder}\n\
         pinger_enable off\n\
         netdb_filename none\n\
         shutdown_lifetime 1 second\n\
         max_filedescriptors 8192\n\
         visible_hostname testproxy\n"
    );
    files.push(("squid.conf", text));
    Ok(Recipe {
        program: "squid",
        package: "squid",
        arguments: vec!["-N".into(), "-n".into(), name.clone(), "-f".into(), format!("{folder}/squid.conf")],
        files,
        shared_memory: Some(name),
    })
}

/// The password hash squid's file check understands, by openssl so that the password is on no command line.
fn apr1(password: &str) -> Result<String, RigError> {
    let failed = || RigError::io("hashing a proxy password with openssl");
    let mut openssl = Command::new("openssl")
        .args(["passwd", "-apr1", "-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    if let Some(mut input) = openssl.stdin.take() {
        writeln!(input, "{password}").map_err(failed())?;
    }
    let output = openssl.wait_with_output().map_err(failed())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Squids set up by this process.
static STARTED: AtomicU32 = AtomicU32::new(0);

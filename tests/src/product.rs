//! The product's own programs as tests use them: a server with its data folder and accounts, and headless clients.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::failure::RigError;
use crate::namespace::Namespace;
use crate::program::{Program, built};

/// A real `komado-server` process in a namespace. Its data outlives kills and restarts, and goes when this is dropped.
#[derive(Debug)]
pub struct Server {
    program: Program,
    namespace: Namespace,
    address: SocketAddr,
    fingerprint: String,
    arguments: Vec<OsString>,
    /// The URL of its PostgreSQL, if it has one.
    database: Option<String>,
    folder: TempDir,
}

impl Server {
    /// Starts a server with a fresh data folder at `listen`; port 0 takes any free one. Returns once it listens.
    pub fn start(namespace: &Namespace, listen: SocketAddr, arguments: &[&str]) -> Result<Self, RigError> {
        Self::start_on(namespace, listen, arguments, None)
    }

    /// The same with a PostgreSQL of this URL, or with the embedded database.
    pub fn start_on(
        namespace: &Namespace,
        listen: SocketAddr,
        arguments: &[&str],
        database: Option<String>,
    ) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-server-").map_err(RigError::io("making a server's folder"))?;
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let (program, address, fingerprint) =
            launch(namespace, listen, folder.path(), &arguments, database.as_deref())?;
        Ok(Self { program, namespace: namespace.clone(), address, fingerprint, arguments, database, folder })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a client is told it: port 80 goes without saying.
    pub fn url(&self) -> String {
        match self.address.port() {
            80 => format!("http://{}", self.address.ip()),
            port => format!("http://{}:{port}", self.address.ip()),
        }
    }

    /// The fingerprint that clients pin.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Makes an account, by the program as an administrator would.
    pub fn add_user(&self, name: &str, password: &str, extra: &[&str]) -> Result<(), RigError> {
        let mut adding = self.administer(&[&["user", "add", name, "--password-stdin"], extra].concat())?;
        adding.say(password)?;
        adding.close_input();
        adding.wait_success(SOON)
    }

    /// Starts `komado-server` with these arguments on the server's data.
    pub fn administer(&self, arguments: &[&str]) -> Result<Program, RigError> {
        let mut command = Command::new(built("komado-server")?);
        command.args(arguments).arg("--data").arg(self.data());
        command.envs(self.database.as_ref().map(|url| (DATABASE, url)));
        Program::start(&format!("komado-server {}", arguments.join(" ")), command)
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill(&mut self) -> Result<(), RigError> {
        self.program.kill()
    }

    /// Starts it again at the same address on the same data.
    pub fn restart(&mut self) -> Result<(), RigError> {
        if self.program.is_running() {
            self.program.terminate(SOON)?;
        }
        let (program, address, fingerprint) =
            launch(&self.namespace, self.address, self.folder.path(), &self.arguments, self.database.as_deref())?;
        (self.program, self.address, self.fingerprint) = (program, address, fingerprint);
        Ok(())
    }
}

/// Starts `komado --headless` with these arguments; it tells what happens as JSON lines.
pub fn headless(namespace: &Namespace, name: &str, arguments: &[&str]) -> Result<Program, RigError> {
    headless_in(namespace, name, arguments, &[])
}

/// The same with variables of its own in its environment.
pub fn headless_in(
    namespace: &Namespace,
    name: &str,
    arguments: &[&str],
    environment: &[(&str, String)],
) -> Result<Program, RigError> {
    let program = built("komado")?;
    let mut command = namespace.command(&program.to_string_lossy());
    // A test's own environment decides nothing about the way.
    for variable in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    command.envs(environment.iter().cloned());
    command.arg("--headless").args(arguments);
    Program::start(name, command)
}

fn launch(
    namespace: &Namespace,
    listen: SocketAddr,
    data: &Path,
    arguments: &[OsString],
    database: Option<&str>,
) -> Result<(Program, SocketAddr, String), RigError> {
    let program = built("komado-server")?;
    let mut command = namespace.command(&program.to_string_lossy());
    command.args(["serve", "--listen", &listen.to_string(), "--data"]).arg(data).args(arguments);
    command.envs(database.map(|url| (DATABASE, url)));
    let program = Program::start("komado-server", command)?;
    let (address, fingerprint) = program.wait_line("the server's first line", SOON, introduction)?;
    Ok((program, address, fingerprint))
}

/// `komado-server 0.1.0 listens on ADDRESS (https and http), own certificate AA:BB…, data in FOLDER`
fn introduction(line: &str) -> Option<(SocketAddr, String)> {
    let after = |word: &str| line.split_once(word).map(|(_, rest)| rest);
    let address = after("listens on ")?.split([' ', ',']).next()?.parse().ok()?;
    let fingerprint = after("certificate ")?.split(',').next()?.to_owned();
    Some((address, fingerprint))
}

const SOON: Duration = Duration::from_secs(30);
/// Where the server looks for the URL of its database; an argument would be seen by everyone.
const DATABASE: &str = "KOMADO_DATABASE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_first_line_is_understood() {
        let line = "komado-server 0.1.0 listens on 10.99.0.2:80 (https and http), own certificate AA:BB, data in x";
        let (address, fingerprint) = introduction(line).unwrap();
        assert_eq!((address.port(), fingerprint.as_str()), (80, "AA:BB"));
        assert_eq!(introduction("komado-server: port taken"), None);
    }
}

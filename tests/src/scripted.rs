//! A server as scripts use it: over https, with its own certificate, a token and `curl`.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::failure::RigError;
use crate::namespace::Namespace;
use crate::product::Server;
use crate::program::built;

const PASSWORD: &str = "correct horse";
const URL: &str = "https://localhost:8443";

/// A server with alice, who administers it, and bob.
#[derive(Debug)]
pub struct Stage {
    pub server: Server,
    namespace: Namespace,
    folder: TempDir,
}

impl Stage {
    pub fn set() -> Result<Self, RigError> {
        let namespace = Namespace::new()?;
        let server = Server::start(&namespace, std::net::SocketAddr::from(([127, 0, 0, 1], 8443)), &[])?;
        server.add_user("alice", PASSWORD, &["--role", "administrator"])?;
        server.add_user("bob", PASSWORD, &[])?;
        let folder = TempDir::with_prefix("komado-scripted-").map_err(RigError::io("making a folder"))?;
        Ok(Self { server, namespace, folder })
    }

    /// A command that knows where the server is, as the documents say it, in a folder of its own.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.namespace.command(program);
        command.current_dir(self.folder.path());
        command.env("KOMADO", URL).env("CERTIFICATE", self.server.data().join("certificate.pem"));
        command
    }

    /// A token for an account, made at the server's command line.
    pub fn token(&self, name: &str) -> Result<String, RigError> {
        let mut command = Command::new(built("komado-server")?);
        command.args(["admin", "token", "add", name, "test", "--data"]).arg(self.server.data());
        let output = command.output().map_err(RigError::io("making a token"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Gives a command as the owner of a token; `None` if the server does not answer in JSON, or not at all.
    pub fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Option<Value> {
        self.ask_once(token, method, path, None, body)
    }

    /// The same with an `Idempotency-Key`.
    pub fn ask_once(
        &self,
        token: &str,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Option<Value> {
        let mut command = self.command("curl");
        command.args(["--silent", "--show-error", "--request", method, "--cacert"]);
        command.arg(self.server.data().join("certificate.pem"));
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
        if let Some(key) = key {
            command.args(["--header", &format!("Idempotency-Key: {key}")]);
        }
        if let Some(body) = body {
            command.args(["--json", &body.to_string()]);
        }
        let output = command.arg(format!("{URL}{path}")).output().ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }
}

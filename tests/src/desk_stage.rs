//! The stage of tests that look at windows: a server, a desktop, and accounts for alice and bob.

use std::ffi::OsStr;

use tempfile::TempDir;

use crate::desktop::Desktop;
use crate::failure::RigError;
use crate::namespace::Namespace;
use crate::product::{Server, headless};
use crate::program::{Program, built};

/// The password of both.
pub const PASSWORD: &str = "correct horse battery";

/// Where the server is.
pub const SERVER: &str = "http://10.99.0.2";

/// The colour of those who are available, in the light theme.
const AVAILABLE: [u8; 3] = [46, 120, 86];

/// What stands there.
pub struct DeskStage {
    pub namespace: Namespace,
    pub server: Server,
    pub desktop: Desktop,
    folder: TempDir,
}

impl DeskStage {
    /// Sets everything up; nobody is there yet.
    pub fn set() -> Result<Self, RigError> {
        let namespace = Namespace::new()?;
        namespace.add_host([10, 99, 0, 2].into())?;
        let server = Server::start(&namespace, ([10, 99, 0, 2], 80).into(), &[])?;
        for name in ["alice", "bob"] {
            server.add_user(name, PASSWORD, &[])?;
        }
        let desktop = Desktop::start(&namespace)?;
        let folder = TempDir::with_prefix("komado-desk-").map_err(RigError::io("making a folder for homes"))?;
        std::fs::write(folder.path().join("password"), PASSWORD).map_err(RigError::io("writing the password"))?;
        Ok(Self { namespace, server, desktop, folder })
    }

    /// A path for a home or a file.
    pub fn place(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Who it is, where the server is, and how large pictures are.
    pub fn person(&self, name: &str, size: &str) -> Vec<String> {
        let home = self.place(name);
        let arguments = ["--server", SERVER, "--proxy", "none", "--user", name, "--home", &home, "--size", size];
        arguments.map(str::to_owned).to_vec()
    }

    /// What makes that person sign in without a question.
    pub fn proof(&self) -> Vec<String> {
        let password = self.place("password");
        ["--password-file", &password, "--fingerprint", self.server.fingerprint()].map(str::to_owned).to_vec()
    }

    /// Waits until a main window shows that its person is there: what is typed before is lost.
    pub fn until_there(&self) -> Result<(), RigError> {
        let sign = |desktop: &Desktop| Ok(desktop.screenshot()?.count(AVAILABLE, 2) > 40);
        self.desktop.until("the sign of who is available", sign)
    }

    /// A window on the desktop.
    pub fn window<A: AsRef<OsStr>>(
        &self,
        what: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Program, RigError> {
        self.window_with(what, arguments, &[])
    }

    /// The same with more in its environment.
    pub fn window_with<A: AsRef<OsStr>>(
        &self,
        what: &str,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Result<Program, RigError> {
        let mut command = self.desktop.command(&built("komado")?.display().to_string());
        command.args(arguments).envs(environment.iter().copied());
        Program::start(what, command)
    }

    /// Somebody without a window, signed in; it tells what happens as JSON lines.
    pub fn headless(&self, name: &str, size: &str, more: &[&str]) -> Result<Program, RigError> {
        let arguments = [self.person(name, size), self.proof()].concat();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        headless(&self.namespace, name, &arguments)
    }
}

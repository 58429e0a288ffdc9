//! The stage of most whole-product tests: a server on port 80 of a network of its own, on either database, with people
//! who come by it as a test says.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use tempfile::TempDir;

use crate::failure::RigError;
use crate::namespace::Namespace;
use crate::postgres::{Cluster, Engine};
use crate::product::{Server, headless_in};
use crate::program::Program;

/// Where the server of a stage is.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2));

/// A server and the people who have accounts there.
#[derive(Debug)]
pub struct Stage {
    pub server: Server,
    pub namespace: Namespace,
    /// The server's PostgreSQL, if that is what it runs on.
    pub cluster: Option<Cluster>,
    folder: TempDir,
}

impl Stage {
    /// A server with these people, started with these arguments.
    pub fn set(engine: Engine, people: &[&str], arguments: &[&str]) -> Result<Self, RigError> {
        let namespace = Namespace::new()?;
        namespace.add_host(SERVER)?;
        let cluster = (engine == Engine::Postgres).then(Cluster::start);
        let url = cluster.as_ref().map(Cluster::url);
        // Any address: a test may give the namespace another one.
        let server = Server::start_on(&namespace, (Ipv4Addr::UNSPECIFIED, 80).into(), arguments, url)?;
        Self::of(namespace, server, cluster, people)
    }

    /// Clients in `namespace`, and a server wherever it is.
    pub fn around(namespace: Namespace, server: Server, people: &[&str]) -> Result<Self, RigError> {
        Self::of(namespace, server, None, people)
    }

    fn of(namespace: Namespace, server: Server, cluster: Option<Cluster>, people: &[&str]) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-stage-").map_err(RigError::io("making a stage's folder"))?;
        let stage = Self { server, namespace, cluster, folder };
        for name in people {
            stage.server.add_user(name, &password(name), &[])?;
            stage.write(&format!("{name}.password"), &password(name))?;
        }
        Ok(stage)
    }

    /// The server's address as a client is told it.
    pub fn url(&self) -> String {
        match self.server.address().ip() {
            any if any.is_unspecified() => format!("http://{SERVER}"),
            _ => self.server.url(),
        }
    }

    /// A file or folder of this name that goes with the stage.
    pub fn place(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a file of the stage; gives its place.
    pub fn write(&self, name: &str, content: &str) -> Result<String, RigError> {
        let place = self.place(name);
        std::fs::write(Path::new(&place), content).map_err(RigError::io(format!("writing {place}")))?;
        Ok(place)
    }

    /// A client of one of the people; [`Client::start`] starts it.
    pub fn client(&self, name: &str) -> Client<'_> {
        Client {
            stage: self,
            namespace: &self.namespace,
            name: name.to_owned(),
            url: self.url(),
            proxy: "none".to_owned(),
            device: "desk".to_owned(),
            log: "client=debug".to_owned(),
            more: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// A client that comes directly, with these arguments more.
    pub fn person(&self, name: &str, more: &[&str]) -> Result<Program, RigError> {
        self.client(name).with(more).start()
    }
}

/// A headless client that is to be started.
#[derive(Debug, Clone)]
pub struct Client<'a> {
    stage: &'a Stage,
    namespace: &'a Namespace,
    name: String,
    url: String,
    proxy: String,
    device: String,
    log: String,
    more: Vec<String>,
    environment: Vec<(&'a str, String)>,
}

impl<'a> Client<'a> {
    /// Runs in another namespace than the stage.
    pub fn inside(mut self, namespace: &'a Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// To which the server has this address.
    pub fn by(mut self, url: &str) -> Self {
        self.url = url.to_owned();
        self
    }

    pub fn through(mut self, proxy: &str) -> Self {
        self.proxy = proxy.to_owned();
        self
    }

    pub fn device(mut self, device: &str) -> Self {
        self.device = device.to_owned();
        self
    }

    /// What it logs, as `RUST_LOG` has it.
    pub fn log(mut self, filter: &str) -> Self {
        self.log = filter.to_owned();
        self
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.more.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With these variables in its environment.
    pub fn seeing(mut self, environment: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        self.environment.extend(environment);
        self
    }

    /// Starts it with the name and the password of one who was there from the beginning.
    pub fn start(self) -> Result<Program, RigError> {
        let password = self.stage.place(&format!("{}.password", self.name));
        let fingerprint = self.stage.server.fingerprint().to_owned();
        let (url, name) = (self.url.clone(), self.name.clone());
        let known = ["--server", &url, "--fingerprint", &fingerprint, "--user", &name, "--password-file", &password];
        self.start_with(&known)
    }

    /// Starts it with nothing said of the server and of who comes but this.
    pub fn start_with(&self, known: &[&str]) -> Result<Program, RigError> {
        let home = self.stage.place(&format!("{}-{}", self.name, self.device));
        let mut arguments = vec!["--proxy", &self.proxy, "--home", &home, "--device", &self.device, "--log", &self.log];
        arguments.extend(known);
        arguments.extend(self.more.iter().map(String::as_str));
        let name = format!("{}'s {}", self.name, self.device);
        headless_in(self.namespace, &name, &arguments, &self.environment)
    }
}

/// The password of one of the people.
pub fn password(name: &str) -> String {
    format!("correct horse battery of {name}")
}

/// Runs tests, each a `fn(Engine)`, on both databases.
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                super::$test($crate::postgres::Engine::Sqlite);
            })*
        }

        mod on_postgres {
            $(#[test]
            fn $test() {
                super::$test($crate::postgres::Engine::Postgres);
            })*
        }
    };
}

//! A PostgreSQL of a test's own: made in a temporary folder, reached by a socket there, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Nobody: PostgreSQL refuses to run as root.
const UNPRIVILEGED: &str = "65534";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Cluster {
    folder: tempfile::TempDir,
    process: Option<Child>,
    settings: Vec<String>,
}

impl Cluster {
    /// Makes and starts one. Takes about 0.6 s.
    pub fn start() -> Self {
        Self::with(|_| Vec::new())
    }

    /// As `start`, with settings of its own, which may name files that are put into its folder.
    pub fn with(settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::TempDir::with_prefix("komado-postgres-").unwrap();
        let made = program("initdb")
            .args(["--no-sync", "--no-instructions", "--auth=trust", "--username=komado", "--encoding=UTF8"])
            .args(["--locale=C", "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let settings = settings(folder.path());
        let mut cluster = Self { folder, process: None, settings };
        cluster.run();
        cluster
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        url(self.socket_folder())
    }

    /// The folder with its socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, and returns when it takes connections.
    pub fn run(&mut self) {
        let mut process = program("postgres")
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "shared_buffers=16MB", "-c", "lc_messages=C", "-c", "max_connections=40"])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        while !log.last().is_some_and(|line: &String| line.contains("ready to accept connections")) {
            let Some(Ok(line)) = said.next() else { panic!("PostgreSQL did not start:\n{}", log.join("\n")) };
            log.push(line);
        }
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        self.process = Some(process);
    }

    /// Ends it at once, as a crash would.
    pub fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            let sent = Command::new("kill").args(["-QUIT", &process.id().to_string()]).status().unwrap();
            assert!(sent.success());
            process.wait().unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

/// The address of the database behind the socket in `folder`.
pub fn url(folder: &Path) -> String {
    format!("postgres://komado@{}/postgres", folder.to_str().unwrap().replace('/', "%2F"))
}

/// A program of PostgreSQL's, run by someone who is not root, and ended when this thread ends.
fn program(name: &str) -> Command {
    let path = installed(name);
    let mut words = Vec::new();
    if rustix::process::geteuid().is_root() {
        let map = [format!("--map-user={UNPRIVILEGED}"), format!("--map-group={UNPRIVILEGED}")];
        words.extend(["unshare".to_owned(), "--user".to_owned()].into_iter().chain(map));
    }
    words.extend(["setpriv", "--pdeathsig", "QUIT"].map(str::to_owned));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(path).env("LC_ALL", "C");
    command
}

/// Debian keeps each version's programs in a folder of its own.
fn installed(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.map(|version| version.path().join("bin")).chain(std::env::split_paths(&path));
    let mut found: Vec<PathBuf> = folders.map(|folder| folder.join(name)).filter(|program| program.exists()).collect();
    found.sort();
    let missing = "PostgreSQL is not installed, and the tests need it: run `scripts/prerequisites.sh tests`, or install \
                   the package postgresql";
    found.pop().expect(missing)
}

/// What a database runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A data folder, and a PostgreSQL if that is what the test is about.
#[derive(Debug)]
pub struct Home {
    pub folder: tempfile::TempDir,
    pub cluster: Option<Cluster>,
}

impl Home {
    pub fn of(engine: Engine) -> Self {
        let cluster = (engine == Engine::Postgres).then(Cluster::start);
        Self { folder: tempfile::tempdir().unwrap(), cluster }
    }

    pub fn url(&self) -> Option<String> {
        self.cluster.as_ref().map(Cluster::url)
    }
}

/// Runs tests, each an `async fn(Engine)`, on both engines.
#[allow(unused_macros, reason = "not every test file needs it")]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Engine::Sqlite).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Engine::Postgres).await;
            })*
        }
    };
}
#[allow(unused_imports, reason = "not every test file needs it")]
pub(crate) use on_both;

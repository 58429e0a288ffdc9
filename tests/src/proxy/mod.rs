//! Real proxies, started with a configuration of their own in a namespace, killed and restarted at will.
//!
//! A proxy ends by its own process id when dropped. Its folder with configuration and logs lives as long.

mod haproxy;
mod nginx;
mod privoxy;
mod squid;
mod tinyproxy;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::RigError;
use crate::namespace::Namespace;

/// Which proxy, set up how. All forward proxies let only port 80 out and deny CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// squid; with a login, it asks for it by Basic authentication.
    Squid { login: Option<Login> },
    /// tinyproxy; with a login, it asks for it by Basic authentication.
    Tinyproxy { login: Option<Login> },
    /// privoxy as Debian sets it up: filters and holds `text/*`, holds uploads.
    Privoxy,
    /// nginx in front of `origin`, with its defaults: buffers both ways, HTTP/1.0 upstream.
    NginxReverse { origin: SocketAddr },
    /// nginx in front of `origin`, tuned for streams.
    NginxStreaming { origin: SocketAddr },
    /// HAProxy in front of `origin`, with its defaults: coalesces small writes.
    HaproxyReverse { origin: SocketAddr },
    /// HAProxy that takes in 16 KB of a request before it passes it on.
    HaproxyBuffering { origin: SocketAddr },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl Login {
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned() }
    }
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    recipe: Recipe,
    namespace: Namespace,
    listen: SocketAddr,
    folder: TempDir,
    child: Option<Child>,
}

/// What differs between proxies: the program, its files (written into the proxy's folder) and its arguments.
#[derive(Debug)]
struct Recipe {
    program: &'static str,
    package: &'static str,
    arguments: Vec<String>,
    files: Vec<(&'static str, String)>,
    /// Prefix of what it leaves in shared memory when killed.
    shared_memory: Option<String>,
}

impl Proxy {
    /// Starts a proxy that listens at `listen` in `namespace` and returns once it accepts connections.
    pub fn start(namespace: &Namespace, setup: &Setup, listen: SocketAddr) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-proxy-").map_err(RigError::io("making a proxy's folder"))?;
        let recipe = match setup {
            Setup::Squid { login } => squid::recipe(folder.path(), listen, login.as_ref())?,
            Setup::Tinyproxy { login } => tinyproxy::recipe(folder.path(), listen, login.as_ref()),
            Setup::Privoxy => privoxy::recipe(folder.path(), listen),
            Setup::NginxReverse { origin } => nginx::recipe(folder.path(), listen, *origin, false),
            Setup::NginxStreaming { origin } => nginx::recipe(folder.path(), listen, *origin, true),
            Setup::HaproxyReverse { origin } => haproxy::recipe(folder.path(), listen, *origin, false),
            Setup::HaproxyBuffering { origin } => haproxy::recipe(folder.path(), listen, *origin, true),
        };
        let mut proxy = Self { recipe, namespace: namespace.clone(), listen, folder, child: None };
        proxy.lay_out()?;
        proxy.restart()?;
        Ok(proxy)
    }

    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// As `http_proxy` would name it.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Ends the proxy at once, as a crash would: every connection through it is cut.
    pub fn kill(&mut self) -> Result<(), RigError> {
        if let Some(mut child) = self.child.take() {
            child.kill().map_err(RigError::io(format!("killing {}", self.recipe.program)))?;
            child.wait().map_err(RigError::io(format!("waiting for {}", self.recipe.program)))?;
        }
        self.sweep();
        Ok(())
    }

    /// Starts it (again) at the same address.
    pub fn restart(&mut self) -> Result<(), RigError> {
        self.kill()?;
        let output = fs::File::options()
            .append(true)
            .create(true)
            .open(self.folder.path().join(OUTPUT))
            .map_err(RigError::io("opening a proxy's log"))?;
        let errors = output.try_clone().map_err(RigError::io("opening a proxy's log"))?;
        let program = self.find_program()?;
        let child = unprivileged(&self.namespace, &program)
            .args(&self.recipe.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(RigError::io(format!("starting {}", self.recipe.program)))?;
        self.child = Some(child);
        self.wait_ready()
    }

    /// What the proxy wrote, all its logs together; squid's lines carry method, status and URL of each request.
    pub fn log(&self) -> String {
        let mut names: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        names.sort();
        let logs = names.iter().filter(|path| path.extension().is_some_and(|kind| kind == "log"));
        logs.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()).collect()
    }

    /// Waits until the proxy's logs contain `text`: a proxy answers first and writes its log afterwards.
    pub fn wait_logged(&self, text: &str, within: Duration) -> Result<(), RigError> {
        let begin = Instant::now();
        loop {
            let log = self.log();
            if log.contains(text) {
                return Ok(());
            }
            if begin.elapsed() >= within {
                let wanted = format!("{text:?} in the log of {}", self.recipe.program);
                return Err(RigError::NotSeen { wanted, waited: within, seen: log });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Removes what a killed proxy could not.
    fn sweep(&self) {
        let Some(prefix) = &self.recipe.shared_memory else {
            return;
        };
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{prefix}-"))
                && let Err(error) = fs::remove_file(entry.path())
            {
                eprintln!("could not remove what a proxy left in shared memory: {error}");
            }
        }
    }

    fn lay_out(&self) -> Result<(), RigError> {
        for (name, text) in &self.recipe.files {
            fs::write(self.folder.path().join(name), text)
                .map_err(RigError::io(format!("writing a proxy's {name}")))?;
        }
        open_to_nobody(self.folder.path()).map_err(RigError::io("handing a proxy its folder"))
    }

    fn find_program(&self) -> Result<PathBuf, RigError> {
        let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        let found = folders.iter().map(|folder| Path::new(folder).join(self.recipe.program));
        found
            .into_iter()
            .find(|path| path.exists())
            .ok_or_else(|| RigError::Missing { program: self.recipe.program.to_owned(), package: self.recipe.package })
    }

    fn wait_ready(&mut self) -> Result<(), RigError> {
        let begin = Instant::now();
        while begin.elapsed() < READY_WITHIN {
            if let Some(child) = &mut self.child {
                let status = child.try_wait().map_err(RigError::io("looking after a proxy"))?;
                if let Some(status) = status {
                    self.child = None;
                    return Err(RigError::Ended {
                        program: self.recipe.program.to_owned(),
                        status: status.to_string(),
                        log: self.log(),
                    });
                }
            }
            let listen = self.listen;
            let probe = self.namespace.run(|| TcpStream::connect_timeout(&listen, READY_WITHIN))?;
            if probe.is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(RigError::NotReady { program: self.recipe.program.to_owned(), waited: READY_WITHIN, log: self.log() })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{error}");
        }
    }
}

/// Proxies refuse, or should refuse, to run as root: they run as nobody, or, where a user namespace knows nobody
/// else than root, as somebody else in one more user namespace.
fn unprivileged(namespace: &Namespace, program: &Path) -> Command {
    let mut command = if knows_user(NOBODY) {
        let mut command = namespace.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command
    } else {
        let mut command = namespace.command("unshare");
        command.args(["--user", "--map-user=1000", "--map-group=1000", "--"]);
        command
    };
    command.arg(program);
    command
}

fn knows_user(id: u64) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(first), Some(_), Some(count)) => (first..first.saturating_add(count)).contains(&id),
            _ => false,
        }
    })
}

fn open_to_nobody(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    if !knows_user(NOBODY) {
        return Ok(());
    }
    let nobody = Some(NOBODY as u32);
    chown(folder, nobody, nobody)?;
    for entry in fs::read_dir(folder)? {
        chown(entry?.path(), nobody, nobody)?;
    }
    Ok(())
}

const NOBODY: u64 = 65_534;
const OUTPUT: &str = "output.log";
const READY_WITHIN: Duration = Duration::from_secs(20);

//! A keyring on a session's bus: GNOME's, as a desktop starts it, without a window in which it could ask anybody.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::OwnedObjectPath;

use crate::{failure::RigError, program::Program, session_bus::SessionBus};

const SOON: Duration = Duration::from_secs(30);

const SERVICE: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";

fn unseen(error: &zbus::Error) -> RigError {
    RigError::NotSeen { wanted: "a keyring".to_owned(), waited: SOON, seen: error.to_string() }
}

/// The keyring, unlocked.
pub struct Keyring {
    connection: Connection,
    _daemon: Program,
    _folder: TempDir,
}

impl Keyring {
    pub fn start(bus: &SessionBus) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-keyring-").map_err(RigError::io("making a keyring's folder"))?;
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        let mut daemon = Program::start("gnome-keyring-daemon", daemon)?;
        daemon.say("the password of the keyring")?;
        daemon.close_input();
        let connection = zbus::blocking::connection::Builder::address(bus.address())
            .and_then(|builder| builder.build())
            .map_err(|error| unseen(&error))?;
        let keyring = Self { connection, _daemon: daemon, _folder: folder };
        let begin = Instant::now();
        // It comes to the bus when it is unlocked.
        while !keyring.is_there().map_err(|error| unseen(&error))? {
            if begin.elapsed() > SOON {
                return Err(unseen(&zbus::Error::InterfaceNotFound));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(keyring)
    }

    /// The bus is asked first: it would start another keyring for whoever asks the keyring itself.
    fn is_there(&self) -> zbus::Result<bool> {
        let bus =
            Proxy::new(&self.connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")?;
        Ok(bus.call("NameHasOwner", &(SERVICE,))? && self.default()?.as_str() != "/")
    }

    /// Where things are kept; `/` before it is made.
    fn default(&self) -> zbus::Result<OwnedObjectPath> {
        self.service()?.call("ReadAlias", &("default",))
    }

    /// What the things of this program are called that are kept in it.
    pub fn labels(&self) -> zbus::Result<Vec<String>> {
        let service = self.service()?;
        let ours = HashMap::from([("service", "komado")]);
        let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = service.call("SearchItems", &(ours,))?;
        let label = |path| {
            Proxy::new(&self.connection, SERVICE, path, "org.freedesktop.Secret.Item")?.get_property::<String>("Label")
        };
        open.into_iter().chain(locked).map(label).collect()
    }

    /// Locks what is kept, as a desktop does when its person goes.
    pub fn lock(&self) -> zbus::Result<()> {
        let service = self.service()?;
        let _: (Vec<OwnedObjectPath>, OwnedObjectPath) = service.call("Lock", &(vec![self.default()?],))?;
        Ok(())
    }

    fn service(&self) -> zbus::Result<Proxy<'_>> {
        Proxy::new(&self.connection, SERVICE, PATH, "org.freedesktop.Secret.Service")
    }
}

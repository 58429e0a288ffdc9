//! A desktop's panel with a place for tray icons, on a session's bus: what stands there, and what a person does with it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedValue, Value};

use crate::{failure::RigError, session_bus::SessionBus};

const SOON: Duration = Duration::from_secs(30);

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

#[derive(Default)]
struct Kept {
    items: Mutex<Vec<String>>,
    came: Condvar,
}

/// The panel: it watches for icons, and is their host.
pub struct Panel {
    connection: Connection,
    kept: Arc<Kept>,
}

/// An entry of an icon's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub number: i32,
    pub words: String,
    /// Whether it is ticked, for one that can be.
    pub ticked: Option<bool>,
}

impl Panel {
    pub fn start(bus: &SessionBus) -> zbus::Result<Self> {
        let kept = Arc::new(Kept::default());
        let connection = zbus::blocking::connection::Builder::address(bus.address())?
            .serve_at("/StatusNotifierWatcher", Watcher(kept.clone()))?
            .name(WATCHER)?
            .build()?;
        Ok(Self { connection, kept })
    }

    /// Waits for an icon, and gives it.
    pub fn wait_icon(&self) -> Result<Icon<'_>, RigError> {
        let items = self.kept.items.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |items: &mut Vec<String>| items.is_empty();
        let (items, _) = self.kept.came.wait_timeout_while(items, SOON, none).unwrap_or_else(PoisonError::into_inner);
        let missing = || RigError::NotSeen { wanted: "an icon".to_owned(), waited: SOON, seen: "none".to_owned() };
        Ok(Icon { panel: self, name: items.last().cloned().ok_or_else(missing)? })
    }
}

/// An icon on the panel.
pub struct Icon<'a> {
    panel: &'a Panel,
    name: String,
}

impl Icon<'_> {
    fn item(&self) -> zbus::Result<Proxy<'_>> {
        let builder = zbus::blocking::proxy::Builder::new(&self.panel.connection);
        // What it was before must not be answered from a cache.
        let builder = builder.cache_properties(zbus::proxy::CacheProperties::No);
        builder.destination(self.name.as_str())?.path("/StatusNotifierItem")?.interface(ITEM)?.build()
    }

    fn menu(&self) -> zbus::Result<Proxy<'_>> {
        let path: zbus::zvariant::OwnedObjectPath = self.item()?.get_property("Menu")?;
        Proxy::new(&self.panel.connection, self.name.as_str(), path.into_inner(), MENU)
    }

    /// Its pixels: width, height, alpha, red, green and blue of each.
    pub fn pixels(&self) -> zbus::Result<Vec<(i32, i32, Vec<u8>)>> {
        self.item()?.get_property("IconPixmap")
    }

    pub fn title(&self) -> zbus::Result<String> {
        self.item()?.get_property("Title")
    }

    /// A person clicks it.
    pub fn click(&self) -> zbus::Result<()> {
        self.item()?.call("Activate", &(0, 0))
    }

    /// What its menu shows, without lines.
    pub fn entries(&self) -> zbus::Result<Vec<Entry>> {
        type Properties = std::collections::HashMap<String, OwnedValue>;
        let (_, (_, _, inside)): (u32, (i32, Properties, Vec<OwnedValue>)) =
            self.menu()?.call("GetLayout", &(0, -1, Vec::<String>::new()))?;
        let mut entries = Vec::new();
        for child in inside {
            let (number, mut properties, _): (i32, Properties, Vec<OwnedValue>) = child.try_into()?;
            let Some(words) = properties.remove("label") else { continue };
            let ticked = properties.remove("toggle-state").map(i32::try_from).transpose()?.map(|state| state == 1);
            entries.push(Entry { number, words: words.try_into()?, ticked });
        }
        Ok(entries)
    }

    /// A person chooses an entry by its words.
    pub fn choose(&self, words: &str) -> zbus::Result<()> {
        let entries = self.entries()?;
        let entry = entries.iter().find(|entry| entry.words == words);
        let entry = entry.ok_or_else(|| zbus::Error::Failure(format!("no {words:?} in {entries:?}")))?;
        self.menu()?.call("Event", &(entry.number, "clicked", Value::from(0), 0_u32))
    }

    /// Looks again until something is so: not every change is told.
    pub fn until(&self, what: &str, so: impl Fn(&Self) -> zbus::Result<bool>) -> Result<(), RigError> {
        let begin = Instant::now();
        while !so(self)
            .map_err(|error| RigError::CommandFailed { command: what.to_owned(), output: error.to_string() })?
        {
            if begin.elapsed() > SOON {
                let seen = format!("{:?}", self.entries());
                return Err(RigError::NotSeen { wanted: what.to_owned(), waited: SOON, seen });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

struct Watcher(Arc<Kept>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        self.0.items.lock().unwrap_or_else(PoisonError::into_inner).push(service);
        self.0.came.notify_all();
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

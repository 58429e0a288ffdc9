//! The menu of the tray, as panels draw it themselves (com.canonical.dbusmenu, version 3).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use zbus::{
    blocking::Connection,
    zvariant::{OwnedValue, Structure, Value},
};

use super::{Wanted, status_notifier::Shared};

pub const PATH: &str = "/MenuBar";
const INTERFACE: &str = "com.canonical.dbusmenu";

/// Numbers of the entries; 0 is the menu itself.
const SHOW: i32 = 1;
const DISTURB: i32 = 2;
const LINE: i32 = 3;
const QUIT: i32 = 4;
const ENTRIES: [i32; 4] = [SHOW, DISTURB, LINE, QUIT];

type Properties = HashMap<String, OwnedValue>;
/// An entry, what it is, what is in it.
type Layout = (i32, Properties, Vec<OwnedValue>);

pub(super) struct Menu {
    shared: Arc<Shared>,
    /// How often it has changed.
    revision: AtomicU32,
}

impl Menu {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, revision: AtomicU32::new(1) }
    }

    fn properties(&self, entry: i32) -> zbus::fdo::Result<Properties> {
        let face = self.shared.face.lock();
        let words = |words: &str| ("label", Value::from(words.replace('_', "__")));
        let properties = match entry {
            0 => vec![("children-display", Value::from("submenu"))],
            SHOW => vec![words(&face.show)],
            DISTURB => vec![
                words(&face.disturb),
                ("toggle-type", Value::from("checkmark")),
                ("toggle-state", Value::from(i32::from(face.do_not_disturb))),
            ],
            LINE => vec![("type", Value::from("separator"))],
            QUIT => vec![words(&face.quit)],
            _ => return Err(zbus::fdo::Error::InvalidArgs(format!("the menu has no entry {entry}"))),
        };
        properties.into_iter().map(|(name, value)| Ok((name.to_owned(), value.try_into().map_err(unfit)?))).collect()
    }

    fn chosen(&self, entry: i32, event: &str) {
        if event != "clicked" {
            return;
        }
        let disturb = !self.shared.face.lock().do_not_disturb;
        match entry {
            SHOW => (self.shared.wanted)(Wanted::Show),
            DISTURB => (self.shared.wanted)(Wanted::DoNotDisturb(disturb)),
            QUIT => (self.shared.wanted)(Wanted::Quit),
            _ => {}
        }
    }
}

fn unfit(error: zbus::zvariant::Error) -> zbus::fdo::Error {
    zbus::fdo::Error::Failed(error.to_string())
}

/// Tells the panel to read the menu anew.
pub(super) fn changed(connection: &Connection) -> zbus::Result<()> {
    let menu = connection.object_server().interface::<_, Menu>(PATH)?;
    let revision = menu.get().revision.fetch_add(1, Ordering::Relaxed) + 1;
    connection.emit_signal(None::<&str>, PATH, INTERFACE, "LayoutUpdated", &(revision, 0))
}

#[zbus::interface(name = "com.canonical.dbusmenu")]
impl Menu {
    #[zbus(property)]
    fn version(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        "normal"
    }

    #[zbus(property)]
    fn text_direction(&self) -> &str {
        "ltr"
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    fn get_layout(&self, parent: i32, depth: i32, _names: Vec<String>) -> zbus::fdo::Result<(u32, Layout)> {
        let mut inside = Vec::new();
        if parent == 0 && depth != 0 {
            for entry in ENTRIES {
                let child = (entry, self.properties(entry)?, Vec::<OwnedValue>::new());
                inside.push(Value::from(Structure::from(child)).try_into().map_err(unfit)?);
            }
        }
        Ok((self.revision.load(Ordering::Relaxed), (parent, self.properties(parent)?, inside)))
    }

    fn get_group_properties(
        &self,
        entries: Vec<i32>,
        _names: Vec<String>,
    ) -> zbus::fdo::Result<Vec<(i32, Properties)>> {
        let all = [0].into_iter().chain(ENTRIES).collect();
        let entries = if entries.is_empty() { all } else { entries };
        entries.into_iter().map(|entry| Ok((entry, self.properties(entry)?))).collect()
    }

    fn get_property(&self, entry: i32, name: &str) -> zbus::fdo::Result<OwnedValue> {
        let missing = || zbus::fdo::Error::InvalidArgs(format!("entry {entry} of the menu has no {name}"));
        self.properties(entry)?.remove(name).ok_or_else(missing)
    }

    fn event(&self, entry: i32, event: &str, _data: OwnedValue, _time: u32) {
        self.chosen(entry, event);
    }

    fn event_group(&self, events: Vec<(i32, String, OwnedValue, u32)>) -> Vec<i32> {
        let (known, unknown): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| ENTRIES.contains(&event.0));
        known.iter().for_each(|(entry, event, ..)| self.chosen(*entry, event));
        unknown.into_iter().map(|event| event.0).collect()
    }

    fn about_to_show(&self, _entry: i32) -> bool {
        false
    }

    fn about_to_show_group(&self, _entries: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        (Vec::new(), Vec::new())
    }
}

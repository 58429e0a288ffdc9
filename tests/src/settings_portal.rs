//! A desktop's settings portal, which says on a session's bus whether the desktop is dark.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use zbus::{
    blocking::Connection,
    zvariant::{OwnedValue, Value},
};

use crate::session_bus::SessionBus;

const SERVICE: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SETTINGS: &str = "org.freedesktop.portal.Settings";
const NAMESPACE: &str = "org.freedesktop.appearance";
const KEY: &str = "color-scheme";

/// What a desktop prefers, by the portal's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Scheme {
    Dark = 1,
    Light = 2,
}

/// The portal.
pub struct SettingsPortal {
    connection: Connection,
    scheme: Arc<AtomicU32>,
}

impl SettingsPortal {
    pub fn start(bus: &SessionBus, scheme: Scheme) -> zbus::Result<Self> {
        let scheme = Arc::new(AtomicU32::new(scheme as u32));
        let connection = zbus::blocking::connection::Builder::address(bus.address())?
            .serve_at(PATH, Interface(scheme.clone()))?
            .name(SERVICE)?
            .build()?;
        Ok(Self { connection, scheme })
    }

    /// The desktop is changed.
    pub fn set(&self, scheme: Scheme) -> zbus::Result<()> {
        self.scheme.store(scheme as u32, Ordering::SeqCst);
        let changed = (NAMESPACE, KEY, Value::U32(scheme as u32));
        self.connection.emit_signal(None::<&str>, PATH, SETTINGS, "SettingChanged", &changed)
    }
}

struct Interface(Arc<AtomicU32>);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Interface {
    fn read_one(&self, namespace: String, key: String) -> zbus::fdo::Result<OwnedValue> {
        match (namespace.as_str(), key.as_str()) {
            (NAMESPACE, KEY) => Ok(OwnedValue::from(self.0.load(Ordering::SeqCst))),
            _ => Err(zbus::fdo::Error::Failed("no such setting".to_owned())),
        }
    }
}

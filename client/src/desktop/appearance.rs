//! Whether the desktop is dark: what it says through its portal, where windows are not told.

/// Tells at once, and whenever it changes, on a thread of its own; `told` gets whether it is dark. Where there is no
/// portal nothing is ever told, and windows go by what the system tells them.
#[cfg(target_os = "linux")]
pub fn follow_appearance(told: impl Fn(bool) + Send + 'static) {
    let thread = std::thread::Builder::new().name("appearance".to_owned());
    let follow = move || {
        if let Err(error) = portal::follow(&told) {
            tracing::info!(%error, "the desktop does not say whether it is dark");
        }
    };
    if let Err(error) = thread.spawn(follow) {
        tracing::error!(%error, "a thread for the appearance cannot be started");
    }
}

#[cfg(not(target_os = "linux"))]
pub fn follow_appearance(_: impl Fn(bool) + Send + 'static) {}

/// The settings portal of the XDG Desktop Portal, version 2.
#[cfg(target_os = "linux")]
mod portal {
    use zbus::{
        blocking::{Connection, Proxy},
        zvariant::{OwnedValue, Value},
    };

    const SERVICE: &str = "org.freedesktop.portal.Desktop";
    const PATH: &str = "/org/freedesktop/portal/desktop";
    const SETTINGS: &str = "org.freedesktop.portal.Settings";
    const NAMESPACE: &str = "org.freedesktop.appearance";
    const KEY: &str = "color-scheme";

    pub fn follow(told: &dyn Fn(bool)) -> zbus::Result<()> {
        let connection = Connection::session()?;
        let settings = Proxy::new(&connection, SERVICE, PATH, SETTINGS)?;
        // Listened to first, so that no change falls between.
        let changes = settings.receive_signal("SettingChanged")?;
        let now: OwnedValue = settings.call("ReadOne", &(NAMESPACE, KEY)).or_else(|_| {
            // Version 1 knows only this one.
            settings.call("Read", &(NAMESPACE, KEY))
        })?;
        is_dark(&now).into_iter().for_each(told);
        for change in changes {
            let Ok((namespace, key, value)) = change.body().deserialize::<(String, String, OwnedValue)>() else {
                continue;
            };
            if namespace == NAMESPACE && key == KEY {
                is_dark(&value).into_iter().for_each(told);
            }
        }
        Ok(())
    }

    /// 1 is dark, 2 is light, 0 says nothing; version 1 of the portal wraps it once more.
    fn is_dark(value: &Value<'_>) -> Option<bool> {
        match value {
            Value::U32(1) => Some(true),
            Value::U32(2) => Some(false),
            Value::Value(inner) => is_dark(inner),
            _ => None,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn schemes_are_read_in_both_versions() {
            assert_eq!(is_dark(&Value::U32(1)), Some(true));
            assert_eq!(is_dark(&Value::Value(Box::new(Value::U32(2)))), Some(false));
            assert_eq!((is_dark(&Value::U32(0)), is_dark(&Value::from("dark"))), (None, None));
        }
    }
}

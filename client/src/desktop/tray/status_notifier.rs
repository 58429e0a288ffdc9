//! StatusNotifierItem (freedesktop.org, as KDE and its followers have it), over the session's D-Bus.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use parking_lot::Mutex;
use zbus::{
    blocking::{Connection, Proxy, fdo::DBusProxy},
    zvariant::{ObjectPath, OwnedObjectPath},
};

use super::{Face, Wanted, icon, menu};

const ITEM: &str = "/StatusNotifierItem";
const INTERFACE: &str = "org.kde.StatusNotifierItem";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";

/// A panel that says nothing of its coming is asked again after this long.
const ASKED_AGAIN: Duration = Duration::from_secs(20);

/// What the bus's threads and the tray's own share.
pub(super) struct Shared {
    pub face: Mutex<Face>,
    pub wanted: Box<dyn Fn(Wanted) + Send + Sync>,
}

/// Shows faces until there are no more. A panel that comes later, or comes anew, is found.
pub fn serve(
    faces: &Receiver<Face>,
    there: &Arc<AtomicBool>,
    wanted: impl Fn(Wanted) + Send + Sync + 'static,
) -> zbus::Result<()> {
    // Nothing is said before there is something to show.
    let Ok(first) = faces.recv() else { return Ok(()) };
    let shared = Arc::new(Shared { face: Mutex::new(first), wanted: Box::new(wanted) });
    let name = format!("org.kde.StatusNotifierItem-{}-1", std::process::id());
    let connection = zbus::blocking::connection::Builder::session()?
        .serve_at(ITEM, Item(shared.clone()))?
        .serve_at(menu::PATH, menu::Menu::new(shared.clone()))?
        .name(name.as_str())?
        .build()?;
    follow_watcher(&connection, name.clone(), there.clone())?;
    register(&connection, &name, there);
    loop {
        match faces.recv_timeout(ASKED_AGAIN) {
            Ok(face) => {
                let before = std::mem::replace(&mut *shared.face.lock(), face.clone());
                tell(&connection, &before, &face)?;
            }
            Err(RecvTimeoutError::Timeout) if !there.load(Ordering::Acquire) => register(&connection, &name, there),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Asks for a place on the panel.
fn register(connection: &Connection, name: &str, there: &AtomicBool) {
    let asked = || -> zbus::Result<bool> {
        let watcher = Proxy::new(connection, WATCHER, WATCHER_PATH, WATCHER)?;
        watcher.call::<_, _, ()>("RegisterStatusNotifierItem", &(name,))?;
        // A watcher without a host shows nothing.
        watcher.get_property("IsStatusNotifierHostRegistered")
    };
    let shown = asked().unwrap_or_else(|error| {
        tracing::debug!(%error, "no panel has a place for the tray");
        false
    });
    there.store(shown, Ordering::Release);
}

/// Asks again whenever another panel begins to watch, and knows when the last one is gone.
fn follow_watcher(connection: &Connection, name: String, there: Arc<AtomicBool>) -> zbus::Result<()> {
    let bus = DBusProxy::new(connection)?;
    let changes = bus.receive_name_owner_changed_with_args(&[(0, WATCHER)])?;
    let (own, watching) = (connection.clone(), std::thread::Builder::new().name("tray watcher".to_owned()));
    // It ends with the connection.
    let follow = move || {
        for change in changes {
            match change.args().map(|change| change.new_owner().is_some()) {
                Ok(true) => register(&own, &name, &there),
                _ => there.store(false, Ordering::Release),
            }
        }
    };
    watching.spawn(follow).map(drop).map_err(|error| zbus::Error::InputOutput(Arc::new(error)))
}

/// Tells the panel what has become different.
fn tell(connection: &Connection, before: &Face, face: &Face) -> zbus::Result<()> {
    let signal = |name: &str| connection.emit_signal(None::<&str>, ITEM, INTERFACE, name, &());
    if before.unread != face.unread {
        signal("NewIcon")?;
    }
    if before.title != face.title {
        signal("NewTitle")?;
    }
    signal("NewToolTip")?;
    let menu = |face: &Face| (face.show.clone(), face.disturb.clone(), face.quit.clone(), face.do_not_disturb);
    match menu(before) == menu(face) {
        true => Ok(()),
        false => menu::changed(connection),
    }
}

/// An icon in several sizes: width, height, pixels.
type Pixmaps = Vec<(i32, i32, Vec<u8>)>;

struct Item(Arc<Shared>);

#[zbus::interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    #[zbus(property)]
    fn category(&self) -> &str {
        "Communications"
    }

    #[zbus(property)]
    fn id(&self) -> &str {
        "komado"
    }

    #[zbus(property)]
    fn title(&self) -> String {
        self.0.face.lock().title.clone()
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        "Active"
    }

    #[zbus(property)]
    fn window_id(&self) -> i32 {
        0
    }

    /// Empty, so that the pixels count: a name could not have a badge.
    #[zbus(property)]
    fn icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn icon_pixmap(&self) -> Pixmaps {
        vec![(icon::SIZE, icon::SIZE, icon::pixels(self.0.face.lock().unread))]
    }

    #[zbus(property)]
    fn overlay_icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn attention_icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn tool_tip(&self) -> (String, Pixmaps, String, String) {
        let face = self.0.face.lock();
        (String::new(), Vec::new(), face.title.clone(), face.line.clone())
    }

    #[zbus(property)]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn menu(&self) -> OwnedObjectPath {
        ObjectPath::from_static_str_unchecked(menu::PATH).into()
    }

    fn activate(&self, _x: i32, _y: i32) {
        (self.0.wanted)(Wanted::Show);
    }

    fn secondary_activate(&self, _x: i32, _y: i32) {
        (self.0.wanted)(Wanted::Show);
    }

    /// The panel shows the menu itself; one that cannot shows the window.
    fn context_menu(&self, _x: i32, _y: i32) {
        (self.0.wanted)(Wanted::Show);
    }

    fn scroll(&self, _delta: i32, _orientation: &str) {}
}

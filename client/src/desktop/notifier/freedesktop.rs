//! Desktop Notifications Specification 1.2 (freedesktop.org), over the session's D-Bus.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc::Receiver},
};

use parking_lot::Mutex;
use zbus::{
    blocking::{Connection, MessageIterator, Proxy},
    zvariant::Value,
};

use super::{About, Deed, Notification, Order};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The desktop file by which a service finds the program's name and icon.
const DESKTOP_ENTRY: &str = "komado";

/// The key of what happens on a click, as the specification has it.
const CLICK: &str = "default";

/// What is seen now, by the numbers that the service gave.
type Seen = Arc<Mutex<HashMap<u32, About>>>;

/// Shows and withdraws until there are no more orders. A bus or a service that comes later is found later.
pub fn run(ordered: &Receiver<Order>, done: impl Fn(About, Deed) + Send + Sync + 'static) {
    let done: Arc<dyn Fn(About, Deed) + Send + Sync> = Arc::new(done);
    let mut service = None;
    while let Ok(order) = ordered.recv() {
        if service.is_none() {
            if matches!(order, Order::Withdraw(_)) {
                continue;
            }
            service = Service::find(&done).inspect_err(|error| tracing::info!(%error, "no notifications")).ok();
        }
        let Some(found) = &service else { continue };
        if let Err(error) = found.obey(order) {
            tracing::info!(%error, "a notification was not shown");
            service = None;
        }
    }
    if let Some(service) = service {
        let left: Vec<_> = service.seen.lock().keys().copied().collect();
        for number in left {
            if let Err(error) = service.close(number) {
                tracing::debug!(%error, "a notification stays behind");
            }
        }
    }
}

struct Service {
    proxy: Proxy<'static>,
    seen: Seen,
    /// Whether it offers what can be done, and whether it takes the text for markup.
    offers: bool,
    markup: bool,
}

impl Service {
    fn find(done: &Arc<dyn Fn(About, Deed) + Send + Sync>) -> zbus::Result<Self> {
        let connection = Connection::session()?;
        let proxy = Proxy::new(&connection, SERVICE, PATH, SERVICE)?;
        let can: Vec<String> = proxy.call("GetCapabilities", &())?;
        let can = |what: &str| can.iter().any(|one| one == what);
        let (offers, markup) = (can("actions"), can("body-markup"));
        let seen = Seen::default();
        let rule = zbus::MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(SERVICE)?
            .path(PATH)?
            .build();
        let signals = MessageIterator::for_match_rule(rule, &connection, None)?;
        let (known, done) = (seen.clone(), done.clone());
        // It ends with the connection.
        std::thread::Builder::new()
            .name("notified".to_owned())
            .spawn(move || listen(signals, &known, &*done))
            .map_err(|error| zbus::Error::InputOutput(Arc::new(error)))?;
        Ok(Self { proxy, seen, offers, markup })
    }

    fn obey(&self, order: Order) -> zbus::Result<()> {
        match order {
            Order::Show(notification) => self.show(notification),
            Order::Withdraw(about) => match self.number(&about) {
                Some(number) => self.close(number),
                None => Ok(()),
            },
        }
    }

    fn number(&self, about: &About) -> Option<u32> {
        self.seen.lock().iter().find(|(_, known)| *known == about).map(|(number, _)| *number)
    }

    fn show(&self, notification: Notification) -> zbus::Result<()> {
        let Notification { about, title, text, deeds, urgent } = notification;
        let text = if self.markup { escaped(&text) } else { text };
        let mut actions = Vec::new();
        for (deed, words) in deeds.iter().filter(|_| self.offers) {
            actions.extend([key(*deed), words.as_str()]);
        }
        // Urgency 2 is critical: such ones stay until they are dealt with.
        let hints: HashMap<&str, Value<'_>> = HashMap::from([
            ("urgency", Value::U8(if urgent { 2 } else { 1 })),
            ("desktop-entry", Value::from(DESKTOP_ENTRY)),
            ("category", Value::from(if urgent { "call.incoming" } else { "im.received" })),
        ]);
        let before = self.number(&about).unwrap_or(0);
        let arguments = ("Komado", before, DESKTOP_ENTRY, title.as_str(), text.as_str(), actions, hints, -1_i32);
        // Held, so that a signal about this number finds it.
        let mut seen = self.seen.lock();
        let number: u32 = self.proxy.call("Notify", &arguments)?;
        seen.remove(&before);
        seen.insert(number, about);
        Ok(())
    }

    fn close(&self, number: u32) -> zbus::Result<()> {
        self.seen.lock().remove(&number);
        match self.proxy.call::<_, _, ()>("CloseNotification", &(number,)) {
            // It has gone by itself.
            Err(zbus::Error::MethodError(..)) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn listen(signals: MessageIterator, seen: &Seen, done: &dyn Fn(About, Deed)) {
    for signal in signals {
        let Ok(signal) = signal else { continue };
        let member = signal.header().member().map(|member| member.as_str().to_owned());
        match member.as_deref() {
            Some("ActionInvoked") => {
                let Ok((number, key)) = signal.body().deserialize::<(u32, String)>() else { continue };
                let about = seen.lock().get(&number).cloned();
                if let (Some(about), Some(deed)) = (about, deed(&key)) {
                    done(about, deed);
                }
            }
            Some("NotificationClosed") => {
                let Ok((number, _why)) = signal.body().deserialize::<(u32, u32)>() else { continue };
                seen.lock().remove(&number);
            }
            _ => {}
        }
    }
}

fn key(deed: Deed) -> &'static str {
    match deed {
        Deed::Open => CLICK,
        Deed::Accept => "accept",
        Deed::Decline => "decline",
    }
}

fn deed(key: &str) -> Option<Deed> {
    [Deed::Open, Deed::Accept, Deed::Decline].into_iter().find(|deed| self::key(*deed) == key)
}

/// Text as markup that says the same.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_no_markup() {
        assert_eq!(escaped("<b>1 < 2 && 3</b>"), "&lt;b&gt;1 &lt; 2 &amp;&amp; 3&lt;/b&gt;");
    }

    #[test]
    fn keys_lead_back_to_what_they_stand_for() {
        for one in [Deed::Open, Deed::Accept, Deed::Decline] {
            assert_eq!(deed(key(one)), Some(one));
        }
        assert_eq!(deed("default "), None);
    }
}

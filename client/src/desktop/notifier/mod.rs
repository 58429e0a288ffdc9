//! Notifications through the desktop's own service, where it has one: what was said, and what a person did with it.

#[cfg(target_os = "linux")]
mod freedesktop;

use std::sync::mpsc;

use relay::vocabulary::{CallId, ChatId};

/// Notifications that may wait for the service; more are lost, as they are told in the window as well.
const WAITING: usize = 64;

/// What a notification is about. There is one at a time for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum About {
    Chat(ChatId),
    /// Someone asks to become a contact.
    Request(String),
    Call(CallId),
    /// The window went into the tray.
    Tray,
}

/// What a person can do with a notification, besides clicking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It was clicked: the window is to show what it is about.
    Open,
    Accept,
    Decline,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub about: About,
    pub title: String,
    /// Plain text.
    pub text: String,
    /// What is offered, with its words; services that offer nothing leave it out.
    pub deeds: Vec<(Deed, String)>,
    /// Stays until it is dealt with.
    pub urgent: bool,
}

/// What the service is asked for.
#[derive(Debug)]
enum Order {
    Show(Notification),
    /// It is dealt with: nothing is left of it.
    Withdraw(About),
}

/// The way to the service. Dropping it withdraws what is still seen.
#[derive(Debug)]
pub struct Notifier {
    orders: Option<mpsc::SyncSender<Order>>,
}

impl Notifier {
    /// Starts on a thread of its own; `done` is called there with what a person did. Where there is no service, nothing
    /// is ever shown.
    pub fn start(done: impl Fn(About, Deed) + Send + Sync + 'static) -> Self {
        let (orders, ordered) = mpsc::sync_channel(WAITING);
        Self { orders: run(ordered, done).then_some(orders) }
    }

    pub fn show(&self, notification: Notification) {
        self.order(Order::Show(notification));
    }

    pub fn withdraw(&self, about: About) {
        self.order(Order::Withdraw(about));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders
            && let Err(error) = orders.try_send(order)
        {
            tracing::debug!(%error, "a notification is not shown");
        }
    }
}

/// Says whether it runs.
#[cfg(target_os = "linux")]
fn run(ordered: mpsc::Receiver<Order>, done: impl Fn(About, Deed) + Send + Sync + 'static) -> bool {
    let thread = std::thread::Builder::new().name("notifications".to_owned());
    match thread.spawn(move || freedesktop::run(&ordered, done)) {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(%error, "a thread for notifications cannot be started");
            false
        }
    }
}

/// Nobody has written it down for this system yet.
#[cfg(not(target_os = "linux"))]
fn run(_: mpsc::Receiver<Order>, _: impl Fn(About, Deed) + Send + Sync + 'static) -> bool {
    false
}

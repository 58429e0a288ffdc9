//! Events for bots and scripts: what a link's client gets by its cursors, as server-sent events on one long GET.
//!
//! There is no second way of delivery. A stream stands among the links of its account and has cursors on the same tracks:
//! the chats that it may read, the presence of its contacts, and the account's feed, which keeps for a while what links are
//! told without having asked. Whatever a slow reader has not taken stays where it is, once for everyone.
//!
//! What is promised: entries of chats come all, once, in the order of each chat, over cuts and restarts of the server.
//! Events of the feed do so over cuts; if some were passed over, because the listener was away for more than ten minutes,
//! too slow, or the server was started anew, `stream.gap` says so. Of presence the newest comes.
//!
//! # How far a listener has come
//!
//! `GET /v1/events` is the other carrier of what links bring down. A stream stands among its account's links, so it
//! is told when a right ends, and has cursors on the same tracks. What links are told without asking has no track, so
//! an account that is listened to has a *feed*: a bounded track of those events, kept for ten minutes after the last
//! listener. An event's `id` says how far the listener has come: the number of the newest entry of the whole database
//! up to which it has all, and behind it the chats that have gone on since. From time to time it is drawn together:
//! the writer is asked for the newest number, and once all cursors have run dry, everything up to it has been sent.

mod chats;
mod feed;
mod gauge;
mod place;
mod stream;
mod written;

pub use feed::{Feeds, Listening};
pub use place::{Place, PlaceError};
pub use stream::Stream;

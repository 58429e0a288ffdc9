//! Words of the connection list: which links and streams of events are open, from where, by which kind of path.

use super::Account;
use serde::{Deserialize, Serialize};

/// Most connections that one page holds.
pub const CONNECTIONS_MAX: u32 = 500;

/// How one direction of a link travels at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// Requests with a length, or answers of one batch.
    Short,
    /// One long body.
    Streaming,
    /// Not at all: a stream of events only goes down.
    None,
    /// A kind that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

/// What proxies said of themselves in the request that opened a link. Anyone may claim anything there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProxyHint {
    /// The field `Via` (RFC 9110, section 7.6.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// For whom the proxy asks: the field `X-Forwarded-For`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_for: Option<String>,
}

/// One open link or stream of events, for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Connection {
    /// Counts links and streams since the server's start. It is not the link's name, which is a secret.
    pub number: u64,
    /// Who is at the far end, once it has shown a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// What the person calls the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// When it was opened, in Unix milliseconds.
    pub since: u64,
    /// The far end of the TCP connection: the person's machine, or the last proxy.
    pub address: String,
    /// Whether records are sealed; otherwise TLS covers everything.
    pub sealed: bool,
    /// What proxies said of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyHint>,
    /// The way to the server.
    pub up: Carriage,
    /// The way from the server.
    pub down: Carriage,
    /// How long nothing has come from it, in milliseconds.
    pub silent_ms: u64,
    /// Smoothed round trip in milliseconds, once something was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u64>,
    /// Age of the oldest frame that waits to be sent, in milliseconds.
    pub queue_ms: u64,
    /// Commands and the like that wait for the server.
    pub waiting: u64,
    /// Bytes sent and not yet acknowledged.
    pub bytes_in_flight: u64,
    /// Bytes sent since it was opened.
    pub bytes_sent: u64,
    /// Bytes received since it was opened.
    pub bytes_received: u64,
    /// Frames that had become stale before they could be sent.
    pub dropped: u64,
}

/// Answer to `GET /v1/connections?after=&limit=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Connections {
    /// The oldest first, all with a number above `after`.
    pub connections: Vec<Connection>,
    /// How many there are in all.
    pub total: u64,
    /// Whether more follow: ask again after the last number.
    pub more: bool,
}

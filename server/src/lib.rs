//! The Komado server: HTTP, identity, the database, chats and calls, on one port and in one process.

pub mod call;
pub mod chat;
pub mod clock;
pub mod database;
pub mod delivery;
pub mod identity;
pub mod tracks;

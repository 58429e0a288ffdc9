//! What the bench tool is made of: the benches, the marks they put into picture and sound, and their statistics.

pub mod answer;
pub mod chat;
pub mod failure;
pub mod fanout;
pub mod idle;
pub mod latency;
pub mod linked;
pub mod machine;
pub mod people;
pub mod processes;
pub mod progress;
pub mod server;
pub mod statistics;
#[cfg(target_os = "linux")]
pub mod window;

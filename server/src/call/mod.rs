//! Calls: a pure machine for one call, a pure switchboard for all of them, and the shell that lets them act.

mod machine;
mod shell;
mod switchboard;
#[cfg(test)]
mod switchboard_tests;

pub use machine::{Allot, Call, Effect, PATIENCE_ABSENT, PATIENCE_RING, Refusal, Scope};
pub use shell::{Calls, watch};
pub use switchboard::Switchboard;

//! `komado --headless`: the engine for scripts, commands as arguments or lines in, events as JSON lines out.

mod account_input;
mod arguments;
mod chat_input;
mod failure;
mod input;
mod people;
mod run;
pub(crate) mod sources;

pub use arguments::Arguments;
pub use failure::HeadlessError;
pub use run::run;

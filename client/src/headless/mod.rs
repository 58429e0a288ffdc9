//! `komado --headless`: the engine for scripts, commands as arguments or lines in, events as JSON lines out.

mod arguments;
mod input;
mod run;
mod settings;
mod sources;
mod trust;

pub use arguments::Arguments;
pub use run::{HeadlessError, run};

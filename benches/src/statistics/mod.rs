//! Numbers made readable: distributions with percentiles, freezes, a histogram for the terminal, a plot as SVG.

mod distribution;
mod freezes;
mod plot;
mod terminal;

pub use distribution::{Distribution, Summary};
pub use freezes::{Freezes, freezes};
pub use plot::{Plot, Series};
pub use terminal::histogram;

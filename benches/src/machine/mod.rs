//! What a bench asks of the machine: one clock for all processes, what a process has used, priority, open files.
//!
//! Linux answers everything. Elsewhere a question without an answer is `None`, and the report says so.

pub mod clock;
pub mod limits;
pub mod memory;
pub mod priority;
pub mod threads;
pub mod usage;

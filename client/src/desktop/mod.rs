//! What the system offers to a program at a desk, one small module each: where a system does not offer it, or nobody has
//! written it down yet, the module says so and the program does without.

mod cpu;

pub use cpu::process_time;

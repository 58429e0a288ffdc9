//! The `komado` program.

fn main() {}

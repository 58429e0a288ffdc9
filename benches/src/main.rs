//! `komado-bench`: measures a running server, its fan-out and its calls.

fn main() {}

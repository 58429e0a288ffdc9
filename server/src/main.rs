//! The program `komado-server`.
fn main() {}

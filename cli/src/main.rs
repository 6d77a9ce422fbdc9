//! The `todostack` command.
fn main() {}

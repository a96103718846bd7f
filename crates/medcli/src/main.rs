//! The medoxide command.
fn main() {}

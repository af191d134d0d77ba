//! The conformance suite as named tests.
fn main() {}

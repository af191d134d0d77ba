//! Tests of the crate from outside.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod collections;
mod properties;
mod reference;
mod smoke;

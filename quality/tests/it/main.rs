//! Tests of the crate from outside.

mod properties;
mod reference;
mod smoke;

//! Holds any deployment against the contract: the generated catalogue, the written cases and properties, over HTTP alone.

pub mod catalogue;
mod clean;
pub mod cmd;
pub mod coverage;
pub mod differential;
mod embedded;
pub mod engine;
mod explain;
mod foreign;
pub mod isolation;
mod levels;
pub mod outcome;
mod permissions;
pub mod probe;
pub mod property;
pub mod rules;
pub mod saboteurs;
pub mod session;
pub mod suite;
pub mod sweep;
pub mod written;

#[expect(unreachable_pub, reason = "generated from the contract")]
#[rustfmt::skip]
mod generated {
    pub(crate) mod denominator;
}

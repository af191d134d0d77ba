//! Load scenarios against a deployment: who asks what and when, and how long each answer took.

pub mod pacing;
pub mod recorder;
pub mod workload;

#[expect(clippy::pedantic, unreachable_pub, dead_code, reason = "generated from the contract")]
#[rustfmt::skip]
mod generated {
    pub(crate) mod operations;
}

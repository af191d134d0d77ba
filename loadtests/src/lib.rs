//! Load scenarios against a deployment: who asks what and when, how long each answer took, and whether it was still right.

pub mod attack;
pub mod cli;
pub mod inspection;
pub mod model;
pub mod pacing;
pub mod recorder;
pub mod report;
pub mod run;
pub mod search;
pub mod streams;
pub mod workload;

#[expect(unreachable_pub, dead_code, reason = "generated from the contract")]
#[rustfmt::skip]
mod generated {
    pub(crate) mod operations;
}

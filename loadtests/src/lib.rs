//! Load scenarios against a deployment: who asks what and when, how long each answer took, and whether it was still right.

pub mod action;
pub mod ask;
pub mod attack;
pub mod budget;
pub mod cli;
pub mod compare;
pub mod crowd;
pub mod inspection;
pub mod model;
pub mod open;
pub mod order;
pub mod pacing;
mod population;
mod record;
pub mod recorder;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod smoke;
pub mod streams;
pub mod tally;
pub mod threads;
pub mod workload;

#[expect(unreachable_pub, dead_code, reason = "generated from the contract")]
#[rustfmt::skip]
mod generated {
    pub(crate) mod operations;
}

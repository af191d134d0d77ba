//! The program as a whole, and its stores under a kill.
#![expect(clippy::unwrap_used, reason = "what cannot go on here is a failed test")]

mod audit;
mod control;
mod faults;
mod kill;
mod limits;
mod neural;
mod program;
mod reindex;
mod serve;
mod speech;
mod stream;
mod stream_ends;
mod tools;
mod traces;

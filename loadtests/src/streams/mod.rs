//! Streams in numbers: many at once at a stated pace, many that are idle, and many that their clients cut. The model behind the
//! target is a stand-in of this process, so the target is one that a profile starts.

mod capacity;
mod load;
mod memory;
mod one;
mod process;
mod smoke;
mod soak;
mod tally;
mod yard;

pub use crate::order::{End, Seen};
pub use load::LoadArguments;
pub use soak::{Counts, SoakArguments, Soaked, soak};
pub use yard::{Operation, Yard};

pub(crate) use process::load_average;
pub(crate) use smoke::{smoke_cut, smoke_whole};

use harness::output::say;

use crate::record::Failure;

/// Runs the streams that `arguments` state and gives the exit code.
pub fn load(arguments: &LoadArguments) -> u8 {
    finish(load::run(arguments))
}

/// Runs the soak and gives the exit code.
pub fn run_soak(arguments: &SoakArguments) -> u8 {
    finish(soak::run(arguments))
}

/// Tells why a run could not be made.
fn finish(outcome: Result<u8, Failure>) -> u8 {
    outcome.unwrap_or_else(|(code, message)| {
        say(&message);
        code
    })
}

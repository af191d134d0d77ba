//! Streams in numbers: many at once at a stated pace, many that are idle, and many that their clients cut. The model behind the
//! target is a stand-in of this process, so the target is one that a profile starts.

mod load;
mod one;
mod process;
mod soak;
mod yard;

pub use load::LoadArguments;
pub use one::{End, Seen};
pub use soak::{Counts, SoakArguments, Soaked, soak};
pub use yard::{Operation, Yard};

use harness::{exit, output::say};

/// Why a run could not be made: exit code and message.
pub(crate) type Failure = (u8, String);

/// Runs the streams that `arguments` state and gives the exit code.
pub fn load(arguments: &LoadArguments) -> u8 {
    finish(load::run(arguments))
}

/// Runs the soak and gives the exit code.
pub fn run_soak(arguments: &SoakArguments) -> u8 {
    finish(soak::run(arguments))
}

/// Tells what failed; every line is a gate's.
fn finish(outcome: Result<Vec<String>, Failure>) -> u8 {
    match outcome {
        Ok(failed) if failed.is_empty() => {
            say("passed");
            exit::PASS
        }
        Ok(failed) => {
            for line in &failed {
                say(line);
            }
            exit::FAILED
        }
        Err((code, message)) => {
            say(&message);
            code
        }
    }
}

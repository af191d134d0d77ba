//! `conformance list`.

use harness::{exit, output, project_root};

use crate::suite::Suite;

/// Prints the ids of all tests; needs no target.
///
/// Example: `conformance list search/ TEN` prints the ids that hold one of these texts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only ids that hold one of these texts.
    filter: Vec<String>,
}

impl Args {
    pub(super) fn run(self) -> u8 {
        match Suite::load(&project_root()) {
            Ok(suite) => {
                let ids = suite.tests.iter().map(crate::suite::Test::id);
                let wanted = |id: &String| self.filter.is_empty() || self.filter.iter().any(|text| id.contains(text));
                ids.filter(wanted).for_each(|id| output::data(&id));
                exit::PASS
            }
            Err(error) => {
                output::say(&error.to_string());
                exit::USAGE
            }
        }
    }
}

//! What happens in a run, and who listens.

use contract_types::{CaseRecord, RunRecord};

use super::stop::Stop;

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A case has ended.
    Ended {
        /// Its record.
        case: &'a CaseRecord,
        /// Whether the target was there.
        there: bool,
    },
    /// The run is over.
    Finished {
        /// Its record.
        record: &'a RunRecord,
        /// Why it ended.
        stop: &'a Stop,
    },
}

/// Listens to a run.
pub trait Listener: Send {
    /// Takes an event.
    fn on(&mut self, event: &Event<'_>);

    /// What the listener could not do, told at the end of the run.
    fn problem(&self) -> Option<String> {
        None
    }
}

//! The steps of one piece of work, each under the step that it is part of.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::{Clock, ModelError};
use crate::tenancy::scope::named;

/// Most steps of one piece of work that are kept; the first to end are. The contract's log line has room for as many.
const MOST_STEPS: usize = 256;

named! {
    /// What a step is: the list is fixed, so that no step can be named by what a request holds.
    StepName {
        /// The rate limit is looked at.
        Admit = "admit",
        /// The query is understood.
        Rewrite = "rewrite",
        /// Passages are found.
        Retrieve = "retrieve",
        /// An embedding model is called.
        Embed = "embed",
        /// A reranker is called.
        Rerank = "rerank",
        /// A generation model is called, to the last piece that it writes.
        Generate = "generate",
        /// A speech provider is called.
        Speak = "speak",
        /// One try of a model's call; what goes to its host carries the id of this step.
        Attempt = "attempt",
        /// A tool runs.
        Tool = "tool",
        /// A batch of statements.
        Database = "database",
        /// The cache is asked or filled.
        Cache = "cache",
        /// One document of a job.
        Document = "document",
    }
}

named! {
    /// How a step ended.
    StepOutcome {
        /// As it should.
        Ok = "ok",
        /// With a failure, or cut off.
        Error = "error",
        /// It took too long.
        TimedOut = "timeout",
        /// It was not tried, because what it needs has failed too often or nothing is left of a budget.
        Skipped = "skipped",
    }
}

impl StepOutcome {
    /// How a model's call ended.
    pub(crate) fn of_model<T>(given: &Result<T, ModelError>) -> Self {
        match given {
            Ok(_) => Self::Ok,
            Err(ModelError::TimedOut { .. }) => Self::TimedOut,
            Err(ModelError::BudgetExceeded { .. }) => Self::Skipped,
            Err(
                ModelError::Unavailable { .. }
                | ModelError::Refused { .. }
                | ModelError::Rejected { .. }
                | ModelError::Unusable { .. },
            ) => Self::Error,
        }
    }

    /// Whether it gave something.
    pub(crate) fn of<T, E>(given: &Result<T, E>) -> Self {
        if given.is_ok() { Self::Ok } else { Self::Error }
    }
}

/// A step that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// What it was.
    pub name: StepName,
    /// Its span.
    pub span_id: u64,
    /// The step that it was part of; `None` directly under the work.
    pub parent: Option<NonZeroU64>,
    /// When it began, in microseconds of the monotonic clock.
    pub start_us: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// How it ended.
    pub outcome: StepOutcome,
}

/// The steps of one sampled piece of work.
pub struct Trail {
    clock: Arc<dyn Clock>,
    root: u64,
    begun: AtomicU64,
    taken: Mutex<Vec<Taken>>,
}

impl Trail {
    /// An empty trail of the work whose span is `root`.
    pub fn new(root: u64, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, root, begun: AtomicU64::new(0), taken: Mutex::default() })
    }

    /// An id that no other step of the work has: the work's own, shuffled by the number of the step.
    fn next_id(&self) -> NonZeroU64 {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        // SplitMix64, which maps every number to another one.
        let mut mixed = self.root.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        NonZeroU64::new(mixed ^ (mixed >> 31)).unwrap_or(NonZeroU64::MIN)
    }

    pub(crate) fn begin(self: &Arc<Self>, name: StepName, parent: Option<NonZeroU64>) -> (NonZeroU64, Step) {
        let id = self.next_id();
        let open = Open { trail: Arc::clone(self), name, id, parent, start_us: self.clock.monotonic_us() };
        (id, Step(Some(open)))
    }

    /// The steps that have ended so far, in the order of their starts.
    pub fn taken(&self) -> Vec<Taken> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        taken.sort_by_key(|step| step.start_us);
        taken
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").field("steps", &self.begun).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Open {
    trail: Arc<Trail>,
    name: StepName,
    id: NonZeroU64,
    parent: Option<NonZeroU64>,
    start_us: u64,
}

/// A step under way; one of work that is not sampled knows nothing. Dropped, it has been cut off.
#[derive(Debug)]
#[must_use = "a step ends where it is dropped"]
pub struct Step(Option<Open>);

impl Step {
    /// A step that nobody records.
    pub(crate) fn unseen() -> Self {
        Self(None)
    }

    /// Ends the step.
    pub fn end(mut self, outcome: StepOutcome) {
        self.close(outcome);
    }

    fn close(&mut self, outcome: StepOutcome) {
        let Some(open) = self.0.take() else { return };
        let duration_us = open.trail.clock.monotonic_us().saturating_sub(open.start_us);
        let (name, span_id, parent, start_us) = (open.name, open.id.get(), open.parent, open.start_us);
        let mut taken = open.trail.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() < MOST_STEPS {
            taken.push(Taken { name, span_id, parent, start_us, duration_us, outcome });
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.close(StepOutcome::Error);
    }
}

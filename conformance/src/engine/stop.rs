//! Why a run ends before its last test.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use harness::pace::Pace;

/// So many tests in a row that find nobody there end the run.
const GONE_AFTER: usize = 5;

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It came to its end.
    Complete,
    /// The target went out of reach.
    Gone,
    /// The first failure ends it, as was asked for.
    FirstFailure,
    /// The time that it was given is over.
    Time(Duration),
    /// The requests that it was given are used up.
    Requests(u64),
    /// Somebody interrupted it.
    Interrupted,
}

impl Stop {
    /// What it means for the record; `None` where the run came to its end.
    pub fn note(&self, left: usize) -> Option<String> {
        let why = match self {
            Self::Complete => return None,
            Self::Gone => "the target went out of reach".to_owned(),
            Self::FirstFailure => "the first failure ended the run".to_owned(),
            Self::Time(time) => format!("the run was given {time:?}"),
            Self::Requests(most) => format!("the run was given {most} requests"),
            Self::Interrupted => "the run was interrupted".to_owned(),
        };
        Some(format!("{why}; {left} tests were not run"))
    }
}

/// When a run is to stop.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stops {
    /// At the first failure of a MUST.
    pub(super) first_failure: bool,
    /// After so long.
    pub(super) time: Option<Duration>,
    /// After so many requests.
    pub(super) requests: Option<u64>,
}

/// Watches a run for a reason to stop.
#[derive(Debug)]
pub(super) struct Watchman {
    stops: Stops,
    began: Instant,
    missed: AtomicUsize,
    stopped: Mutex<Option<Stop>>,
}

impl Watchman {
    pub(super) fn new(stops: Stops) -> Self {
        Self { stops, began: Instant::now(), missed: AtomicUsize::new(0), stopped: Mutex::default() }
    }

    /// Stops the run, unless it was stopped already.
    pub(super) fn stop(&self, why: Stop) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert(why);
    }

    /// Whether no other test may begin.
    pub(super) fn is_stopped(&self, pace: &Pace) -> bool {
        if let Some(time) = self.stops.time.filter(|time| self.began.elapsed() >= *time) {
            self.stop(Stop::Time(time));
        }
        if let Some(most) = self.stops.requests.filter(|_| pace.is_spent()) {
            self.stop(Stop::Requests(most));
        }
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Hears how a test ended.
    pub(super) fn heard(&self, failed: bool, there: bool) {
        if there {
            self.missed.store(0, Ordering::Relaxed);
        } else if self.missed.fetch_add(1, Ordering::Relaxed) + 1 >= GONE_AFTER {
            self.stop(Stop::Gone);
        }
        if failed && self.stops.first_failure {
            self.stop(Stop::FirstFailure);
        }
    }

    /// Why the run ended.
    pub(super) fn why(self) -> Stop {
        self.stopped.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or(Stop::Complete)
    }
}

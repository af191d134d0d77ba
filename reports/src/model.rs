//! The records that count and those that are history.

use std::{cmp::Reverse, collections::HashSet, fmt};

use contract_types::{RunRecord, RunRecordKind, RunRecordVerdict};
use jiff::Timestamp;

use crate::{
    compare::Comparison,
    format::length,
    gate,
    judged::{SABOTEUR, judged},
    tally::{self, Tally},
};

/// What a run belongs to. Saboteurs are told apart from conformance by their cases, because they try the suite and not the target:
/// such a run must never stand in for a conformance run of the same target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Suite {
    Conformance,
    Quality,
    Load,
    Saboteurs,
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conformance => "conformance",
            Self::Quality => "quality",
            Self::Load => "load",
            Self::Saboteurs => "saboteurs",
        })
    }
}

/// How a note about levels of conformance begins.
const LEVEL: &str = "level:";

/// One validated record and where it came from.
#[derive(Debug, Clone)]
pub struct Run {
    /// Name of the record's file, without its folder.
    pub file: String,
    /// The record itself.
    pub record: RunRecord,
    /// `started_at`, parsed.
    pub started: Timestamp,
    /// `finished_at`, parsed.
    pub finished: Timestamp,
}

impl Run {
    /// The suite's name as a heading.
    pub(crate) fn title(&self) -> &'static str {
        match self.suite() {
            Suite::Conformance => "Conformance",
            Suite::Quality => "Quality",
            Suite::Load => "Load",
            Suite::Saboteurs => "Saboteurs",
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        let cases = &self.record.cases;
        match self.record.kind {
            _ if !cases.is_empty() && cases.iter().all(|case| case.kind == SABOTEUR) => Suite::Saboteurs,
            RunRecordKind::Conformance => Suite::Conformance,
            RunRecordKind::Quality => Suite::Quality,
            RunRecordKind::Load => Suite::Load,
        }
    }

    /// `conformance on local`.
    pub(crate) fn name(&self) -> String {
        format!("{} on {}", self.suite(), self.record.target.name)
    }

    /// Id of the run's section on the page. Both parts are bound to letters, digits, dots, dashes and underscores.
    pub(crate) fn anchor(&self) -> String {
        format!("{}-{}", self.suite(), self.record.target.name)
    }

    /// The cases that say how well the target keeps the contract, counted.
    pub(crate) fn tally(&self) -> Tally {
        Tally::of(tally::plain(&self.record.cases))
    }

    /// What the notes say about levels of conformance: `search (highest reached)`, `next: chat`.
    pub(crate) fn levels(&self) -> Vec<&str> {
        let notes = self.record.notes.iter().filter_map(|note| note.strip_prefix(LEVEL));
        notes.flat_map(|note| note.split(", ")).map(str::trim).filter(|level| !level.is_empty()).collect()
    }

    /// The notes that say something else.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &str> {
        self.record.notes.iter().map(String::as_str).filter(|note| !note.starts_with(LEVEL))
    }

    /// Quality figures that hold their floor, and those that have one.
    pub(crate) fn floors(&self) -> (u64, u64) {
        let floors = || self.record.scores.iter().flatten().filter_map(|score| Some((score.value, score.floor?)));
        (length(floors().filter(|(value, floor)| value >= floor).count()), length(floors().count()))
    }

    /// Load measurements that keep their budget, and those that have one.
    pub(crate) fn budgets(&self) -> (u64, u64) {
        let budgets = || self.record.load.iter().flatten().filter_map(|row| Some((row.p95_ms, row.budget_p95_ms?)));
        (length(budgets().filter(|(p95, budget)| p95 <= budget).count()), length(budgets().count()))
    }
}

/// What the page shows: the newest run of each suite and target, and the runs before them.
#[derive(Debug, Clone)]
pub struct Report {
    /// The newest run of each suite and target: conformance, quality, load, saboteurs, each by target name.
    pub current: Vec<Run>,
    /// Every other run, newest first.
    pub history: Vec<Run>,
}

impl Report {
    /// Sorts `runs`, in whatever order they were read.
    pub fn new(mut runs: Vec<Run>) -> Self {
        runs.sort_by(|a, b| (Reverse(a.started), &b.record.run_id).cmp(&(Reverse(b.started), &a.record.run_id)));
        let mut seen = HashSet::new();
        let (mut current, history): (Vec<Run>, Vec<Run>) =
            runs.into_iter().partition(|run| seen.insert((run.suite(), run.record.target.name.clone())));
        current.sort_by(|a, b| (a.suite(), &a.record.target.name).cmp(&(b.suite(), &b.record.target.name)));
        Self { current, history }
    }

    /// The newest earlier run of the suite and target of `run` that judged anything, by the same command and of as much of the suite: what
    /// another command looks at has neither appeared nor vanished.
    pub(crate) fn before(&self, run: &Run) -> Option<&Run> {
        let judged = |run: &Run| !judged(run).is_empty();
        let same = |other: &&Run| {
            let same_suite = other.suite() == run.suite() && other.record.target.name == run.record.target.name;
            same_suite && gate::same_kind(other, run) && judged(other)
        };
        self.history.iter().find(same)
    }

    /// What changed since that run.
    pub(crate) fn comparison(&self, run: &Run) -> Option<Comparison<'_>> {
        Comparison::of(run, self.before(run)?)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// The worst verdict among the current runs. A fail outranks an error: it is certain, an error is not.
    pub fn verdict(&self) -> RunRecordVerdict {
        let any = |verdict| self.current.iter().any(|run| run.record.verdict == verdict);
        if any(RunRecordVerdict::Fail) {
            RunRecordVerdict::Fail
        } else if any(RunRecordVerdict::Error) {
            RunRecordVerdict::Error
        } else {
            RunRecordVerdict::Pass
        }
    }

    /// What makes the current runs hard to compare: other commits, other contract versions.
    pub(crate) fn mixtures(&self) -> Vec<&'static str> {
        let several = |values: HashSet<&str>| values.len() > 1;
        let mut found = Vec::new();
        if several(self.current.iter().filter_map(|run| run.record.commit.as_deref()).collect()) {
            found.push("The runs shown were built from different commits.");
        }
        if several(self.current.iter().map(|run| run.record.contract_version.as_str()).collect()) {
            found.push("The runs shown follow different versions of the contract.");
        }
        found
    }
}

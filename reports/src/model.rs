//! The records that count and those that are history.

use std::{cmp::Reverse, collections::HashSet};

use contract_types::{RunRecord, RunRecordKind, RunRecordVerdict};
use jiff::Timestamp;

use crate::{format::length, tally::Tally};

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
        match self.record.kind {
            RunRecordKind::Conformance => "Conformance",
            RunRecordKind::Quality => "Quality",
            RunRecordKind::Load => "Load",
        }
    }

    /// Id of the run's section on the page. Both parts are bound to letters, digits, dots, dashes and underscores.
    pub(crate) fn anchor(&self) -> String {
        format!("{}-{}", self.record.kind, self.record.target.name)
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally::from(&self.record.counts)
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
    /// The newest run of each suite and target: conformance, quality, load, each by target name.
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
            runs.into_iter().partition(|run| seen.insert((run.record.kind, run.record.target.name.clone())));
        current.sort_by(|a, b| (a.record.kind, &a.record.target.name).cmp(&(b.record.kind, &b.record.target.name)));
        Self { current, history }
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

//! The records that count and those that are history.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    fmt,
};

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

    /// `conformance on local`, `load search on local`.
    pub(crate) fn name(&self) -> String {
        match self.did() {
            Some(did) => format!("{} {did} on {}", self.suite(), self.record.target.name),
            None => format!("{} on {}", self.suite(), self.record.target.name),
        }
    }

    /// What it did, where its suite does several things that are judged apart: the command of quality, the scenario of load.
    pub(crate) fn did(&self) -> Option<String> {
        match self.suite() {
            Suite::Quality | Suite::Load => {
                Some(gate::name(self)).filter(|name| name != gate::UNNAMED && !self.mixes(name))
            }
            Suite::Conformance | Suite::Saboteurs => None,
        }
    }

    /// Whether it holds measurements of other scenarios than `name`, which is one of them, so that it is not called after that one alone.
    fn mixes(&self, name: &str) -> bool {
        let scenarios = || self.record.load.iter().flatten().map(|row| row.scenario.as_str());
        scenarios().any(|scenario| scenario == name) && scenarios().any(|scenario| scenario != name)
    }

    /// How the run says that it held a part of its suite alone, such as `chosen by --filter`; nothing where it held all of it.
    pub(crate) fn part(&self) -> Option<&str> {
        gate::part_of_suite(self)
    }

    /// Id of the run's section on the page. Its parts are bound to letters, digits, dots, dashes and underscores, so that a colon tells
    /// what was done on `local` from a target `local-search`.
    pub(crate) fn anchor(&self) -> String {
        let did = self.did().map(|did| format!(":{did}")).unwrap_or_default();
        format!("{}-{}{did}", self.suite(), self.record.target.name)
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

/// What the page shows: the newest run of each suite and target, of quality and load also by what they did, and the runs before them.
///
/// As for the gate, the record of a part of a suite stands in for none of the whole, however new it is: it is history where there is one
/// of the whole, and says that it is a part where there is none.
#[derive(Debug, Clone)]
pub struct Report {
    /// The runs that count: conformance, quality, load, saboteurs, each by target name.
    pub current: Vec<Run>,
    /// Every other run, newest first.
    pub history: Vec<Run>,
}

impl Report {
    /// Sorts `runs`, in whatever order they were read.
    pub fn new(mut runs: Vec<Run>) -> Self {
        runs.sort_by(newest_first);
        let counting = counting(&runs);
        let mut counting = counting.iter();
        let (mut current, history): (Vec<Run>, Vec<Run>) =
            runs.into_iter().partition(|_| counting.next().is_some_and(|counts| *counts));
        current.sort_by_key(|run| (run.suite(), run.record.target.name.clone(), run.did()));
        Self { current, history }
    }

    /// Every run of the suite and target of `run`, newest first.
    pub(crate) fn beside<'a>(&'a self, run: &Run) -> Vec<&'a Run> {
        let same = |other: &&Run| other.suite() == run.suite() && other.record.target.name == run.record.target.name;
        let mut found: Vec<&Run> = self.current.iter().chain(&self.history).filter(same).collect();
        found.sort_by(|a, b| newest_first(a, b));
        found
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

fn newest_first(a: &Run, b: &Run) -> Ordering {
    (b.started, &b.record.run_id).cmp(&(a.started, &a.record.run_id))
}

/// Which of `runs`, newest first, count: of each suite and target the newest of the whole, or of a part where nothing else is there. What
/// quality and load did beside their newest run counts as long as a record does for the gate, as of the newest of all: what was tried once,
/// long ago, is history.
fn counting(runs: &[Run]) -> Vec<bool> {
    let newest = runs.iter().map(|run| run.finished).max().unwrap_or_default();
    let mut chosen: BTreeMap<_, usize> = BTreeMap::new();
    for whole in [true, false] {
        for (at, run) in runs.iter().enumerate().filter(|(_, run)| run.part().is_none() == whole) {
            chosen.entry((run.suite(), run.record.target.name.as_str(), run.did())).or_insert(at);
        }
    }
    let mut first: BTreeMap<_, usize> = BTreeMap::new();
    for ((suite, target, _), at) in &chosen {
        let first = first.entry((*suite, *target)).or_insert(*at);
        *first = (*first).min(*at);
    }
    let mut counts = vec![false; runs.len()];
    for ((suite, target, _), at) in &chosen {
        let fresh = gate::Terms::new(target, newest).fresh(&runs[*at]);
        counts[*at] = fresh || first.get(&(*suite, *target)) == Some(at);
    }
    counts
}

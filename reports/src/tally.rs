//! Cases counted by how they ended, for a run, a capability, an operation or a kind.

use std::{collections::BTreeMap, sync::LazyLock};

use contract_types::{CaseRecord, CaseRecordOutcome, RunCounts};
use serde_json::Value;

use crate::judged::{PROBE, SABOTEUR, wrong};

/// How many cases ended how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) errored: u64,
    pub(crate) known: u64,
    pub(crate) not_applicable: u64,
}

impl Tally {
    pub(crate) fn of<'a>(cases: impl IntoIterator<Item = &'a CaseRecord>) -> Self {
        let mut tally = Self::default();
        cases.into_iter().for_each(|case| tally.add(case.outcome));
        tally
    }

    pub(crate) fn add(&mut self, outcome: CaseRecordOutcome) {
        let field = match outcome {
            CaseRecordOutcome::Pass => &mut self.passed,
            CaseRecordOutcome::Fail => &mut self.failed,
            CaseRecordOutcome::Error => &mut self.errored,
            CaseRecordOutcome::NotApplicable => &mut self.not_applicable,
            CaseRecordOutcome::KnownFailure => &mut self.known,
        };
        *field += 1;
    }

    /// Cases that apply to the target.
    pub(crate) fn applicable(&self) -> u64 {
        self.passed + self.failed + self.errored + self.known
    }

    pub(crate) fn total(&self) -> u64 {
        self.applicable() + self.not_applicable
    }
}

impl From<&RunCounts> for Tally {
    fn from(counts: &RunCounts) -> Self {
        Self {
            passed: counts.passed,
            failed: counts.failed,
            errored: counts.errored,
            known: counts.known_failures,
            not_applicable: counts.not_applicable,
        }
    }
}

/// The cases that say how well the target keeps the contract: no probes, which never decide, and no saboteurs, which try the suite.
pub(crate) fn plain(cases: &[CaseRecord]) -> Vec<&CaseRecord> {
    cases.iter().filter(|case| case.kind != PROBE && case.kind != SABOTEUR).collect()
}

/// One capability, or the rest under `other`, with its operations.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) name: &'a str,
    pub(crate) tally: Tally,
    /// By operation id; the empty id stands for cases that are about no single operation.
    pub(crate) operations: BTreeMap<&'a str, Tally>,
}

/// The capabilities in the order in which a document travels, then those that serve them all.
const CAPABILITIES: [&str; 10] =
    ["ingest", "retrieve", "answer", "search", "chat", "tools", "tts", "telemetry", "platform", "saboteurs"];
const OTHER: &str = "other";

/// Operation id → capability, as the contract tags its operations.
static TAGS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let contract: Value = serde_json::from_str(contract_types::OPENAPI).expect("the generator writes valid JSON");
    let paths = contract["paths"].as_object().into_iter().flat_map(serde_json::Map::values);
    let operations = paths.flat_map(|path| path.as_object().into_iter().flat_map(serde_json::Map::values));
    operations
        .filter_map(|operation| {
            Some((operation.get("operationId")?.as_str()?.to_owned(), operation["tags"][0].as_str()?.to_owned()))
        })
        .collect()
});

/// A written case names its capability by the folder it lies in, a generated one by its operation's tag.
pub(crate) fn capability(case: &CaseRecord) -> &'static str {
    let known = |name: &str| CAPABILITIES.into_iter().find(|capability| *capability == name);
    let folder = case.id.split('/').next().unwrap_or_default();
    let tag = |operation: &str| TAGS.get(operation).and_then(|tag| known(tag));
    known(folder).or_else(|| case.operation.as_deref().and_then(tag)).unwrap_or(OTHER)
}

/// The cases by capability and operation, in the order of [`CAPABILITIES`].
pub(crate) fn by_capability<'a>(cases: &[&'a CaseRecord]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = CAPABILITIES
        .into_iter()
        .chain([OTHER])
        .map(|name| Group { name, tally: Tally::default(), operations: BTreeMap::new() })
        .collect();
    for case in cases {
        let name = capability(case);
        if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
            group.tally.add(case.outcome);
            group.operations.entry(case.operation.as_deref().unwrap_or_default()).or_default().add(case.outcome);
        }
    }
    groups.retain(|group| group.tally.total() > 0);
    groups
}

/// The cases by kind, the kind with the most failures first, then by name.
pub(crate) fn by_kind<'a>(cases: &[&'a CaseRecord]) -> Vec<(&'a str, Tally)> {
    let mut kinds: BTreeMap<&'a str, Tally> = BTreeMap::new();
    for case in cases {
        kinds.entry(&case.kind).or_default().add(case.outcome);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.failed + tally.errored));
    kinds
}

/// Cases of one outcome by their reason, the most frequent reason first.
pub(crate) fn by_reason<'a>(
    cases: &[&'a CaseRecord],
    outcome: CaseRecordOutcome,
) -> Vec<(&'a str, Vec<&'a CaseRecord>)> {
    let mut reasons: BTreeMap<&'a str, Vec<&'a CaseRecord>> = BTreeMap::new();
    for case in cases.iter().copied().filter(|case| case.outcome == outcome) {
        reasons.entry(case.reason.as_deref().unwrap_or("no reason was recorded")).or_default().push(case);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    reasons
}

/// What went wrong, probes and saboteurs apart: MUST before SHOULD, then failures before errors, then by id.
pub(crate) fn failures(cases: &[CaseRecord]) -> Vec<&CaseRecord> {
    let mut failures = plain(cases);
    failures.retain(|case| wrong(case.outcome));
    failures.sort_by(|a, b| (a.level, a.outcome, &a.id).cmp(&(b.level, b.outcome, &b.id)));
    failures
}

//! Faults that were seeded on purpose, and whether the suite caught them.

use std::{cmp::Reverse, collections::BTreeMap};

use contract_types::{CaseRecord, CaseRecordOutcome};

use crate::{judged::SABOTEUR, model::Run, tally::Tally};

/// The saboteurs of one run.
#[derive(Debug)]
pub(crate) struct Board<'a> {
    /// Saboteurs that at least one check caught.
    pub(crate) caught: u64,
    /// Saboteurs that were let loose; those that do not apply to the target were not.
    pub(crate) seeded: u64,
    pub(crate) tally: Tally,
    /// The family with the most escapes first, then by name.
    pub(crate) families: Vec<Family<'a>>,
}

/// Saboteurs of one sort, for example those that mix up tenants.
#[derive(Debug, Default)]
pub(crate) struct Family<'a> {
    pub(crate) name: &'a str,
    pub(crate) caught: u64,
    pub(crate) seeded: u64,
    pub(crate) tally: Tally,
    /// Those that escaped first, then by id.
    pub(crate) members: Vec<&'a CaseRecord>,
}

impl<'a> Board<'a> {
    /// The board of `run`; nothing where it holds no saboteur.
    pub(crate) fn of(run: &'a Run) -> Option<Self> {
        let mut families: BTreeMap<&str, Family<'a>> = BTreeMap::new();
        let mut tally = Tally::default();
        for case in run.record.cases.iter().filter(|case| case.kind == SABOTEUR) {
            let name = family(case);
            let family = families.entry(name).or_insert_with(|| Family { name, ..Family::default() });
            family.caught += u64::from(case.outcome == CaseRecordOutcome::Pass);
            family.seeded += u64::from(case.outcome != CaseRecordOutcome::NotApplicable);
            family.tally.add(case.outcome);
            tally.add(case.outcome);
            family.members.push(case);
        }
        let mut families: Vec<Family<'a>> = families.into_values().collect();
        families.sort_by_key(|family| Reverse(family.seeded - family.caught));
        for family in &mut families {
            family.members.sort_by_key(|case| (order(case.outcome), &case.id));
        }
        let sum = |number: fn(&Family<'_>) -> u64| families.iter().map(number).sum();
        let (caught, seeded) = (sum(|family| family.caught), sum(|family| family.seeded));
        (!families.is_empty()).then_some(Self { caught, seeded, tally, families })
    }

    /// Ids of those that were let loose and not caught, or not for certain.
    pub(crate) fn escaped(&self) -> impl Iterator<Item = &'a str> {
        let members = self.families.iter().flat_map(|family| family.members.iter().copied());
        let escaped = members.filter(|case| !matches!(order(case.outcome), Order::Caught | Order::NotSeeded));
        escaped.map(|case| case.id.as_str())
    }
}

/// Where a saboteur stands in its family.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Escaped,
    Unclear,
    Known,
    Caught,
    NotSeeded,
}

fn order(outcome: CaseRecordOutcome) -> Order {
    match outcome {
        CaseRecordOutcome::Fail => Order::Escaped,
        CaseRecordOutcome::Error => Order::Unclear,
        CaseRecordOutcome::KnownFailure => Order::Known,
        CaseRecordOutcome::Pass => Order::Caught,
        CaseRecordOutcome::NotApplicable => Order::NotSeeded,
    }
}

/// `saboteurs/<family>/<name>` names its family; any other id has none.
fn family(case: &CaseRecord) -> &str {
    let mut parts = case.id.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("saboteurs"), Some(family), Some(_)) => family,
        _ => "without a family",
    }
}

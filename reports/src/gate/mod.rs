//! The gate: one verdict on one target from the newest records of every suite, with the reasons that keep it shut.
//!
//! A record's own verdict counts and nothing is weighed anew. What the gate adds is whether there is evidence at all: a record that is
//! missing, too old, of another contract or of a part of a suite opens nothing.

mod evidence;
mod reasons;
mod steadiness;

use std::collections::BTreeSet;

use contract_types::{
    GatePart, GatePartPart, GatePartVerdict, GateReason, GateReasonKind, GateReport, GateReportVerdict,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    model::{Run, Suite},
    verdict::summary,
};

pub(crate) use evidence::{UNNAMED, label, name, part_of_suite, same_kind};

/// Version of the report's format.
const SCHEMA_VERSION: u64 = 1;
/// Exit codes of the verdicts, the same as of every other program.
const CODES: [(GateReportVerdict, u64); 3] =
    [(GateReportVerdict::Pass, 0), (GateReportVerdict::Fail, 100), (GateReportVerdict::Error, 1)];
/// The target that saboteurs are tried on.
const LOCAL: &str = "local";
/// The command of quality that every gate wants.
const SMOKE: &str = "smoke";

/// What a gate asks of its evidence.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Name of the target profile.
    pub target: String,
    /// When it is judged.
    pub now: Timestamp,
    /// Greatest age of a record that counts.
    pub max_age: SignedDuration,
    /// Parts that count; the others are left out, and the verdict says so.
    pub parts: Vec<GatePartPart>,
    /// Scenarios of load that must have a record.
    pub scenarios: Vec<String>,
    /// The commit that records must be of, where that is asked.
    pub commit: Option<String>,
    /// Whether the record of a part of a suite counts.
    pub partial: bool,
}

impl Terms {
    /// Everything counts, and a record may be a day old.
    pub fn new(target: &str, now: Timestamp) -> Self {
        Self {
            target: target.to_owned(),
            now,
            max_age: SignedDuration::from_hours(24),
            parts: GatePartPart::ALL.to_vec(),
            scenarios: vec!["search".to_owned()],
            commit: None,
            partial: false,
        }
    }

    /// What must have a record, and what else is there: each part with the scenario or command of its runs.
    fn wanted(&self, runs: &[&Run]) -> Vec<(GatePartPart, Option<String>)> {
        let mut wanted = Vec::new();
        for part in GatePartPart::ALL {
            match part {
                GatePartPart::Conformance | GatePartPart::Saboteurs => wanted.push((*part, None)),
                GatePartPart::Quality | GatePartPart::Load => {
                    let must = match part {
                        GatePartPart::Load => self.scenarios.clone(),
                        GatePartPart::Conformance | GatePartPart::Saboteurs | GatePartPart::Quality => {
                            vec![SMOKE.to_owned()]
                        }
                    };
                    let others = runs.iter().filter(|run| evidence::part(run) == *part && self.fresh(run));
                    let others: BTreeSet<String> =
                        others.map(|run| evidence::name(run)).filter(|name| !must.contains(name)).collect();
                    wanted.extend(must.into_iter().chain(others).map(|name| (*part, Some(name))));
                }
            }
        }
        wanted
    }

    pub(crate) fn fresh(&self, run: &Run) -> bool {
        self.now.duration_since(run.finished) <= self.max_age
    }
}

/// Judges the target of `terms` by `runs`, in whatever order they were read.
pub fn gate(runs: &[Run], terms: &Terms) -> GateReport {
    let mut ours: Vec<&Run> = runs.iter().filter(|run| run.record.target.name == terms.target).collect();
    ours.sort_by(|a, b| (a.started, &a.record.run_id).cmp(&(b.started, &b.record.run_id)));
    let parts: Vec<GatePart> =
        terms.wanted(&ours).into_iter().map(|(part, name)| judge(part, name.as_deref(), &ours, terms)).collect();
    let any = |verdict| parts.iter().any(|part| part.verdict == verdict);
    let verdict = if any(GatePartVerdict::Fail) {
        GateReportVerdict::Fail
    } else if any(GatePartVerdict::Error) || !any(GatePartVerdict::Pass) {
        GateReportVerdict::Error
    } else {
        GateReportVerdict::Pass
    };
    let code = CODES.into_iter().find(|(of, _)| *of == verdict).map_or(1, |(_, code)| code);
    let judged: Vec<&Run> = ours
        .iter()
        .copied()
        .filter(|run| parts.iter().any(|part| part.record.as_deref() == Some(run.file.as_str())))
        .collect();
    GateReport {
        schema_version: SCHEMA_VERSION,
        target: terms.target.clone(),
        verdict,
        judged_at: terms.now.to_string(),
        contract_version: evidence::contract_version(),
        commit: terms.commit.clone(),
        flaky: steadiness::flaky(&ours),
        remarks: evidence::remarks(&judged, &parts, terms),
        parts,
        exit_code: code,
    }
}

/// The suite of a part.
fn suite(part: GatePartPart) -> Suite {
    match part {
        GatePartPart::Conformance => Suite::Conformance,
        GatePartPart::Saboteurs => Suite::Saboteurs,
        GatePartPart::Quality => Suite::Quality,
        GatePartPart::Load => Suite::Load,
    }
}

fn judge(part: GatePartPart, name: Option<&str>, ours: &[&Run], terms: &Terms) -> GatePart {
    let empty = |verdict, summary: String| GatePart {
        name: name.map(str::to_owned),
        ..GatePart::new(part, verdict, summary, Vec::new(), Vec::new())
    };
    if !terms.parts.contains(&part) {
        return empty(GatePartVerdict::LeftOut, "left out by the command".to_owned());
    }
    if part == GatePartPart::Saboteurs && terms.target != LOCAL {
        return empty(GatePartVerdict::LeftOut, format!("saboteurs try the suite, on the target `{LOCAL}` alone"));
    }
    let same = |run: &&&Run| run.suite() == suite(part) && name.is_none_or(|name| evidence::name(run) == name);
    let found: Vec<&Run> = ours
        .iter()
        .filter(same)
        .copied()
        .filter(|run| terms.partial || evidence::part_of_suite(run).is_none())
        .collect();
    let Some(newest) = found.last() else {
        let told = match ours.iter().rfind(same) {
            Some(run) => format!(
                "{} is the record of a part of the suite, {}",
                run.file,
                evidence::part_of_suite(run).unwrap_or_default()
            ),
            None => format!("there is no record of {}", evidence::label(part, name)),
        };
        return undecided(empty(GatePartVerdict::Error, "no evidence".to_owned()), &told, terms);
    };
    let judged = GatePart {
        record: Some(newest.file.clone()),
        started_at: Some(newest.record.started_at.clone()),
        measure: Some(steadiness::measure(part).to_owned()),
        trend: steadiness::trend(part, &found),
        ..empty(GatePartVerdict::Pass, summary(newest))
    };
    if let Some(fault) = evidence::fault(newest, terms) {
        return undecided(judged, &fault, terms);
    }
    reasons::judge(judged, newest)
}

/// The part without a verdict, for want of evidence.
fn undecided(part: GatePart, told: &str, terms: &Terms) -> GatePart {
    let remedy = evidence::command(part.part, part.name.as_deref(), &terms.target);
    let reason = GateReason::new(
        GateReasonKind::Evidence,
        evidence::label(part.part, part.name.as_deref()),
        format!("{told}; run `{remedy}`"),
    );
    GatePart { verdict: GatePartVerdict::Error, reasons: vec![reason], ..part }
}

//! Probes: what the suite noticed about the target without holding it against it.

use std::fmt::{self, Write};

use contract_types::{CaseRecord, CaseRecordOutcome};

use super::{beneath, close_table, open_table, outcome_badge};
use crate::{
    format::{Text, count, length},
    judged::PROBE,
};

/// Most rows; the record holds the rest. Those that found something come first.
const SHOWN: usize = 100;

pub(super) fn write(out: &mut String, cases: &[CaseRecord]) -> fmt::Result {
    let mut probes: Vec<&CaseRecord> = cases.iter().filter(|case| case.kind == PROBE).collect();
    if probes.is_empty() {
        return Ok(());
    }
    probes.sort_by_key(|case| (outcome(case).0, &case.id));
    writeln!(out, "<h3>Probes <span>{}</span></h3>", count(length(probes.len())))?;
    writeln!(out, "<p class=\"hint\">Probes tell about the target. They are in no count above and never decide.</p>")?;
    open_table(out, "probes", "What the probes found")?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Probe, and what it found</th><th scope=\"col\">Result</th>\
         <th scope=\"col\">Operation</th></tr></thead>\n<tbody>"
    )?;
    for case in probes.iter().take(SHOWN) {
        let (_, class, word) = outcome(case);
        let told = case.message.as_deref().or(case.reason.as_deref()).unwrap_or_default();
        writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code>{}</th><td>{}</td><td>{}</td></tr>",
            Text(&case.id),
            beneath(told),
            outcome_badge(class, word),
            Text(case.operation.as_deref().unwrap_or("–"))
        )?;
    }
    close_table(out)?;
    match probes.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        left => writeln!(out, "<p class=\"hint\">{left} more are in the record.</p>"),
    }
}

/// Its place in the table, its class and its word. A finding is no failure, so it does not wear a failure's colour.
fn outcome(case: &CaseRecord) -> (u8, &'static str, &'static str) {
    match case.outcome {
        CaseRecordOutcome::Fail => (0, "found", "found something"),
        CaseRecordOutcome::Error => (1, "error", "could not look"),
        CaseRecordOutcome::KnownFailure => (2, "known", "known"),
        CaseRecordOutcome::Pass => (3, "pass", "as hoped"),
        CaseRecordOutcome::NotApplicable => (4, "na", "not applicable"),
    }
}

//! Prometheus text, for a collector of text files: how many cases ended how, and when. Alerts on a deployment that only a look from
//! outside can give, such as a breach of isolation, are made of it.

use std::{collections::BTreeMap, fmt::Write as _};

use contract_types::CaseRecordOutcome;

use crate::{
    format::{plain, written},
    model::{Run, Suite},
};

/// Kind of the cases in which one tenant reaches for what another has.
const ISOLATION: &str = "isolation";

/// Writes `run` in the Prometheus text format.
///
/// Every kind has a series for each outcome, at 0 where none ended so, and a run of the suite has the kind `isolation` even without such
/// a case: an alert must tell "none failed" from "none was tried".
pub fn prometheus(run: &Run) -> String {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    if run.suite() == Suite::Conformance {
        kinds.insert(ISOLATION, BTreeMap::new());
    }
    for case in &run.record.cases {
        *kinds.entry(&case.kind).or_default().entry(case.outcome.as_str()).or_default() += 1;
    }
    let (suite, target) = (run.suite(), label(&run.record.target.name));
    written(|out| {
        writeln!(
            out,
            "# HELP plumbline_cases Cases of the newest run by kind and outcome.\n# TYPE plumbline_cases gauge"
        )?;
        for (kind, counts) in &kinds {
            for outcome in CaseRecordOutcome::ALL {
                let count = counts.get(outcome.as_str()).copied().unwrap_or_default();
                let kind = label(kind);
                writeln!(
                    out,
                    "plumbline_cases{{suite=\"{suite}\",target=\"{target}\",kind=\"{kind}\",outcome=\"{outcome}\"}} {count}"
                )?;
            }
        }
        let name = "plumbline_run_finished_timestamp_seconds";
        writeln!(out, "# HELP {name} When the newest run ended, in seconds since 1970.\n# TYPE {name} gauge")?;
        writeln!(out, "{name}{{suite=\"{suite}\",target=\"{target}\"}} {}", run.finished.as_second())
    })
}

/// A text as the value of a label.
fn label(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

//! From stage to prod: the same artefact, by its hash, once the gate on stage has opened.

use std::path::Path;

use contract_types::GateReportVerdict;
use jiff::{SignedDuration, Timestamp};
use reports::{Run, Terms};

use crate::api::Api;
use crate::apply::{self, DeployError};
use crate::wanted::{Wanted, artefact_of};

/// Reasons of a shut gate that are told.
const TOLD: usize = 5;

/// Checks that `stage` may go on: that it is as its configuration says, that its version carries the artefact at hand, and that the gate
/// opens by what the run records in `records` say of that version. Gives the version.
///
/// # Errors
///
/// [`DeployError::Refused`] with the reason, or a failed call.
pub async fn gate(api: &Api, stage: &Wanted, records: &Path) -> Result<String, DeployError> {
    let (live, plan) = apply::plan(api, stage).await?;
    let refuse = |why: String| Err(DeployError::Refused(why));
    let label = stage.deployment.label();
    let Some(current) = live.current() else {
        return refuse(format!("{label} has no version in traffic; deploy apply it first"));
    };
    let hash = current.message.as_deref().and_then(artefact_of).unwrap_or("of unknown origin");
    if hash != stage.artefact.hash {
        return refuse(format!(
            "{label} runs the artefact {hash}, {} holds {}; take the folder that was deployed there",
            stage.artefact.folder.display(),
            stage.artefact.hash
        ));
    }
    if let Some(finding) = plan.findings.first() {
        return refuse(format!("{label} has drifted ({} {}); deploy drift tells all", finding.what, finding.name));
    }
    let version = api.version(stage.worker(), &current.id).await?.unwrap_or_default();
    let since = version["metadata"]["created_on"].as_str().and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MAX);
    match opens(records, &stage.deployment.gate_target, since) {
        Ok(()) => Ok(current.id.clone()),
        Err(why) => refuse(why),
    }
}

/// Whether the gate on `target` opens by the records that are not older than `since`: the same verdict as `reports gate`, of whole suites
/// alone.
fn opens(records: &Path, target: &str, since: Timestamp) -> Result<(), String> {
    let runs =
        reports::read(records).map_err(|error| format!("expected run records in {}: {error}", records.display()))?;
    let all = runs.iter().filter(|run| run.record.target.name == target).count();
    let later: Vec<Run> = runs.into_iter().filter(|run| run.started >= since).collect();
    let older = all - later.iter().filter(|run| run.record.target.name == target).count();
    // How old they may be is said by the version.
    let terms = Terms { max_age: SignedDuration::MAX, ..Terms::new(target, Timestamp::now()) };
    let report = reports::gate(&later, &terms);
    if report.verdict == GateReportVerdict::Pass {
        return Ok(());
    }
    let mut why: Vec<String> = report
        .parts
        .iter()
        .flat_map(|part| {
            part.reasons.iter().map(move |reason| format!("{}: {}: {}", part.part, reason.what, reason.told))
        })
        .collect();
    let more = why.len().saturating_sub(TOLD);
    why.truncate(TOLD);
    if more > 0 {
        why.push(format!("and {more} more"));
    }
    if older > 0 {
        why.push(format!("{older} records of {} are older than the version and do not count", records.display()));
    }
    Err(format!(
        "the gate on {target} is shut: {}; `cargo run -p reports -- gate --target {target} --run` runs what it needs",
        why.join("; ")
    ))
}

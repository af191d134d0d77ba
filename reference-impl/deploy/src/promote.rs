//! From stage to prod: the same artefact, by its hash, once the gate on stage has opened.

use std::path::Path;

use contract_types::{RunRecord, RunRecordKind, RunRecordVerdict};
use jiff::Timestamp;

use crate::api::Api;
use crate::apply::{self, DeployError};
use crate::wanted::{Wanted, artefact_of};

/// Checks that `stage` may go on: that it is as its configuration says, that its version carries the artefact at hand, and that a record
/// of the gate in `records` is of that version or later and passes. Gives the version.
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
    match passing(records, &stage.deployment.gate_target, since) {
        Ok(()) => Ok(current.id.clone()),
        Err(why) => refuse(why),
    }
}

/// Whether the newest record of conformance for `target` is not older than `since` and passes.
fn passing(records: &Path, target: &str, since: Timestamp) -> Result<(), String> {
    let mut newest: Option<(Timestamp, RunRecord)> = None;
    let entries = std::fs::read_dir(records)
        .map_err(|error| format!("expected run records in {}: {error}", records.display()))?;
    for path in
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"))
    {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // Other files may lie there too; what is no record is none for us.
        let Ok(record) = serde_json::from_str::<RunRecord>(&text) else { continue };
        let Ok(started) = record.started_at.parse::<Timestamp>() else { continue };
        let ours = record.target.name == target && record.kind == RunRecordKind::Conformance;
        if ours && newest.as_ref().is_none_or(|(at, _)| *at < started) {
            newest = Some((started, record));
        }
    }
    let remedy = format!("cargo test -p conformance -- --target {target}");
    let Some((started, record)) = newest else {
        return Err(format!(
            "there is no record of conformance for the target {target} in {}; run `{remedy}`",
            records.display()
        ));
    };
    if started < since {
        return Err(format!("the record {} is older than the version; run `{remedy}`", record.run_id));
    }
    if record.verdict != RunRecordVerdict::Pass {
        return Err(format!(
            "the record {} does not pass; mend what it found, deploy to stage, and run `{remedy}`",
            record.run_id
        ));
    }
    let ours = apply::contract_version();
    if record.contract_version != ours {
        return Err(format!(
            "the record {} is of the contract {}, this tool knows {ours}; run `{remedy}`",
            record.run_id, record.contract_version
        ));
    }
    Ok(())
}

//! Two stored runs against each other, stretch of time by stretch of time.

use std::path::Path;

use contract_types::{LoadRecord, LoadRecordPhase};
use harness::exit;
use reports::quantile_ms;

use super::interval::Ratio;
use crate::record::Failure;

/// Fewest requests of a stretch whose median counts.
const FEWEST: u64 = 5;

/// The ratio of each measurement that both runs hold with its stretches of time.
pub(super) fn compare(before: &Path, now: &Path) -> Result<Vec<(String, Ratio)>, Failure> {
    let read = |path: &Path| -> Result<Vec<LoadRecord>, Failure> {
        let told = |error: &dyn std::fmt::Display| (exit::USAGE, format!("{}: {error}", path.display()));
        let text = std::fs::read(path).map_err(|error| told(&error))?;
        let run = reports::parse(&path.display().to_string(), &text).map_err(|problem| told(&problem))?;
        Ok(run.record.load.unwrap_or_default())
    };
    let (old, new) = (read(before)?, read(now)?);
    let pairs = new.iter().filter_map(|row| {
        let same = old.iter().find(|other| subject(other) == subject(row))?;
        let ratio = Ratio::of_runs(&logs(same), &logs(row))?;
        Some((format!("{} {}", row.scenario, row.operation), ratio))
    });
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        let told =
            "expected two load records with the same scenario and operation, each with five stretches of time or more";
        return Err((exit::USAGE, told.to_owned()));
    }
    Ok(pairs)
}

fn subject(row: &LoadRecord) -> (&str, &str, Option<&str>, Option<LoadRecordPhase>, Option<String>) {
    let tenant = row.tenant.as_ref().map(|tenant| tenant.as_str());
    (&row.scenario, &row.operation, tenant, row.phase, row.cache.map(|cache| cache.to_string()))
}

/// The logarithm of each stretch's median.
fn logs(row: &LoadRecord) -> Vec<f64> {
    let stretches = row.timeline.iter().flatten().filter(|stretch| stretch.requests >= FEWEST);
    stretches.filter_map(|stretch| Some(quantile_ms(&stretch.histogram, 0.5)?.ln())).collect()
}

//! Which tests a run has.

use std::collections::HashSet;

use contract_types::CaseRecordOutcome;

use super::{Options, default_out};
use crate::suite::{Suite, Test};

/// The tests that `options` choose, in the order of the suite.
pub(super) fn choose(options: &Options, suite: &Suite) -> Result<Vec<Test>, String> {
    let known = |rule: &&String| suite.contract.rules.iter().any(|known| known.id == **rule);
    if let Some(strange) = options.rules.iter().find(|rule| !known(rule)) {
        return Err(format!("--rule: rules.yaml has no rule `{strange}`"));
    }
    if let Some(strange) = options.operations.iter().find(|id| suite.contract.operation(id).is_none()) {
        return Err(format!("--operation: the contract has no operation `{strange}`"));
    }
    let failed = if options.rerun_failed { Some(failed(options)?) } else { None };
    let fits = |test: &&Test| {
        let id = test.id();
        let texts = || options.texts.iter().chain(&options.filters);
        (texts().next().is_none() || texts().any(|text| id.contains(text.as_str())))
            && (options.cases.is_empty() || options.cases.contains(&id))
            && (options.rules.is_empty() || test.rule().is_some_and(|rule| options.rules.iter().any(|r| r == rule)))
            && (options.operations.is_empty()
                || options.operations.iter().any(|operation| test.touches(operation)))
            // What is asked for by its id needs no tier.
            && (options.tiers.contains(&test.tier()) || !options.cases.is_empty())
            && failed.as_ref().is_none_or(|failed| failed.contains(&id))
    };
    let (part, parts) = options.shard.unwrap_or((1, 1));
    let chosen = suite.tests.iter().filter(fits).enumerate();
    let chosen: Vec<Test> =
        chosen.filter(|(index, _)| index % parts == part - 1).map(|(_, test)| test.clone()).collect();
    if let Some(strange) = options.cases.iter().find(|id| !suite.tests.iter().any(|test| test.id() == **id)) {
        return Err(format!("--case: no test has the id `{strange}`; `--list` shows them"));
    }
    if chosen.is_empty() {
        return Err("no test fits; `--list` without filters shows all of them".to_owned());
    }
    Ok(chosen)
}

/// Ids of what failed or broke in the newest record of the target.
fn failed(options: &Options) -> Result<HashSet<String>, String> {
    let out = options.out.clone().unwrap_or_else(default_out);
    let runs = reports::read(&out).map_err(|error| format!("--rerun-failed: {error}"))?;
    let of_target = runs.into_iter().filter(|run| {
        run.record.kind == contract_types::RunRecordKind::Conformance && run.record.target.name == options.target
    });
    let newest = of_target.max_by_key(|run| run.started);
    let newest = newest.ok_or_else(|| {
        format!("--rerun-failed: {} has no record of a run against `{}`", out.display(), options.target)
    })?;
    let bad = |outcome| matches!(outcome, CaseRecordOutcome::Fail | CaseRecordOutcome::Error);
    let failed: HashSet<String> =
        newest.record.cases.into_iter().filter(|case| bad(case.outcome)).map(|case| case.id).collect();
    if failed.is_empty() { Err("--rerun-failed: nothing failed in the newest record".to_owned()) } else { Ok(failed) }
}

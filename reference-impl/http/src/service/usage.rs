//! Use of models and what is left of the budget.

use contract_types as wire;
use reference_core::{
    platform::Platform,
    tenancy::Feature,
    usage::{BudgetUse, ModelUse, UsageReport},
};

use super::{absent, encode, problem};
use crate::{Call, Problem, generated::server::GetUsageResponse};

pub(super) async fn get(
    platform: &Platform,
    call: &Call,
    parameters: wire::GetUsageParameters,
) -> Result<GetUsageResponse, Problem> {
    if !call.tenant.settings().has_feature(Feature::Usage) {
        return Err(absent::problem(wire::Feature::Usage));
    }
    let found = platform.usage(&call.tenant, parameters.from.as_deref(), parameters.to.as_deref()).await;
    let found = found.map_err(|error| problem::usage(&error))?;
    Ok(GetUsageResponse::Ok(report(found).into()))
}

fn report(report: UsageReport) -> wire::UsageReport {
    let days = report.days.into_iter().map(|day| {
        let models = day.models.into_iter().map(model).collect();
        wire::UsageDay::new(day.date, models)
    });
    let sums = report.totals;
    let mut totals = wire::UsageTotals::new(sums.requests, sums.tokens.read, sums.tokens.written, sums.cost_usd);
    totals.characters = spoken(sums.characters);
    let mut wire = wire::UsageReport::new(report.from, report.to, days.collect(), totals);
    wire.budget = report.budget.map(budget);
    wire
}

fn model(used: ModelUse) -> wire::ModelUsage {
    let sums = used.sums;
    let (read, written) = (sums.tokens.read, sums.tokens.written);
    let mut wire = wire::ModelUsage::new(used.model.into(), sums.requests, read, written, sums.cost_usd);
    wire.characters = spoken(sums.characters);
    wire
}

/// Characters, where any were spoken.
fn spoken(characters: u64) -> Option<u64> {
    (characters > 0).then_some(characters)
}

fn budget(used: BudgetUse) -> wire::BudgetReport {
    let share = used.share;
    let resets_at = encode::time(used.resets_at);
    let mut wire = wire::BudgetReport::new(share.limit, share.used, used.remaining, share.ratio(), resets_at);
    if let Some(speech) = used.speech {
        wire.limit_characters = Some(speech.limit);
        wire.used_characters = Some(speech.used);
        wire.remaining_characters = Some(speech.limit.saturating_sub(speech.used));
    }
    wire
}

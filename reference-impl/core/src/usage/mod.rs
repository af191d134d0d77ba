//! Tokens that a tenant's models read and wrote and characters that were spoken for it, by day and model or provider, and the budget
//! that they may use in a day.
//!
//! Every model that core works with is behind a meter: [`metered`] is the one way from a host's ports to those of a
//! [`Platform`](crate::platform::Platform). The first call of a request that would call a model asks for room in the budget: it is
//! let through while what is used and what others hold is below the limit, and holds what the whole request is expected to use.
//! Later calls of the same request are never refused, so that an answer that was begun is finished, and the last request may go
//! past the limit by what it uses. What was used is written when the request ends, and its hold is taken away with it, in one
//! batch. A hold expires, so that a process that died keeps no budget.
//!
//! Where the host of a model counts tokens, its figures count; else the platform's tokenizer counts. A call that fails counts
//! nothing; a streamed chat that is cut counts what was written until then. What caches answer calls no model and counts nothing.

mod ledger;
mod meter;
mod metered;
mod report;
mod streamed;
mod tally;
#[cfg(test)]
mod tests;

pub use ledger::KEPT_DAYS;
pub(crate) use meter::Meter;
pub use metered::MeteredPorts;
pub(crate) use metered::{MOST_WRITTEN, metered};
pub(crate) use report::report;
pub use report::{BudgetUse, MOST_DAYS, ModelUse, UsageDay, UsageError, UsageReport, UsageSums};
pub use tally::{Role, Share, Tally, Tokens, Used};

use crate::ports::UnixMillis;
use crate::sabotage::{self, Sabotage};
use crate::search::Usage;
use crate::tenancy::{BudgetSettings, TenantContext};

/// What `tenant`'s request used since `before`, as its answer tells it.
pub(crate) fn told(tenant: &TenantContext, before: &Used) -> Usage {
    let tally = tenant.tally();
    let used = tally.used().since(before);
    let tokens = used.tokens();
    let budget = tenant.settings().budget.as_ref();
    let generated = tally.generation_model().filter(|model| used.models.contains_key(model));
    Usage {
        model: generated.unwrap_or_default(),
        tokens_in: tokens.read,
        tokens_out: tokens.written,
        cost_usd: used.models.iter().map(|(model, tokens)| cost(budget, model, *tokens)).sum(),
    }
}

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// The UTC day of `now`, counted from 1970-01-01.
pub fn day_of(now: UnixMillis) -> i64 {
    if sabotage::on(Sabotage::UsageDayNeverEnds) {
        return 20_000;
    }
    (now + offset()).div_euclid(DAY_MS)
}

/// When the day after that of `now` begins.
pub fn next_day(now: UnixMillis) -> UnixMillis {
    ((now + offset()).div_euclid(DAY_MS) + 1) * DAY_MS - offset()
}

fn offset() -> i64 {
    if sabotage::on(Sabotage::UsageDayNotUtc) { DAY_MS / 2 } else { 0 }
}

/// Cost of `tokens` of `model` in US dollars, by the tenant's prices; a model that is not listed costs nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of tokens stay far below 2^52")]
pub fn cost(budget: Option<&BudgetSettings>, model: &str, tokens: Tokens) -> f64 {
    let price = budget.and_then(|budget| budget.usd_per_million_tokens.get(model));
    let unit = if sabotage::on(Sabotage::UsageCostWrong) { 1e3 } else { 1e6 };
    price.map_or(0.0, |price| (tokens.read as f64 * price.input_usd + tokens.written as f64 * price.output_usd) / unit)
}

/// Cost of `characters` that `provider` spoke in US dollars, by the tenant's prices; one that is not listed costs nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of characters stay far below 2^52")]
pub fn cost_of_speech(budget: Option<&BudgetSettings>, provider: &str, characters: u64) -> f64 {
    let price = budget.and_then(|budget| budget.usd_per_million_characters.get(provider));
    price.map_or(0.0, |price| characters as f64 * price / 1e6)
}

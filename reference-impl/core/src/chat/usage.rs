//! What a turn's model call used: as its host counted, otherwise by the tokenizer.

use crate::ingest::Tokenizer;
use crate::ports::ChatMessage;
use crate::search::Usage;
use crate::tenancy::TenantContext;

/// Tokens of messages as a model reads them.
pub(super) fn read(messages: &[ChatMessage], tokenizer: &dyn Tokenizer) -> u64 {
    messages.iter().map(|it| tokenizer.count(&it.content) as u64).sum()
}

/// The usage of one call of `model`, at the tenant's prices.
#[expect(clippy::cast_precision_loss, reason = "token counts of one request are far below 2^52")]
pub(super) fn of_call(tenant: &TenantContext, model: &str, tokens_in: u64, tokens_out: u64) -> Usage {
    let budget = tenant.settings().budget.as_ref();
    let price = budget.and_then(|budget| budget.usd_per_million_tokens.get(model));
    let cost_usd = price.map_or(0.0, |it| (tokens_in as f64 * it.input_usd + tokens_out as f64 * it.output_usd) / 1e6);
    Usage { model: model.to_owned(), tokens_in, tokens_out, cost_usd }
}

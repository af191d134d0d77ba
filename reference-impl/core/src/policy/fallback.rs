//! The next model of a tenant's list, when the first is down.

use std::sync::Arc;

use crate::ports::{ChatCall, ChatDeltas, ChatModel, ModelError};
use crate::tenancy::TenantContext;

/// Begins a conversation with the first of `models` that takes it; gives its pieces and the id of the model that writes. A
/// model that has begun is not followed by another, since its pieces may have been seen.
///
/// # Errors
///
/// The last model's, or `None` where there is no model.
pub async fn chat_first(
    models: &[Arc<dyn ChatModel>],
    tenant: &TenantContext,
    call: &ChatCall,
) -> Result<(ChatDeltas, String), Option<ModelError>> {
    let mut last = None;
    for model in models {
        match model.chat(tenant, call).await {
            Ok(deltas) => return Ok((deltas, model.model().to_owned())),
            Err(error) => last = Some(error),
        }
    }
    Err(last)
}

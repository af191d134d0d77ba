//! A streamed conversation behind a policy: its place is held to the end, and no pause between two pieces is endless.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::breaker::{Ticket, Verdict};
use super::bulkhead::Place;
use super::call::{Bound, Held, Policy, Repeat};
use super::models::Policed;
use crate::ports::{BoxFuture, ChatCall, ChatDelta, ChatDeltas, ChatModel, GeneratorKind, ModelError};
use crate::tenancy::TenantContext;

impl ChatModel for Policed<dyn ChatModel> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn kind(&self) -> GeneratorKind {
        self.inner.kind()
    }

    fn chat<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(async move {
            let begin = move |tenant: TenantContext| -> BoxFuture<'a, _> {
                Box::pin(async move { self.inner.chat(&tenant, call).await })
            };
            let (deltas, Held { place, ticket }) =
                self.policy.run(tenant, (Repeat::Untaken, Bound::Both), begin).await?;
            let streamed = Streamed {
                policy: Arc::clone(&self.policy),
                tenant: tenant.clone(),
                deltas,
                ticket: Some(ticket),
                _place: place,
            };
            Ok(stream::unfold(Some(streamed), |streamed| async move { streamed?.next().await }).boxed())
        })
    }
}

/// A stream under way. Dropped, it gives its place back and says nothing about the model.
struct Streamed {
    policy: Arc<Policy>,
    tenant: TenantContext,
    deltas: ChatDeltas,
    /// `None` once the end has come; what follows it is a count of tokens at most.
    ticket: Option<Ticket>,
    _place: Place,
}

impl Streamed {
    async fn next(mut self) -> Option<(Result<ChatDelta, ModelError>, Option<Self>)> {
        let limit_ms = self.policy.limit_ms(&self.tenant, Bound::Both);
        let next = self.policy.within(limit_ms, async { Ok(self.deltas.next().await) }).await;
        let next = next.unwrap_or_else(|error| Some(Err(error)));
        let verdict = match &next {
            Some(Ok(ChatDelta::Finish(_))) => Some(Verdict::Works),
            Some(Ok(ChatDelta::Text(_) | ChatDelta::ToolCall(_) | ChatDelta::Usage { .. })) => None,
            Some(Err(error)) => Some(self.policy.verdict(error, limit_ms)),
            // It broke off: whoever reads finds no end.
            None => Some(Verdict::Fails),
        };
        let ended = self.ticket.is_none();
        if let Some(verdict) = verdict
            && let Some(ticket) = self.ticket.take()
        {
            ticket.settle(verdict, self.policy.now_us());
        }
        match next {
            Some(Ok(delta)) => Some((Ok(delta), Some(self))),
            // A text that has come to its end is whole, whatever befalls the count of its tokens.
            Some(Err(_)) if ended => None,
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    }
}

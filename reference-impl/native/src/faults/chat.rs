//! Chat models that fail when told to, before their first piece or between two.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use reference_core::ports::{BoxFuture, ChatCall, ChatDelta, ChatDeltas, ChatModel, GeneratorKind, ModelError};
use reference_core::tenancy::{TenantContext, TenantId};

use super::models::failure;
use super::{Faults, Pending, Port};

/// A chat model behind the faults of [`Port::Generator`].
pub struct FaultyChatModel {
    inner: Arc<dyn ChatModel>,
    faults: Arc<Faults>,
}

impl FaultyChatModel {
    /// `inner` behind `faults`.
    pub fn new(inner: Arc<dyn ChatModel>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

impl ChatModel for FaultyChatModel {
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
            let mut pending = self.faults.meet_stream(tenant.id());
            if let Some(now) = pending.take_if(|pending| pending.after == 0)
                && let Some(strike) = self.faults.happen(&now).await
            {
                self.faults.failed(Port::Generator, tenant.id());
                return Err(failure(self.inner.model().to_owned(), strike));
            }
            let deltas = self.inner.chat(tenant, call).await;
            let Some(pending) = pending else {
                return deltas.inspect_err(|_| self.faults.failed(Port::Generator, tenant.id()));
            };
            let state = Between {
                deltas: deltas?,
                pending: Some(pending),
                given: 0,
                faults: Arc::clone(&self.faults),
                tenant: tenant.id().clone(),
                model: self.inner.model().to_owned(),
                ended: false,
            };
            Ok(stream::unfold(state, Between::next).boxed())
        })
    }
}

/// A stream that a fault will strike between two of its pieces.
struct Between {
    deltas: ChatDeltas,
    pending: Option<Pending>,
    given: u64,
    faults: Arc<Faults>,
    tenant: TenantId,
    model: String,
    ended: bool,
}

impl Between {
    async fn next(mut self) -> Option<(Result<ChatDelta, ModelError>, Self)> {
        if self.ended {
            return None;
        }
        if let Some(now) = self.pending.take_if(|pending| pending.after == self.given)
            && let Some(strike) = self.faults.happen(&now).await
        {
            self.faults.failed(Port::Generator, &self.tenant);
            self.ended = true;
            return Some((Err(failure(self.model.clone(), strike)), self));
        }
        let delta = self.deltas.next().await?;
        self.given += u64::from(matches!(delta, Ok(ChatDelta::Text(_) | ChatDelta::ToolCall(_))));
        Some((delta, self))
    }
}

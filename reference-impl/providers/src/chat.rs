//! A model that writes: answers for searches, and conversations piece by piece, under one id.

mod pieces;

use reference_core::answer::parse;
use reference_core::ports::{
    BoxFuture, ChatCall, ChatDeltas, ChatMessage, ChatModel, ChatRole, Generation, GenerationRequest, Generator,
    GeneratorKind, ModelError,
};
use reference_core::tenancy::TenantContext;
use serde_json::Value as Json;

use crate::address::Task;
use crate::endpoint::Endpoint;
use crate::form;
use crate::provider::ProviderKind;
use pieces::{Pieces, whole};

/// Most tokens of an answer to a search: three sentences with room.
const MAX_TOKENS: u32 = 400;

/// The model of a provider of the kind [`ProviderKind::Generation`]. What it writes is checked by core, as any other's.
#[derive(Debug, Clone)]
pub struct ProviderModel {
    endpoint: Endpoint,
}

impl ProviderModel {
    /// `None` for a provider of another kind.
    pub fn new(endpoint: Endpoint) -> Option<Self> {
        match endpoint.provider().kind {
            ProviderKind::Generation => Some(Self { endpoint }),
            ProviderKind::Embedding { .. } | ProviderKind::Rerank | ProviderKind::Speech { .. } => None,
        }
    }

    async fn write(&self, tenant: &TenantContext, request: &GenerationRequest) -> Result<Generation, ModelError> {
        let message = |role, content: &str| ChatMessage {
            role,
            content: content.to_owned(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        };
        let call = ChatCall {
            messages: vec![
                message(ChatRole::System, &request.prompt.system),
                message(ChatRole::User, &request.prompt.user),
            ],
            question: String::new(),
            passages: None,
            tools: Vec::new(),
            max_tokens: Some(MAX_TOKENS),
            temperature: Some(0.0),
            stop: Vec::new(),
        };
        let body = self.endpoint.form().chat(self.endpoint.provider(), &call, false);
        let answer = self.endpoint.post(tenant, Task::Chat, &body).await?;
        let text = written(&answer).ok_or_else(|| self.endpoint.unusable("its answer holds no text"))?;
        let counted = form::usage(&answer);
        Ok(Generation {
            sentences: parse(&text, request),
            written: Some(text),
            tokens_in: counted.map(|(read, _)| read),
            tokens_out: counted.map(|(_, written)| written),
        })
    }

    async fn converse(&self, tenant: &TenantContext, call: &ChatCall) -> Result<ChatDeltas, ModelError> {
        let body = self.endpoint.form().chat(self.endpoint.provider(), call, true);
        let response = self.endpoint.open(tenant, Task::Chat, &body).await?;
        let events = response.content_type.as_deref().is_some_and(|it| it.starts_with("text/event-stream"));
        if events {
            return Ok(Pieces::new(self.endpoint.clone(), response.body).deltas());
        }
        // A host that does not stream gives all in one.
        let answer = self.endpoint.read(response).await?;
        whole(&answer).ok_or_else(|| self.endpoint.unusable("its answer holds neither a text nor a call of a tool"))
    }
}

/// The text of a whole answer, under either form.
fn written(answer: &Json) -> Option<String> {
    form::text(answer.pointer("/choices/0/message/content")).or_else(|| form::text(answer.get("response")))
}

impl Generator for ProviderModel {
    fn model(&self) -> &str {
        self.endpoint.id()
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn context_tokens(&self) -> Option<usize> {
        self.endpoint.provider().context_tokens.map(|tokens| tokens.saturating_sub(MAX_TOKENS as usize))
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(self.write(tenant, request))
    }
}

impl ChatModel for ProviderModel {
    fn model(&self) -> &str {
        self.endpoint.id()
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn chat<'a>(
        &'a self,
        tenant: &'a TenantContext,
        call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(self.converse(tenant, call))
    }
}

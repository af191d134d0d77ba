//! Where a call goes and what it carries beside its body.

use reference_core::tenancy::TenantContext;
use sha2::{Digest, Sha256};

use crate::fetch::Header;
use crate::form::Form;
use crate::provider::{Api, Gateway, Provider};

/// What is asked for, with the path that `OpenAI` has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Chat,
    Embeddings,
    Rerank,
    Speech,
}

impl Task {
    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Embeddings => "/embeddings",
            Self::Rerank => "/rerank",
            Self::Speech => "/audio/speech",
        }
    }
}

/// The gateway of a tenant: its own, or else the provider's.
fn gateway_id<'a>(tenant: &'a TenantContext, gateway: &'a Gateway) -> &'a str {
    tenant.settings().models.gateway.as_deref().unwrap_or(&gateway.id)
}

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As the provider is configured.
    Usual,
    /// Past its gateway.
    Direct,
}

/// The whole address of a call for `tenant` past the gateway; `None` where there is no gateway, or no way past it.
pub(crate) fn direct_url(provider: &Provider, task: Task) -> Option<String> {
    let Api::AiGateway { account, gateway } = &provider.api else { return None };
    let base = gateway.direct_url.as_ref()?;
    Some(match Form::of(provider) {
        Form::OpenAi => format!("{base}{}", task.path()),
        Form::WorkersAi => format!("{base}/accounts/{account}/ai/run/{}", provider.model),
    })
}

/// The whole address of a call for `tenant`.
pub(crate) fn url(provider: &Provider, task: Task, tenant: &TenantContext) -> String {
    let (base, model) = (&provider.url, &provider.model);
    match &provider.api {
        Api::OpenAi => format!("{base}{}", task.path()),
        Api::WorkersAi { account } => format!("{base}/accounts/{account}/ai/run/{model}"),
        Api::AiGateway { account, gateway } => {
            let own = format!("{base}/{account}/{}/{}", gateway_id(tenant, gateway), gateway.provider);
            match Form::of(provider) {
                Form::OpenAi => format!("{own}{}", task.path()),
                Form::WorkersAi => format!("{own}/{model}"),
            }
        }
    }
}

/// The header fields of a call for `tenant` with `body`.
pub(crate) fn headers(provider: &Provider, tenant: &TenantContext, body: &str, accept: &str, way: Way) -> Vec<Header> {
    let mut headers = vec![Header::new("content-type", "application/json"), Header::new("accept", accept)];
    headers.extend(provider.key.as_ref().map(|key| Header::secret("authorization", key.bearer())));
    if let Some(request) = tenant.request() {
        headers.push(Header::new("x-request-id", request.request_id.as_str()));
        headers.extend(tenant.traceparent().map(|trace| Header::new("traceparent", trace)));
        headers.extend(request.state.as_deref().map(|state| Header::new("tracestate", state)));
    }
    if let (Api::AiGateway { gateway, .. }, Way::Usual) = (&provider.api, way) {
        headers.extend(gateway_headers(gateway, provider, tenant, body));
    }
    headers
}

fn gateway_headers(gateway: &Gateway, provider: &Provider, tenant: &TenantContext, body: &str) -> Vec<Header> {
    let mut metadata = serde_json::json!({"tenant": tenant.id().as_str(), "model": provider.id});
    if let Some(request) = tenant.request() {
        metadata["request_id"] = serde_json::json!(request.request_id);
    }
    let mut headers = vec![Header::new("cf-aig-metadata", metadata.to_string())];
    headers.extend(gateway.token.as_ref().map(|token| Header::secret("cf-aig-authorization", token.bearer())));
    match gateway.cache_ttl_s {
        Some(0) => headers.push(Header::new("cf-aig-skip-cache", "true")),
        ttl => {
            headers.extend(ttl.map(|ttl| Header::new("cf-aig-cache-ttl", ttl.to_string())));
            // The gateway's own key holds no tenant: one could tell by its speed what another one has asked.
            let parts = [tenant.id().as_str(), &gateway.provider, &provider.model, body];
            let digest = parts.iter().fold(Sha256::new(), |digest, part| {
                digest.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
            });
            headers.push(Header::new("cf-aig-cache-key", hex::encode(digest.finalize())));
        }
    }
    headers
}

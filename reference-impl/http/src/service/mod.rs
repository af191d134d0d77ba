//! Every operation of the contract over core's platform: decode, one call, encode.

pub(crate) mod absent;
mod audit;
mod chat;
mod decode;
mod documents;
mod encode;
mod health;
mod jobs;
mod kept;
mod metrics;
mod platform;
pub(crate) mod problem;
mod script;
mod search;
mod sessions;
mod speech;
mod tools;
mod usage;

use std::sync::Arc;

use contract_types as wire;
use reference_core::{platform::Platform, ports::Timer, tenancy::TenantContext};

use crate::{
    BoxFuture, Call, OpenCall, Streams,
    generated::server::{
        Api, CancelJobResponse, ChatResponse, DeleteDocumentResponse, DeleteSessionResponse, ExecuteToolResponse,
        GetCapabilitiesResponse, GetDocsResponse, GetDocumentResponse, GetHealthResponse, GetJobResponse,
        GetJobResultResponse, GetMetricsResponse, GetOpenapiResponse, GetSessionResponse, GetToolResponse,
        GetUsageResponse, IngestResponse, ListAuditResponse, ListDocumentChunksResponse, ListDocumentsResponse,
        ListJobsResponse, ListSessionsResponse, ListToolsResponse, ListVoicesResponse, McpResponse, RetrieveResponse,
        SearchResponse, SynthesizeSpeechResponse,
    },
};

/// Reference pages for people, as the host has them.
pub trait DocsPages: Send + Sync {
    /// One self-contained HTML page that shows the contract.
    fn page(&self) -> String;
}

/// What the service is made of.
pub struct ServiceParts {
    /// Answers everything about tenants' data.
    pub platform: Arc<Platform>,
    /// On whose behalf `/health` looks at the ports; without one it tells of the process alone.
    pub probe: Option<TenantContext>,
    /// The reference pages.
    pub docs: Arc<dyn DocsPages>,
    /// Name and version that `/capabilities` and `/health` report.
    pub implementation: wire::Implementation,
    /// How tenants' data is kept apart.
    pub isolation: wire::IsolationMode,
    /// Heartbeats and deadlines of streams.
    pub timer: Arc<dyn Timer>,
    /// The streams that are open.
    pub streams: Streams,
}

/// The contract's operations.
pub struct Service {
    parts: ServiceParts,
    document: serde_json::Value,
    health: health::Looks,
}

impl Service {
    /// Assembles the served document, once.
    pub fn new(parts: ServiceParts) -> Self {
        Self { parts, document: crate::document::document(), health: health::Looks::default() }
    }

    /// The same whose `/health` tells for `milliseconds` what it found when it last looked, so that nobody makes the ports work
    /// by asking often. Otherwise it looks each time.
    #[must_use]
    pub fn with_health_kept(self, milliseconds: u64) -> Self {
        Self { health: health::Looks::kept_for(milliseconds), ..self }
    }
}

/// Boxes an answer, a problem being one of them.
fn answer<'a, T, F>(future: F) -> BoxFuture<'a, T>
where
    T: From<crate::Problem>,
    F: std::future::Future<Output = Result<T, crate::Problem>> + Send + 'a,
{
    Box::pin(async move { future.await.unwrap_or_else(T::from) })
}

impl Api for Service {
    fn get_health<'a>(&'a self, _call: &'a OpenCall) -> BoxFuture<'a, GetHealthResponse> {
        answer(platform::health(&self.parts, &self.health))
    }

    fn get_openapi<'a>(&'a self, _call: &'a OpenCall) -> BoxFuture<'a, GetOpenapiResponse> {
        answer(async { platform::openapi(&self.document) })
    }

    fn get_docs<'a>(&'a self, _call: &'a OpenCall) -> BoxFuture<'a, GetDocsResponse> {
        answer(async { Ok(GetDocsResponse::Ok(self.parts.docs.page().into())) })
    }

    fn get_capabilities<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, GetCapabilitiesResponse> {
        answer(async { platform::capabilities(&self.parts, call) })
    }

    fn ingest<'a>(
        &'a self,
        call: &'a Call,
        _parameters: wire::IngestParameters,
        request: wire::IngestRequest,
    ) -> BoxFuture<'a, IngestResponse> {
        answer(documents::ingest(&self.parts.platform, call, request))
    }

    fn list_jobs<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::ListJobsParameters,
    ) -> BoxFuture<'a, ListJobsResponse> {
        answer(jobs::list(&self.parts.platform, call, parameters))
    }

    fn get_job<'a>(&'a self, call: &'a Call, parameters: wire::GetJobParameters) -> BoxFuture<'a, GetJobResponse> {
        answer(jobs::get(&self.parts.platform, call, parameters))
    }

    fn cancel_job<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::CancelJobParameters,
    ) -> BoxFuture<'a, CancelJobResponse> {
        answer(jobs::cancel(&self.parts.platform, call, parameters))
    }

    fn get_job_result<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::GetJobResultParameters,
    ) -> BoxFuture<'a, GetJobResultResponse> {
        answer(jobs::result(&self.parts.platform, call, parameters))
    }

    fn list_documents<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::ListDocumentsParameters,
    ) -> BoxFuture<'a, ListDocumentsResponse> {
        answer(documents::list(&self.parts.platform, call, parameters))
    }

    fn get_document<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::GetDocumentParameters,
    ) -> BoxFuture<'a, GetDocumentResponse> {
        answer(documents::get(&self.parts.platform, call, parameters))
    }

    fn delete_document<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::DeleteDocumentParameters,
    ) -> BoxFuture<'a, DeleteDocumentResponse> {
        answer(documents::delete(&self.parts.platform, call, parameters))
    }

    fn list_document_chunks<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::ListDocumentChunksParameters,
    ) -> BoxFuture<'a, ListDocumentChunksResponse> {
        answer(documents::chunks(&self.parts.platform, call, parameters))
    }

    fn retrieve<'a>(&'a self, call: &'a Call, request: wire::RetrieveRequest) -> BoxFuture<'a, RetrieveResponse> {
        answer(search::retrieve(&self.parts.platform, call, request))
    }

    fn search<'a>(&'a self, call: &'a Call, request: wire::SearchRequest) -> BoxFuture<'a, SearchResponse> {
        answer(search::search(&self.parts, call, request))
    }

    fn chat<'a>(&'a self, call: &'a Call, request: wire::ChatRequest) -> BoxFuture<'a, ChatResponse> {
        answer(chat::chat(&self.parts, call, request))
    }

    fn list_sessions<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::ListSessionsParameters,
    ) -> BoxFuture<'a, ListSessionsResponse> {
        answer(sessions::list(&self.parts.platform, call, parameters))
    }

    fn get_session<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::GetSessionParameters,
    ) -> BoxFuture<'a, GetSessionResponse> {
        answer(sessions::get(&self.parts.platform, call, parameters))
    }

    fn delete_session<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::DeleteSessionParameters,
    ) -> BoxFuture<'a, DeleteSessionResponse> {
        answer(sessions::delete(&self.parts.platform, call, parameters))
    }

    fn list_tools<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ListToolsResponse> {
        answer(std::future::ready(tools::list(&self.parts.platform, call)))
    }

    fn get_tool<'a>(&'a self, call: &'a Call, parameters: wire::GetToolParameters) -> BoxFuture<'a, GetToolResponse> {
        answer(std::future::ready(tools::get(&self.parts.platform, call, &parameters)))
    }

    fn execute_tool<'a>(
        &'a self,
        call: &'a Call,
        _parameters: wire::ExecuteToolParameters,
        request: wire::ToolExecuteRequest,
    ) -> BoxFuture<'a, ExecuteToolResponse> {
        answer(tools::execute(&self.parts.platform, call, request))
    }

    fn list_audit<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::ListAuditParameters,
    ) -> BoxFuture<'a, ListAuditResponse> {
        answer(audit::list(&self.parts.platform, call, parameters))
    }

    fn synthesize_speech<'a>(
        &'a self,
        call: &'a Call,
        _parameters: wire::SynthesizeSpeechParameters,
        request: wire::SpeechRequest,
    ) -> BoxFuture<'a, SynthesizeSpeechResponse> {
        answer(speech::speak(&self.parts, call, request))
    }

    fn list_voices<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ListVoicesResponse> {
        answer(async { speech::voices(&self.parts.platform, call) })
    }

    fn get_usage<'a>(
        &'a self,
        call: &'a Call,
        parameters: wire::GetUsageParameters,
    ) -> BoxFuture<'a, GetUsageResponse> {
        answer(usage::get(&self.parts.platform, call, parameters))
    }

    fn get_metrics<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, GetMetricsResponse> {
        answer(metrics::get(&self.parts.platform, call))
    }

    fn mcp<'a>(&'a self, call: &'a Call, request: wire::JsonRpcRequest) -> BoxFuture<'a, McpResponse> {
        answer(crate::mcp::answer(&self.parts.platform, &self.parts.implementation, call, request))
    }
}

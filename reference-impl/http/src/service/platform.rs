//! Health, capabilities, and the contract itself.

use std::str::FromStr;

use contract_types as wire;
use reference_core::{
    platform::{DependencyHealth, DependencyState},
    sabotage::{self, Sabotage},
    tenancy::{Limits, TenantContext, Times},
};
use serde_json::Value;

use super::{ServiceParts, health::Looks};
use crate::{
    CONTRACT_VERSION, Call, Problem,
    generated::server::{GetCapabilitiesResponse, GetHealthResponse, GetOpenapiResponse},
};

/// Features that this build has; the tenant's own settings choose among them.
const BUILT: [wire::Feature; 12] = [
    wire::Feature::Chat,
    wire::Feature::Sessions,
    wire::Feature::AsyncIngest,
    wire::Feature::SearchStreaming,
    wire::Feature::SpellCorrection,
    wire::Feature::Tts,
    wire::Feature::Usage,
    wire::Feature::Tools,
    wire::Feature::Audit,
    wire::Feature::Metrics,
    wire::Feature::Mcp,
    wire::Feature::Deterministic,
];

/// Time that a dependency has to show that it works, in milliseconds: less than those who ask for health mostly wait.
const HEALTH_PATIENCE_MS: u64 = 2000;

pub(super) async fn health(parts: &ServiceParts, looks: &Looks) -> Result<GetHealthResponse, Problem> {
    let ports = parts.platform.ports();
    let mut found = match &parts.probe {
        Some(probe) => {
            looks.latest(&*ports.clock, || ports.health(probe, || parts.timer.sleep(HEALTH_PATIENCE_MS))).await
        }
        None => Vec::new(),
    };
    found.extend(parts.platform.speech().works().map(|works| DependencyHealth {
        name: "speech",
        state: if works { DependencyState::Up } else { DependencyState::Degraded },
        latency_us: 0,
        required: false,
    }));
    let mut worst = found.iter().fold(wire::HealthStatus::Ok, |worst, dependency| match (dependency.state, worst) {
        (DependencyState::Down, _) | (_, wire::HealthStatus::Unavailable) => wire::HealthStatus::Unavailable,
        (DependencyState::Degraded, _) | (_, wire::HealthStatus::Degraded) => wire::HealthStatus::Degraded,
        (DependencyState::Up, wire::HealthStatus::Ok) => wire::HealthStatus::Ok,
    });
    let dependencies = found.iter().map(|dependency| {
        let state = match dependency.state {
            DependencyState::Up => wire::DependencyState::Up,
            DependencyState::Degraded => wire::DependencyState::Degraded,
            DependencyState::Down => wire::DependencyState::Down,
        };
        let mut name = dependency.name.to_owned();
        if sabotage::on(Sabotage::HealthNamesTenants) {
            name.push_str(" of aurora-bikes");
        }
        let mut wire = wire::DependencyHealth::new(name, state, dependency.required);
        #[expect(clippy::cast_precision_loss, reason = "no probe takes 2^52 microseconds")]
        let latency_ms = dependency.latency_us as f64 / 1000.0;
        wire.latency_ms = Some(latency_ms);
        wire
    });
    if sabotage::on(Sabotage::HealthHidesFailures) {
        worst = wire::HealthStatus::Ok;
    }
    let version = parts.implementation.version.clone();
    let health = wire::Health::new(worst, version, CONTRACT_VERSION.into(), dependencies.collect());
    Ok(match worst {
        wire::HealthStatus::Unavailable => GetHealthResponse::ServiceUnavailable(health.into()),
        wire::HealthStatus::Ok | wire::HealthStatus::Degraded => GetHealthResponse::Ok(health.into()),
    })
}

pub(super) fn openapi(document: &Value) -> Result<GetOpenapiResponse, Problem> {
    let mut document = document.clone();
    if sabotage::on(Sabotage::ServedContractIncomplete)
        && let Some(item) = document.pointer_mut("/paths/~1documents~1{id}").and_then(Value::as_object_mut)
    {
        item.remove("delete");
    }
    serde_json::from_value(document)
        .map(|document: OpenapiBody| GetOpenapiResponse::Ok(document.into()))
        .map_err(|error| Problem::internal(&error))
}

type OpenapiBody = wire::OpenApiDocument;

pub(super) fn capabilities(parts: &ServiceParts, call: &Call) -> Result<GetCapabilitiesResponse, Problem> {
    let settings = call.tenant.settings();
    let ports = parts.platform.ports();
    let embedder = ports.embedder(&settings.models.embedding);
    let embedder = embedder.ok_or_else(|| missing_model(&settings.models.embedding))?;
    let generator = ports.generator(&settings.models.generation);
    let generator = generator.ok_or_else(|| missing_model(&settings.models.generation))?;
    let dimensions = embedder.dimensions() as u64;
    let mut model = embedder.model();
    if sabotage::on(Sabotage::ModelsMisnamed) {
        model = "another-model-v1";
    }
    let embedding = wire::EmbeddingModel::new(model.into(), dimensions, word(embedder.kind().as_str())?);
    let mut reranker = wire::Reranker::new(false);
    if let Some(found) = ports.reranker(&call.tenant) {
        reranker.enabled = true;
        reranker.model = Some(found.model().into());
    }
    let capabilities = wire::Capabilities::new(
        CONTRACT_VERSION.into(),
        parts.implementation.clone(),
        call.tenant.id().as_str().into(),
        parts.isolation,
        embedding,
        ports.tokenizer.name().to_owned(),
        wire::Generator::new(generator.model().into(), word(generator.kind().as_str())?),
        reranker,
        wire::RetrievalMode::ALL.to_vec(),
        ports
            .generators
            .iter()
            .map(|model| model.model())
            .filter(|model| settings.allows_model(model))
            .map(Into::into)
            .collect(),
        features(parts, &call.tenant),
        super::tools::names(&parts.platform, &call.tenant),
        spoken(parts, &call.tenant),
        limits(settings.limits),
        times(settings.times),
        u64::from(settings.consistency_ms),
    );
    Ok(GetCapabilitiesResponse::Ok(capabilities.into()))
}

/// Features that both this build and the tenant's configuration have.
fn features(parts: &ServiceParts, tenant: &TenantContext) -> Vec<wire::Feature> {
    let has = |feature: &wire::Feature| {
        reference_core::tenancy::Feature::parse(feature.as_str())
            .is_some_and(|feature| tenant.settings().has_feature(feature))
            && (*feature != wire::Feature::Tts || parts.platform.speech().is_enabled(tenant))
            && (*feature != wire::Feature::Metrics || parts.platform.metrics().is_on())
    };
    let in_vain = sabotage::on(Sabotage::FeatureDeclaredInVain) && !parts.platform.speech().is_enabled(tenant);
    let vain = in_vain.then_some(wire::Feature::Tts);
    BUILT.iter().copied().filter(has).chain(vain).collect()
}

/// What the tenant has of speech.
fn spoken(parts: &ServiceParts, tenant: &TenantContext) -> wire::SpeechCapability {
    let speech = parts.platform.speech();
    let enabled = speech.is_enabled(tenant);
    let formats = if enabled { speech.formats() } else { Vec::new() };
    wire::SpeechCapability::new(enabled, super::speech::formats(&formats))
}

fn missing_model(model: &str) -> Problem {
    let cause =
        std::io::Error::other(format!("model `{model}` of the tenant's settings is not part of this deployment"));
    Problem::internal(&cause)
}

fn word<T: FromStr>(text: &str) -> Result<T, Problem> {
    T::from_str(text)
        .map_err(|_| Problem::internal(&std::io::Error::other(format!("`{text}` is no word of the contract"))))
}

fn limits(limits: Limits) -> wire::Limits {
    if sabotage::on(Sabotage::CapabilitiesMisreportLimits) {
        let told = Limits {
            body_bytes: limits.body_bytes * 2,
            documents_per_request: limits.documents_per_request * 2,
            query_chars: limits.query_chars * 2,
            chunk_size_tokens_max: limits.chunk_size_tokens_max * 2,
            ..limits
        };
        return words(told);
    }
    words(limits)
}

fn words(limits: Limits) -> wire::Limits {
    wire::Limits {
        body_bytes: limits.body_bytes,
        documents_per_request: limits.documents_per_request.into(),
        message_chars: limits.message_chars.into(),
        messages_per_chat: limits.messages_per_chat.into(),
        query_chars: limits.query_chars.into(),
        concurrent_streams: limits.concurrent_streams.into(),
        tts_max_chars: limits.tts_max_chars.into(),
        tts_sync_chars: limits.tts_sync_chars.into(),
        chunk_size_tokens_max: limits.chunk_size_tokens_max.into(),
    }
}

fn times(times: Times) -> wire::Times {
    let whole = |milliseconds: i64| u64::try_from(milliseconds).unwrap_or_default();
    wire::Times {
        cache_ttl_ms: whole(times.cache_ttl_ms),
        rate_window_ms: whole(times.rate_window_ms),
        idempotency_ttl_ms: whole(times.idempotency_ttl_ms),
        session_ttl_ms: whole(times.session_ttl_ms),
        result_ttl_ms: whole(times.result_ttl_ms),
        heartbeat_ms: whole(times.heartbeat_ms),
        deadline_ms: whole(times.deadline_ms),
        stream_release_ms: whole(times.stream_release_ms),
    }
}

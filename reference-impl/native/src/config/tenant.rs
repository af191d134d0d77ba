//! One tenant: `<tenant>/tenant.yaml`.

use std::collections::BTreeMap;

use contract_types as wire;
use jiff::Timestamp;
use reference_core::tenancy::{
    BudgetSettings, ChunkSettings, ChunkStrategy, ConfidenceThresholds, Credential, CredentialState, Feature,
    KeyDigest, Limits, ModelPrice, ModelSettings, RateLimits, RetrievalMode, RetrievalSettings, SafetyAction,
    SafetyDirection, SafetyFilter, SafetyRule, Scope, SettingsError, SpeechSettings, TenantId, TenantSettings, Times,
};
use serde_json::Value;

use super::{Platform, Problem, schema, yaml};

/// The id under which the server looks at its own ports for `/health`; no tenant may have it.
pub const PROBE_TENANT: &str = "health-probe";

/// What this host has, for tenants to choose from.
#[derive(Debug, Clone)]
pub struct Models {
    /// Embedding models.
    pub embedding: Vec<String>,
    /// Generation models.
    pub generation: Vec<String>,
    /// Rerankers.
    pub rerank: Vec<String>,
}

/// Reads a tenant's file, which lies in the folder `id`.
pub(super) fn parse(
    file: &str,
    id: &str,
    text: &str,
    platform: &Platform,
    models: &Models,
) -> Result<TenantSettings, Vec<Problem>> {
    from_value(file, id, yaml::parse(file, text)?, platform, models)
}

/// What is wrong with the file as such, for when there is no platform to judge it against.
pub(super) fn shape(file: &str, text: &str) -> Vec<Problem> {
    yaml::parse(file, text).map_or_else(|problems| problems, |value| schema::TENANT.check(file, &value))
}

/// Checks a tenant's configuration, given as JSON, as [`parse`] does with a file.
pub(crate) fn from_value(
    file: &str,
    id: &str,
    value: Value,
    platform: &Platform,
    models: &Models,
) -> Result<TenantSettings, Vec<Problem>> {
    let problems = schema::TENANT.check(file, &value);
    if !problems.is_empty() {
        return Err(problems);
    }
    let config: wire::TenantConfig = schema::TENANT.read(file, value).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut problem = |at: String, expected: String| problems.push(Problem::new(file, at, expected));
    if config.tenant.as_str() != id {
        problem("/tenant".to_owned(), format!("expected `{id}`, the name that it is served under"));
    }
    if config.tenant.as_str() == PROBE_TENANT {
        problem("/tenant".to_owned(), format!("expected another id; `{PROBE_TENANT}` is the server's own"));
    }
    known_models(&config.models, models, &mut problem);
    weak_rules(config.safety.as_deref().unwrap_or_default(), &platform.safety_floor, &mut problem);
    for (at, provider) in config.tts.iter().flat_map(|tts| &tts.providers).enumerate() {
        if !platform.speech_providers.contains(provider) {
            let expected = "expected a provider that `speech_providers` of platform.yaml lists";
            problem(format!("/tts/providers/{at}"), expected.to_owned());
        }
    }
    let Some(settings) = settings(&config, platform, &mut problem) else { return Err(problems) };
    if let Err(error) = settings.check() {
        problem(place(&error, &settings), format!("expected otherwise: {error}"));
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn known_models(chosen: &wire::ModelSettings, models: &Models, problem: &mut impl FnMut(String, String)) {
    let mut check = |at: String, model: &str, known: &[String], off: bool| {
        if !known.iter().any(|it| it == model) && !(off && model == "off") {
            let listed = known.join("`, `");
            problem(at, format!("expected a model of this server (`{listed}`{})", if off { ", `off`" } else { "" }));
        }
    };
    check("/models/embedding".to_owned(), &chosen.embedding, &models.embedding, false);
    check("/models/generation".to_owned(), &chosen.generation, &models.generation, false);
    check("/models/rerank".to_owned(), &chosen.rerank, &models.rerank, true);
    for (at, model) in chosen.allowed.iter().flatten().enumerate() {
        check(format!("/models/allowed/{at}"), model, &models.generation, false);
    }
}

/// A tenant's rule may be stricter than the floor's, not weaker.
fn weak_rules(rules: &[wire::SafetyRule], floor: &[SafetyRule], problem: &mut impl FnMut(String, String)) {
    for (at, rule) in rules.iter().map(safety_rule).enumerate() {
        let Some(least) = floor.iter().find(|it| (it.filter, it.direction) == (rule.filter, rule.direction)) else {
            continue;
        };
        if rule.threshold > least.threshold {
            let expected = format!("expected at most {}, the platform's floor", least.threshold);
            problem(format!("/safety/{at}/threshold"), expected);
        }
        if rule.action > least.action {
            problem(format!("/safety/{at}/action"), format!("expected `{}` or stronger, the floor", least.action));
        }
    }
}

/// `None` only beside a problem.
fn settings(
    config: &wire::TenantConfig,
    platform: &Platform,
    problem: &mut impl FnMut(String, String),
) -> Option<TenantSettings> {
    let Ok(tenant) = TenantId::parse(&config.tenant) else {
        problem("/tenant".to_owned(), "expected a tenant id".to_owned());
        return None;
    };
    let mut settings = TenantSettings::new(tenant, config.display_name.as_str());
    settings.hostnames = config.hostnames.clone().unwrap_or_default();
    settings.cors_origins = config.cors_origins.clone().unwrap_or_default();
    settings.credentials =
        config.credentials.iter().enumerate().filter_map(|(at, it)| credential(at, it, problem)).collect();
    settings.features = config.features.iter().filter_map(|it| Feature::parse(it.as_str())).collect();
    settings.models = ModelSettings {
        embedding: config.models.embedding.to_string(),
        generation: config.models.generation.to_string(),
        rerank: Some(config.models.rerank.to_string()).filter(|model| model != "off"),
        allowed: config.models.allowed.iter().flatten().map(ToString::to_string).collect(),
    };
    settings.chunking = config.chunking.as_ref().map_or_else(ChunkSettings::default, chunking);
    settings.retrieval = config.retrieval.as_ref().map_or_else(RetrievalSettings::default, retrieval);
    settings.limits = config.limits.as_ref().map_or(platform.default_limits, limits);
    settings.times = config.times.as_ref().map_or_else(Times::default, times);
    settings.rate_limits = config.rate_limits.as_ref().map_or(platform.default_rate_limits, rate_limits);
    settings.budget = config.budget.as_ref().map(budget);
    settings.safety = config.safety.iter().flatten().map(safety_rule).collect();
    for rule in &platform.safety_floor {
        if !settings.safety.iter().any(|it| (it.filter, it.direction) == (rule.filter, rule.direction)) {
            settings.safety.push(*rule);
        }
    }
    settings.tools = config.tools.iter().flatten().map(ToString::to_string).collect();
    settings.tts = SpeechSettings { providers: config.tts.iter().flat_map(|tts| tts.providers.clone()).collect() };
    settings.consistency_ms = small(config.consistency_ms.unwrap_or_default());
    Some(settings)
}

fn credential(
    at: usize,
    stored: &wire::TenantCredential,
    problem: &mut impl FnMut(String, String),
) -> Option<Credential> {
    let key_sha256 = KeyDigest::parse(&stored.key_sha256);
    if key_sha256.is_none() {
        problem(format!("/credentials/{at}/key_sha256"), "expected 64 lower-case hexadecimal digits".to_owned());
    }
    let expires_at = stored.expires_at.as_ref().map(|text| text.parse::<Timestamp>());
    if let Some(Err(_)) = &expires_at {
        problem(format!("/credentials/{at}/expires_at"), "expected a time such as 2027-01-31T12:00:00Z".to_owned());
    }
    Some(Credential {
        name: stored.name.clone(),
        key_sha256: key_sha256?,
        scopes: stored.scopes.iter().filter_map(|scope| Scope::parse(scope.as_str())).collect(),
        state: match stored.state {
            wire::TenantCredentialState::Active => CredentialState::Active,
            wire::TenantCredentialState::Rotating => CredentialState::Rotating,
            wire::TenantCredentialState::Revoked => CredentialState::Revoked,
        },
        expires_at: expires_at.transpose().ok()?.map(Timestamp::as_millisecond),
        demo: stored.demo.unwrap_or_default(),
    })
}

/// Where the rule stands that the settings break.
fn place(error: &SettingsError, settings: &TenantSettings) -> String {
    let last = |name: &str| settings.credentials.iter().rposition(|it| it.name == name).unwrap_or_default();
    match error {
        SettingsError::OverlapTooLarge => "/chunking/overlap_tokens".to_owned(),
        SettingsError::ChunkTooLarge => "/chunking/size_tokens".to_owned(),
        SettingsError::BandsDoNotRise => "/retrieval/confidence".to_owned(),
        SettingsError::WeightOutOfRange => "/retrieval/lexical_weight".to_owned(),
        SettingsError::DuplicateCredential { name } | SettingsError::DuplicateKey { name } => {
            format!("/credentials/{}", last(name))
        }
        SettingsError::DuplicateSafetyRule { filter, direction } => {
            let pair = |it: &SafetyRule| (it.filter, it.direction) == (*filter, *direction);
            format!("/safety/{}", settings.safety.iter().rposition(pair).unwrap_or_default())
        }
        SettingsError::HostnameNotCanonical { hostname } => {
            format!("/hostnames/{}", settings.hostnames.iter().position(|it| it == hostname).unwrap_or_default())
        }
    }
}

/// Whether people could take one id for the other: equal once hyphens are left out and `0`, `1` and `i` are read as the
/// letters that they look like.
pub fn too_like(one: &TenantId, other: &TenantId) -> bool {
    let looks = |id: &TenantId| -> String {
        let letters = id.as_str().chars().filter(|letter| *letter != '-');
        letters.map(|letter| if letter == '0' { 'o' } else if "1i".contains(letter) { 'l' } else { letter }).collect()
    };
    one != other && looks(one) == looks(other)
}

fn chunking(wire: &wire::ChunkSettings) -> ChunkSettings {
    ChunkSettings {
        size_tokens: small(wire.size_tokens),
        overlap_tokens: small(wire.overlap_tokens),
        strategy: match wire.strategy {
            wire::ChunkStrategy::Structure => ChunkStrategy::Structure,
            wire::ChunkStrategy::Fixed => ChunkStrategy::Fixed,
        },
    }
}

fn retrieval(wire: &wire::RetrievalSettings) -> RetrievalSettings {
    RetrievalSettings {
        mode: match wire.mode {
            wire::RetrievalMode::Dense => RetrievalMode::Dense,
            wire::RetrievalMode::Lexical => RetrievalMode::Lexical,
            wire::RetrievalMode::Hybrid => RetrievalMode::Hybrid,
        },
        top_k: small(wire.top_k),
        lexical_weight: wire.lexical_weight,
        confidence: ConfidenceThresholds {
            low: wire.confidence.low,
            medium: wire.confidence.medium,
            high: wire.confidence.high,
        },
    }
}

pub(super) fn limits(wire: &wire::Limits) -> Limits {
    Limits {
        body_bytes: wire.body_bytes,
        documents_per_request: small(wire.documents_per_request),
        message_chars: small(wire.message_chars),
        messages_per_chat: small(wire.messages_per_chat),
        query_chars: small(wire.query_chars),
        concurrent_streams: small(wire.concurrent_streams),
        tts_max_chars: small(wire.tts_max_chars),
        tts_sync_chars: small(wire.tts_sync_chars),
        chunk_size_tokens_max: small(wire.chunk_size_tokens_max),
    }
}

fn times(wire: &wire::Times) -> Times {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Times {
        cache_ttl_ms: signed(wire.cache_ttl_ms),
        rate_window_ms: signed(wire.rate_window_ms),
        idempotency_ttl_ms: signed(wire.idempotency_ttl_ms),
        session_ttl_ms: signed(wire.session_ttl_ms),
        result_ttl_ms: signed(wire.result_ttl_ms),
        heartbeat_ms: signed(wire.heartbeat_ms),
        deadline_ms: signed(wire.deadline_ms),
        stream_release_ms: signed(wire.stream_release_ms),
    }
}

pub(super) fn rate_limits(wire: &wire::RateLimits) -> RateLimits {
    RateLimits {
        tenant_requests: small(wire.tenant_requests),
        credential_requests: small(wire.credential_requests),
        read_requests: small(wire.read_requests),
        write_requests: small(wire.write_requests),
        model_requests: small(wire.model_requests),
    }
}

fn budget(wire: &wire::BudgetSettings) -> BudgetSettings {
    let prices = wire.usd_per_million_tokens.iter().flatten();
    let price = |it: &wire::ModelPrice| ModelPrice { input_usd: it.input_usd, output_usd: it.output_usd };
    BudgetSettings {
        tokens_per_day: wire.tokens_per_day,
        usd_per_million_tokens: prices.map(|(model, it)| (model.clone(), price(it))).collect::<BTreeMap<_, _>>(),
    }
}

pub(super) fn safety_rule(wire: &wire::SafetyRule) -> SafetyRule {
    SafetyRule {
        filter: match wire.filter {
            wire::SafetyRuleFilter::PromptInjection => SafetyFilter::PromptInjection,
            wire::SafetyRuleFilter::Secrets => SafetyFilter::Secrets,
            wire::SafetyRuleFilter::PersonalData => SafetyFilter::PersonalData,
            wire::SafetyRuleFilter::Abuse => SafetyFilter::Abuse,
        },
        direction: match wire.direction {
            wire::SafetyFilter::Input => SafetyDirection::Input,
            wire::SafetyFilter::Output => SafetyDirection::Output,
        },
        threshold: wire.threshold,
        action: match wire.action {
            wire::SafetyRuleAction::Block => SafetyAction::Block,
            wire::SafetyRuleAction::Redact => SafetyAction::Redact,
            wire::SafetyRuleAction::Flag => SafetyAction::Flag,
            wire::SafetyRuleAction::Off => SafetyAction::Off,
        },
    }
}

/// The schema bounds every such number far below.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

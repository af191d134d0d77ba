//! One tenant: `<tenant>/tenant.yaml`.

use contract_types as wire;
use jiff::Timestamp;
use reference_core::answer::PromptTemplate;
use reference_core::tenancy::{
    AnswerPrompt, ChunkSettings, Credential, CredentialState, Feature, KeyDigest, ModelSettings, RetrievalSettings,
    SafetyRule, Scope, SettingsError, SpeechSettings, TenantId, TenantSettings, Times,
};
use serde_json::Value;

use super::values::{
    OUTPUT_ALONE, budget, chunking, limits, on_input, rate_limits, retrieval, safety_rule, sessions, small, times,
    vectors,
};
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
    templates: &[PromptTemplate],
    platform: &Platform,
    models: &Models,
) -> Result<TenantSettings, Vec<Problem>> {
    from_value(file, id, yaml::parse(file, text)?, templates, platform, models)
}

/// What is wrong with the file as such, for when there is no platform to judge it against.
pub(super) fn shape(file: &str, text: &str) -> Vec<Problem> {
    yaml::parse(file, text).map_or_else(|problems| problems, |value| schema::TENANT.check(file, &value))
}

/// Checks a tenant's configuration, given as JSON, as [`parse`] does with a file. `templates` are the tenant's own.
pub(crate) fn from_value(
    file: &str,
    id: &str,
    value: Value,
    templates: &[PromptTemplate],
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
    let rules = config.safety.as_deref().unwrap_or_default();
    weak_rules(rules, &platform.safety_floor, &mut problem);
    for at in on_input(rules) {
        problem(format!("/safety/{at}/direction"), OUTPUT_ALONE.to_owned());
    }
    for (at, provider) in config.tts.iter().flat_map(|tts| &tts.providers).enumerate() {
        if !platform.speech_providers.contains(provider) {
            let expected = "expected a provider that `speech_providers` of platform.yaml lists";
            problem(format!("/tts/providers/{at}"), expected.to_owned());
        }
    }
    let prompt = config.answer_prompt.as_ref().map(|chosen| answer_prompt(chosen, templates, &mut problem));
    let Some(mut settings) = settings(&config, platform, &mut problem) else { return Err(problems) };
    settings.answer_prompt = prompt.flatten().unwrap_or_default();
    if let Err(error) = settings.check() {
        problem(place(&error, &settings), format!("expected otherwise: {error}"));
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn known_models(chosen: &wire::ModelSettings, models: &Models, problem: &mut impl FnMut(String, String)) {
    let mut check = |at: String, model: &str, known: &[String], off: bool| {
        let allowed = known.iter().any(|it| it == model) || (off && model == "off");
        if !allowed {
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
    for (at, model) in chosen.fallback.iter().flatten().enumerate() {
        check(format!("/models/fallback/{at}"), model, &models.generation, false);
    }
    let first = chosen.generation.as_str();
    if let Some(at) = chosen.fallback.iter().flatten().position(|model| model.as_str() == first) {
        problem(format!("/models/fallback/{at}"), "expected another model than `generation`".to_owned());
    }
}

/// The template that a tenant chose; `None` beside a problem.
fn answer_prompt(
    chosen: &wire::PromptChoice,
    templates: &[PromptTemplate],
    problem: &mut impl FnMut(String, String),
) -> Option<AnswerPrompt> {
    let Some(template) = templates.iter().find(|it| it.name == chosen.name) else {
        let expected = format!("expected a template of the tenant, a file prompts/{}.yaml", chosen.name);
        problem("/answer_prompt/name".to_owned(), expected);
        return None;
    };
    if template.version != chosen.version {
        problem("/answer_prompt/version".to_owned(), format!("expected `{}`, the file's version", template.version));
        return None;
    }
    let context_tokens = chosen.context_tokens.map_or(AnswerPrompt::default().context_tokens, small);
    Some(AnswerPrompt { template: template.clone(), context_tokens })
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
    settings.link_hosts = config.link_hosts.clone().unwrap_or_default();
    settings.cors_origins = config.cors_origins.clone().unwrap_or_default();
    settings.credentials =
        config.credentials.iter().enumerate().filter_map(|(at, it)| credential(at, it, problem)).collect();
    settings.features = config.features.iter().filter_map(|it| Feature::parse(it.as_str())).collect();
    settings.models = ModelSettings {
        embedding: config.models.embedding.to_string(),
        generation: config.models.generation.to_string(),
        rerank: Some(config.models.rerank.to_string()).filter(|model| model != "off"),
        allowed: config.models.allowed.iter().flatten().map(ToString::to_string).collect(),
        fallback: config.models.fallback.iter().flatten().map(ToString::to_string).collect(),
        gateway: config.models.gateway.as_ref().map(ToString::to_string),
    };
    settings.chunking = config.chunking.as_ref().map_or_else(ChunkSettings::default, chunking);
    settings.retrieval = config.retrieval.as_ref().map_or_else(RetrievalSettings::default, retrieval);
    settings.vectors = config.vectors.as_ref().map(vectors).unwrap_or_default();
    settings.limits = config.limits.as_ref().map_or(platform.default_limits, limits);
    settings.times = config.times.as_ref().map_or_else(Times::default, times);
    settings.rate_limits = config.rate_limits.as_ref().map_or(platform.default_rate_limits, rate_limits);
    settings.budget = config.budget.as_ref().map(budget);
    settings.sessions = config.sessions.as_ref().map(sessions).unwrap_or_default();
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
        letters
            .map(|letter| {
                if letter == '0' {
                    'o'
                } else if "1i".contains(letter) {
                    'l'
                } else {
                    letter
                }
            })
            .collect()
    };
    one != other && looks(one) == looks(other)
}

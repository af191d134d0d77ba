//! Configuration from one text binding. Its rules are the native server's, file by file, so that both hosts read a tenant
//! alike.

#[path = "../../../native/src/config/problem.rs"]
#[expect(dead_code, unreachable_pub, reason = "the list of all problems of a folder belongs to the native server")]
mod problem;
#[path = "../../../native/src/config/provider.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "a binding has no lists to compare with, and the native server is a library too"
)]
mod provider;
#[path = "../../../native/src/config/schema.rs"]
mod schema;
#[path = "../../../native/src/config/template.rs"]
mod template;
#[path = "../../../native/src/config/tenant.rs"]
#[expect(dead_code, unreachable_pub, reason = "files are read by the native server alone, which is a library too")]
mod tenant;
#[path = "../../../native/src/config/values.rs"]
mod values;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use contract_types as wire;
use reference_core::auth::{KeySet, TokenSettings};
use reference_core::tenancy::{Limits, RateLimits, SafetyRule, TenantSettings};
use serde::Deserialize;
use serde_json::Value;

use problem::Problem;
pub(crate) use provider::Configured;
pub(crate) use tenant::{Models, PROBE_TENANT};
#[cfg(feature = "control")]
pub(crate) use tenant::{from_value, too_like};
use values::{limits, rate_limits, safety_rule};

/// The binding: platform and tenants as in their YAML files, and the keys that tokens are signed with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Binding {
    /// `platform.yaml`.
    platform: Value,
    /// Every `tenant.yaml`.
    tenants: Vec<Value>,
    /// Every `prompts/<name>.yaml`, by tenant.
    #[serde(default)]
    prompts: BTreeMap<String, Vec<Value>>,
    /// The JWKS that `platform.yaml` names; the Worker has no files to fetch it from.
    jwks: Value,
    /// Whether published fixture keys are accepted.
    #[serde(default)]
    demo: bool,
}

/// What holds for every tenant.
pub(crate) struct Platform {
    pub(crate) tokens: TokenSettings,
    pub(crate) keys: KeySet,
    default_limits: Limits,
    default_rate_limits: RateLimits,
    safety_floor: Vec<SafetyRule>,
    pub(crate) speech_providers: Vec<String>,
    pub(crate) trace_ratio: f64,
    pub(crate) model_providers: Vec<Configured>,
}

/// A binding without a problem.
pub(crate) struct Loaded {
    pub(crate) platform: Platform,
    pub(crate) tenants: Vec<TenantSettings>,
    pub(crate) demo: bool,
}

/// Reads the binding's text, or says everything that is wrong with its first broken part.
///
/// - `secret`: looks up a secret, in the place of the environment's variables that the files name.
pub(crate) fn load(text: &str, models: &Models, secret: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, String> {
    let binding: Binding = serde_json::from_str(text).map_err(|error| format!("CONFIG: expected JSON: {error}"))?;
    let platform = platform(binding.platform, &binding.jwks, secret).map_err(|problems| told(&problems))?;
    let models = models.with(&platform.model_providers);
    let mut tenants = Vec::new();
    for value in binding.tenants {
        let id = value["tenant"].as_str().unwrap_or_default().to_owned();
        let file = format!("CONFIG: tenant `{id}`");
        let mut templates = Vec::new();
        for template in binding.prompts.get(&id).into_iter().flatten() {
            let file = format!("{file}, a prompt");
            templates.push(template::from_value(&file, template.clone()).map_err(|problems| told(&problems))?);
        }
        let settings = tenant::from_value(&file, &id, value, &templates, &platform, &models);
        tenants.push(settings.map_err(|problems| told(&problems))?);
    }
    Ok(Loaded { platform, tenants, demo: binding.demo })
}

fn platform(value: Value, jwks: &Value, secret: &dyn Fn(&str) -> Option<String>) -> Result<Platform, Vec<Problem>> {
    const PLACE: &str = "CONFIG: platform";
    let problems = schema::PLATFORM.check(PLACE, &value);
    if !problems.is_empty() {
        return Err(problems);
    }
    let config: wire::PlatformConfig = schema::PLATFORM.read(PLACE, value).map_err(|problem| vec![problem])?;
    let keys = KeySet::parse(&jwks.to_string())
        .map_err(|error| vec![Problem::new("CONFIG: jwks", "", format!("expected a JWKS: {error}"))])?;
    let listed = config.model_providers.as_deref().unwrap_or_default();
    let model_providers = provider::providers(Path::new(""), PLACE, listed, secret)?;
    let small = |value: Option<u64>, default: u32| value.and_then(|it| u32::try_from(it).ok()).unwrap_or(default);
    let accepts = |wanted| config.jwt_algorithms.as_ref().is_none_or(|listed| listed.contains(&wanted));
    Ok(Platform {
        tokens: TokenSettings {
            rs256: accepts(wire::PlatformConfigJwtAlgorithms::Rs256),
            es256: accepts(wire::PlatformConfigJwtAlgorithms::Es256),
            max_lifetime_s: small(config.jwt_max_lifetime_s, 3600),
            leeway_s: small(config.leeway_s, 30),
            ..TokenSettings::new(config.issuer, config.audience)
        },
        keys,
        default_limits: limits(&config.default_limits),
        default_rate_limits: rate_limits(&config.default_rate_limits),
        safety_floor: config.safety_floor.iter().flatten().map(safety_rule).collect(),
        speech_providers: config.speech_providers.unwrap_or_default(),
        trace_ratio: config.trace_ratio.unwrap_or(0.1),
        model_providers,
    })
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

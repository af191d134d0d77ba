//! What holds for every tenant: `platform.yaml`.

use std::path::Path;
use std::time::Duration;

use contract_types as wire;
use reference_core::auth::{KeySet, TokenSettings};
use reference_core::tenancy::{Limits, RateLimits, SafetyRule};

use super::provider::{self, Configured};
use super::values::{OUTPUT_ALONE, limits, on_input, rate_limits, safety_rule};
use super::{DemoFiles, Problem, schema, yaml};

/// Share of fresh traces that are recorded where nothing is said about it.
const TRACE_RATIO: f64 = 0.1;

/// Bounds of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Most bytes in all header fields of a request.
    pub header_bytes: usize,
    /// Most header fields in a request.
    pub headers: usize,
    /// Most connections open at once.
    pub connections: usize,
    /// Longest time for a client to send its header fields.
    pub header_timeout: Duration,
    /// Longest time that an answer waits for a client that takes nothing of it.
    pub write_timeout: Duration,
    /// Time that running requests have to end when the service is stopped.
    pub shutdown_grace: Duration,
}

/// `platform.yaml`, complete: what the file leaves out has its default here.
#[derive(Debug, Clone)]
pub struct Platform {
    /// What tokens must say.
    pub tokens: TokenSettings,
    /// Keys that tokens are signed with.
    pub keys: KeySet,
    /// Bounds of the listener.
    pub server: ServerLimits,
    /// Size limits of tenants that set none.
    pub default_limits: Limits,
    /// Rate limits of tenants that set none.
    pub default_rate_limits: RateLimits,
    /// The weakest safety rules that a tenant may have.
    pub safety_floor: Vec<SafetyRule>,
    /// Speech providers that the deployment has.
    pub speech_providers: Vec<String>,
    /// Share of fresh traces whose steps are recorded.
    pub trace_ratio: f64,
    /// Models behind URLs.
    pub model_providers: Vec<Configured>,
}

/// Reads the file's text; the keys of tokens are read from where it says.
pub(super) fn parse(folder: &Path, file: &str, text: &str, demo: Option<&DemoFiles>) -> Result<Platform, Vec<Problem>> {
    let value = yaml::parse(file, text)?;
    let problems = schema::PLATFORM.check(file, &value);
    if !problems.is_empty() {
        return Err(problems);
    }
    let config: wire::PlatformConfig = schema::PLATFORM.read(file, value).map_err(|problem| vec![problem])?;
    let mut problems = repeated_rules(file, config.safety_floor.as_deref().unwrap_or_default());
    let floor = config.safety_floor.as_deref().unwrap_or_default();
    let on_input = on_input(floor).map(|at| Problem::new(file, format!("/safety_floor/{at}/direction"), OUTPUT_ALONE));
    problems.extend(on_input);
    let keys = keys(folder, file, &config.jwks, demo).map_err(|problem| problems.push(problem)).unwrap_or_default();
    let listed = config.model_providers.as_deref().unwrap_or_default();
    let providers = provider::providers(folder, file, listed, &|name| std::env::var(name).ok());
    let providers = providers.map_err(|found| problems.extend(found)).unwrap_or_default();
    if problems.is_empty() { Ok(settings(config, keys, providers)) } else { Err(problems) }
}

fn settings(config: wire::PlatformConfig, keys: KeySet, model_providers: Vec<Configured>) -> Platform {
    let small = |value: Option<u64>, default: u32| value.and_then(|it| u32::try_from(it).ok()).unwrap_or(default);
    let size = |value: Option<u64>, default: usize| value.and_then(|it| usize::try_from(it).ok()).unwrap_or(default);
    let time = |value: Option<u64>, default_ms: u64| Duration::from_millis(value.unwrap_or(default_ms));
    let accepts = |wanted| config.jwt_algorithms.as_ref().is_none_or(|listed| listed.contains(&wanted));
    Platform {
        tokens: TokenSettings {
            rs256: accepts(wire::PlatformConfigJwtAlgorithms::Rs256),
            es256: accepts(wire::PlatformConfigJwtAlgorithms::Es256),
            max_lifetime_s: small(config.jwt_max_lifetime_s, 3600),
            leeway_s: small(config.leeway_s, 30),
            ..TokenSettings::new(config.issuer, config.audience)
        },
        keys,
        server: ServerLimits {
            header_bytes: size(config.max_header_bytes, 16_384),
            headers: size(config.max_headers, 100),
            connections: size(config.max_connections, 4096),
            header_timeout: time(config.header_timeout_ms, 10_000),
            write_timeout: time(config.write_timeout_ms, 30_000),
            shutdown_grace: time(config.shutdown_grace_ms, 10_000),
        },
        default_limits: limits(&config.default_limits),
        default_rate_limits: rate_limits(&config.default_rate_limits),
        safety_floor: config.safety_floor.iter().flatten().map(safety_rule).collect(),
        speech_providers: config.speech_providers.unwrap_or_default(),
        trace_ratio: config.trace_ratio.unwrap_or(TRACE_RATIO),
        model_providers,
    }
}

/// At most one rule stands for each pair of filter and direction.
pub(super) fn repeated_rules(file: &str, rules: &[wire::SafetyRule]) -> Vec<Problem> {
    let earlier = |at: usize, rule: &wire::SafetyRule| {
        rules.iter().take(at).any(|it| it.filter == rule.filter && it.direction == rule.direction)
    };
    let repeated = rules.iter().enumerate().filter(|(at, rule)| earlier(*at, rule));
    repeated
        .map(|(at, _)| {
            Problem::new(file, format!("/safety_floor/{at}"), "expected one rule for each filter and direction")
        })
        .collect()
}

fn keys(folder: &Path, file: &str, source: &wire::JwksSource, demo: Option<&DemoFiles>) -> Result<KeySet, Problem> {
    let problem = |at: &str, expected: &str| Err(Problem::new(file, at, expected));
    let path = match (&source.file, &source.url, source.demo.unwrap_or_default()) {
        (Some(path), None, false) => folder.join(path),
        (None, None, true) => match demo {
            Some(demo) => demo.jwks(),
            None => return problem("/jwks/demo", "expected `file`: published keys are accepted under --demo alone"),
        },
        (None, Some(_), false) => {
            return problem(
                "/jwks/url",
                "expected `file`: this host does not fetch keys; put a JWKS file in the folder",
            );
        }
        (Some(_), Some(_), _) | (Some(_), _, true) | (_, Some(_), true) | (None, None, false) => {
            return problem("/jwks", "expected exactly one of `file`, `url` and `demo: true`");
        }
    };
    let name = path.display().to_string();
    let expected = |error: &dyn std::fmt::Display| Problem::new(&name, "", format!("expected a JWKS file: {error}"));
    let text = std::fs::read_to_string(&path).map_err(|error| expected(&error))?;
    KeySet::parse(&text).map_err(|error| expected(&error))
}

//! Models behind URLs: `model_providers` of `platform.yaml`.

use std::path::Path;
use std::time::Duration;

use axum::http::Uri;
use contract_types as wire;
use reference_core::policy::PolicySettings;
use reference_core::ports::SpeechVoice;
use reference_core::speech::NONE;
use reference_providers::{Api, Gateway, Provider, ProviderKind, Secret};

use super::Problem;
use super::tenant::Models;

/// Names of speech providers that a host may have without a URL. A Worker has none of them; a tenant of it that wants one is
/// told at `/capabilities` that there is no speech.
const OWN_SPEAKERS: [&str; 2] = ["espeak-ng", NONE];

/// Time for a call where the file says none, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// Samples in a second of a voice where the file says none.
const VOICE_HZ: u32 = 24_000;
/// Texts in a call where the file says none.
const BATCH: u64 = 64;

/// A model behind a URL, and how calls to it are held.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// The model.
    pub provider: Provider,
    /// The numbers of its policy.
    pub policy: PolicySettings,
}

impl Models {
    /// These and those behind URLs.
    #[must_use]
    pub fn with(&self, providers: &[Configured]) -> Self {
        let mut all = self.clone();
        for Configured { provider, .. } in providers {
            let list = match provider.kind {
                ProviderKind::Embedding { .. } => &mut all.embedding,
                ProviderKind::Generation => &mut all.generation,
                ProviderKind::Rerank => &mut all.rerank,
                // Tenants name those that speak among their speech providers.
                ProviderKind::Speech { .. } => continue,
            };
            list.push(provider.id.clone());
        }
        all
    }
}

/// Reads the list; keys are read from where it says.
///
/// - `folder`: where relative paths of key files start.
/// - `env`: looks up a variable of the environment.
pub(super) fn providers(
    folder: &Path,
    file: &str,
    listed: &[wire::ModelProvider],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Configured>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found: Vec<Configured> = Vec::new();
    for (at, wire) in listed.iter().enumerate() {
        let place = |field: &str| format!("/model_providers/{at}/{field}");
        if found.iter().any(|other| other.provider.id == wire.id.as_str()) {
            let expected = "expected an id that no earlier provider has";
            problems.push(Problem::new(file, place("id"), expected));
        }
        let url = address(&wire.url).map_err(|expected| problems.push(Problem::new(file, place("url"), expected))).ok();
        let mut told = |(field, expected): (&str, String)| problems.push(Problem::new(file, place(field), expected));
        let kind = kind(wire).map_err(&mut told).ok();
        let key = key(folder, wire, env).map_err(&mut told).ok();
        let binding = binding(wire).map_err(&mut told).ok();
        let api = api(wire, env).map_err(&mut told).ok();
        let (Some(url), Some(kind), Some(key), Some(api), Some(binding)) = (url, kind, key, api, binding) else {
            continue;
        };
        let timeout_ms = wire.timeout_ms.unwrap_or(TIMEOUT_MS);
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let provider = Provider {
            id: wire.id.to_string(),
            kind,
            api,
            url,
            model: wire.model.clone(),
            binding,
            key,
            timeout: Duration::from_millis(timeout_ms),
            batch: size(wire.batch.unwrap_or(BATCH)),
            context_tokens: wire.context_tokens.map(size),
        };
        found.push(Configured { provider, policy: policy(wire.policy.as_ref(), timeout_ms) });
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Providers with the id of a model that the host has itself.
pub(super) fn taken_ids(file: &str, providers: &[Configured], models: &Models) -> Vec<Problem> {
    let own = |id: &String| {
        [&models.embedding, &models.generation, &models.rerank].iter().any(|it| it.contains(id))
            || OWN_SPEAKERS.contains(&id.as_str())
    };
    let listed = providers.iter().map(|listed| &listed.provider).enumerate();
    let taken = listed.filter(|(_, provider)| own(&provider.id) || provider.id == "off");
    taken
        .map(|(at, provider)| {
            let expected = format!("expected another id; `{}` has a meaning of its own here", provider.id);
            Problem::new(file, format!("/model_providers/{at}/id"), expected)
        })
        .collect()
}

/// Speech providers that the platform lists and this host does not have.
pub(super) fn unknown_speakers(file: &str, listed: &[String], providers: &[Configured]) -> Vec<Problem> {
    let behind = |name: &str| {
        providers.iter().any(|it| it.provider.id == name && matches!(it.provider.kind, ProviderKind::Speech { .. }))
    };
    let unknown = listed.iter().enumerate().filter(|(_, name)| {
        let own = OWN_SPEAKERS.contains(&name.as_str());
        !own && !behind(name)
    });
    unknown
        .map(|(at, _)| {
            let own = OWN_SPEAKERS.join("`, `");
            let expected = format!("expected `{own}` or the id of a model provider of the kind `speech`");
            Problem::new(file, format!("/speech_providers/{at}"), expected)
        })
        .collect()
}

/// A provider's address, without a slash at its end; or what was expected.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|_| "expected an address such as https://models.example/v1".to_owned())?;
    let whole = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if !whole {
        return Err("expected an address that begins with http:// or https:// and names a host".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn voice(wire: &wire::ProviderVoice) -> SpeechVoice {
    SpeechVoice {
        id: wire.id.to_string(),
        name: wire.name.clone().unwrap_or_else(|| wire.id.to_string()),
        language: wire.language.to_string(),
        any_language: wire.any_language.unwrap_or_default(),
        sample_rate_hz: wire.sample_rate_hz.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(VOICE_HZ),
    }
}

fn kind(wire: &wire::ModelProvider) -> Result<ProviderKind, Misfit> {
    let name = wire.kind.as_str();
    if wire.kind != wire::ModelProviderKind::Speech && wire.voices.is_some() {
        return Err(("voices", format!("expected no such field with the kind `{name}`")));
    }
    match (wire.kind, wire.dimensions) {
        (wire::ModelProviderKind::Embedding, Some(dimensions)) => {
            Ok(ProviderKind::Embedding { dimensions: usize::try_from(dimensions).unwrap_or(usize::MAX) })
        }
        (wire::ModelProviderKind::Embedding, None) => Err((
            "dimensions",
            "expected this field with the kind `embedding`: the length of the model's vectors".to_owned(),
        )),
        (wire::ModelProviderKind::Generation, None) => Ok(ProviderKind::Generation),
        (wire::ModelProviderKind::Rerank, None) => Ok(ProviderKind::Rerank),
        (wire::ModelProviderKind::Speech, None) => {
            let voices: Vec<SpeechVoice> = wire.voices.iter().flatten().map(voice).collect();
            if voices.is_empty() {
                return Err(("voices", "expected this field with the kind `speech`: who speaks".to_owned()));
            }
            Ok(ProviderKind::Speech { voices })
        }
        (
            wire::ModelProviderKind::Generation | wire::ModelProviderKind::Rerank | wire::ModelProviderKind::Speech,
            Some(_),
        ) => Err(("dimensions", format!("expected no such field with the kind `{name}`"))),
    }
}

/// The numbers of a policy: the deployment's, and what the file says instead.
fn policy(wire: Option<&wire::ModelPolicy>, timeout_ms: u64) -> PolicySettings {
    let own = PolicySettings { timeout_ms: Some(timeout_ms), ..PolicySettings::default() };
    let Some(wire) = wire else { return own };
    let small = |value: Option<u64>, own: u32| value.map_or(own, |it| u32::try_from(it).unwrap_or(u32::MAX));
    let open_ms = wire.open_ms.unwrap_or(own.open_ms);
    let settings = PolicySettings {
        attempts: small(wire.attempts, own.attempts),
        failures: small(wire.failures, own.failures),
        open_ms,
        longest_open_ms: own.longest_open_ms.max(open_ms),
        ..own
    };
    let places = wire.places.map(|places| usize::try_from(places).unwrap_or(usize::MAX));
    places.map_or(settings, |places| settings.with_places(places))
}

/// The field that is missing or must not be there, and what was expected.
type Misfit = (&'static str, String);

fn api(wire: &wire::ModelProvider, env: &dyn Fn(&str) -> Option<String>) -> Result<Api, Misfit> {
    let api = wire.api.unwrap_or(wire::ModelProviderApi::Openai);
    let needed = |field| (field, format!("expected this field with the API `{}`", api.as_str()));
    let unwanted = |field| Err((field, format!("expected no such field with the API `{}`", api.as_str())));
    let account = || wire.account.clone().ok_or_else(|| needed("account"));
    match api {
        wire::ModelProviderApi::Openai if wire.account.is_some() => unwanted("account"),
        wire::ModelProviderApi::Openai | wire::ModelProviderApi::WorkersAi if wire.gateway.is_some() => {
            unwanted("gateway")
        }
        wire::ModelProviderApi::Openai => Ok(Api::OpenAi),
        wire::ModelProviderApi::WorkersAi => Ok(Api::WorkersAi { account: account()? }),
        wire::ModelProviderApi::AiGateway => {
            let gateway = wire.gateway.as_ref().ok_or_else(|| needed("gateway"))?;
            if gateway.provider == "compat" && wire.kind != wire::ModelProviderKind::Generation {
                let expected = "expected another provider: `compat` has generation alone".to_owned();
                return Err(("gateway/provider", expected));
            }
            let token = gateway.token_env.as_ref().map(|name| secret("gateway/token_env", name, env)).transpose()?;
            let direct_url = gateway.direct_url.as_ref().map(|url| address(url)).transpose();
            let direct_url = direct_url.map_err(|expected| ("gateway/direct_url", expected))?;
            let gateway = Gateway {
                id: gateway.id.clone(),
                provider: gateway.provider.clone(),
                cache_ttl_s: gateway.cache_ttl_s,
                token,
                direct_url,
            };
            Ok(Api::AiGateway { account: account()?, gateway })
        }
    }
}

/// The binding, of a provider whose calls can go through one.
fn binding(wire: &wire::ModelProvider) -> Result<Option<String>, Misfit> {
    let behind = || wire.gateway.as_ref().is_some_and(|gateway| gateway.provider == "workers-ai");
    let fits = match wire.api.unwrap_or(wire::ModelProviderApi::Openai) {
        wire::ModelProviderApi::Openai => false,
        wire::ModelProviderApi::WorkersAi => true,
        wire::ModelProviderApi::AiGateway => behind(),
    };
    if wire.binding.is_some() && !fits {
        let expected = "expected no such field but with models that Cloudflare runs: the API `workers_ai`, or `ai_gateway` \
             before the provider `workers-ai`";
        return Err(("binding", expected.to_owned()));
    }
    Ok(wire.binding.clone())
}

/// What a key must be like.
const UNFIT: &str = "that is not empty and has no line break inside";

fn secret(field: &'static str, name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Secret, Misfit> {
    let text = env(name).ok_or((field, format!("expected the environment variable `{name}`; it is not set")))?;
    Secret::new(&text).ok_or((field, format!("expected a key in `{name}` {UNFIT}")))
}

fn key(
    folder: &Path,
    wire: &wire::ModelProvider,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Secret>, Misfit> {
    match (&wire.api_key_env, &wire.api_key_file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(("api_key_file", "expected only one of `api_key_env` and `api_key_file`".to_owned())),
        (Some(name), None) => secret("api_key_env", name, env).map(Some),
        (None, Some(path)) => {
            let (place, path) = ("api_key_file", folder.join(path));
            let shown = path.display();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| (place, format!("expected a readable file `{shown}`: {error}")))?;
            let key = Secret::new(&text).ok_or((place, format!("expected a key in `{shown}` {UNFIT}")))?;
            Ok(Some(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "sk-not-to-be-seen";

    fn read(folder: &Path, listed: Value) -> Result<Vec<Configured>, Vec<String>> {
        let listed: Vec<wire::ModelProvider> = serde_json::from_value(listed).unwrap();
        let env = |name: &str| match name {
            "KEY" => Some(format!("{SECRET}\n")),
            "EMPTY" => Some(" ".to_owned()),
            "BROKEN" => Some(format!("{SECRET}\n{SECRET}")),
            _ => None,
        };
        let told = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
        providers(folder, "platform.yaml", &listed, &env).map_err(told)
    }

    #[test]
    fn reads_keys_from_where_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("acme.key"), format!("{SECRET}\n")).unwrap();
        let listed = json!([
            {"id": "e", "kind": "embedding", "url": "https://m.example/v1/", "model": "m", "dimensions": 3, "api_key_env": "KEY",
             "timeout_ms": 50, "batch": 2},
            {"id": "g", "kind": "generation", "url": "http://127.0.0.1:8080", "model": "m", "api_key_file": "acme.key"},
            {"id": "r", "kind": "rerank", "url": "http://m.example/r", "model": "m"},
        ]);
        let found = read(folder.path(), listed).unwrap();
        let found: Vec<Provider> = found.into_iter().map(|it| it.provider).collect();
        assert_eq!(found[0].kind, ProviderKind::Embedding { dimensions: 3 });
        assert_eq!((found[0].url.as_str(), found[0].batch), ("https://m.example/v1", 2));
        assert_eq!((found[0].timeout, found[1].timeout), (Duration::from_millis(50), Duration::from_secs(10)));
        assert_eq!((&found[0].key, &found[2].key), (&found[1].key, &None));
        assert_eq!(found[0].key.as_ref().unwrap().bearer(), format!("Bearer {SECRET}"));
        let shown = format!("{found:?}");
        assert!(!shown.contains(SECRET) && shown.contains("Secret(..)"), "{shown}");
    }

    #[test]
    fn reads_gateways_and_policies() {
        let listed = json!([
            {"id": "w", "kind": "generation", "api": "workers_ai", "url": "https://api.example", "account": "a", "model": "m"},
            {"id": "g", "kind": "generation", "api": "ai_gateway", "url": "https://gw.example/v1", "account": "a", "model": "m",
             "gateway": {"id": "platform", "provider": "compat", "cache_ttl_s": 60, "token_env": "KEY"}, "timeout_ms": 700,
             "context_tokens": 4096, "policy": {"attempts": 1, "failures": 2, "open_ms": 20_000, "places": 8}},
        ]);
        let found = read(Path::new("."), listed).unwrap();
        assert_eq!(found[0].provider.api, Api::WorkersAi { account: "a".to_owned() });
        assert_eq!(found[0].policy, PolicySettings::default());
        let Api::AiGateway { account, gateway } = &found[1].provider.api else { panic!("no gateway") };
        assert_eq!((account.as_str(), gateway.id.as_str(), gateway.cache_ttl_s), ("a", "platform", Some(60)));
        assert_eq!(gateway.token.as_ref().unwrap().bearer(), format!("Bearer {SECRET}"));
        let policy = &found[1].policy;
        assert_eq!((policy.timeout_ms, policy.attempts, policy.failures), (Some(700), 1, 2));
        assert_eq!((policy.open_ms, policy.longest_open_ms), (20_000, 20_000));
        assert_eq!((policy.places, policy.places_of_tenant, found[1].provider.context_tokens), (8, 6, Some(4096)));
    }

    #[test]
    fn says_what_is_wrong_with_each_and_never_the_key() {
        let base = json!({"id": "e", "kind": "embedding", "url": "https://m.example", "model": "m", "dimensions": 3});
        let rerank = json!({"kind": "rerank"});
        let gateway = json!({"id": "g", "provider": "openai"});
        for (change, expected) in [
            (
                json!({"dimensions": null}),
                "/model_providers/0/dimensions: expected this field with the kind `embedding`",
            ),
            (rerank, "/model_providers/0/dimensions: expected no such field with the kind `rerank`"),
            (json!({"url": "m.example/v1"}), "/model_providers/0/url: expected an address"),
            (json!({"url": "ftp://m.example/v1"}), "/model_providers/0/url: expected an address"),
            (json!({"url": "http://"}), "/model_providers/0/url: expected an address"),
            (json!({"api_key_env": "MISSING"}), "expected the environment variable `MISSING`; it is not set"),
            (json!({"api_key_env": "EMPTY"}), "expected a key in `EMPTY` that is not empty"),
            (json!({"api_key_env": "BROKEN"}), "expected a key in `BROKEN` that is not empty and has no line break"),
            (json!({"api_key_file": "none.key"}), "/model_providers/0/api_key_file: expected a readable file `"),
            (json!({"api_key_env": "KEY", "api_key_file": "f"}), "/model_providers/0/api_key_file: expected only one"),
            (json!({"account": "a"}), "/model_providers/0/account: expected no such field with the API `openai`"),
            (json!({"gateway": gateway}), "/model_providers/0/gateway: expected no such field with the API `openai`"),
            (json!({"api": "workers_ai"}), "/model_providers/0/account: expected this field with the API `workers_ai`"),
            (
                json!({"api": "workers_ai", "account": "a", "gateway": gateway}),
                "/model_providers/0/gateway: expected no such field with the API `workers_ai`",
            ),
            (json!({"api": "ai_gateway", "account": "a"}), "/model_providers/0/gateway: expected this field"),
            (json!({"binding": "AI"}), "/model_providers/0/binding: expected no such field but with models"),
            (
                json!({"api": "ai_gateway", "account": "a", "gateway": {"id": "g", "provider": "x"}, "binding": "AI"}),
                "/model_providers/0/binding: expected no such field but with models",
            ),
            (
                json!({"api": "ai_gateway", "account": "a", "gateway": {"id": "g", "provider": "x", "direct_url": "x"}}),
                "/model_providers/0/gateway/direct_url: expected an address",
            ),
            (json!({"api": "ai_gateway", "gateway": gateway}), "/model_providers/0/account: expected this field"),
            (
                json!({"api": "ai_gateway", "account": "a", "gateway": {"id": "g", "provider": "compat"}}),
                "/model_providers/0/gateway/provider: expected another provider",
            ),
            (
                json!({"api": "ai_gateway", "account": "a", "gateway": {"id": "g", "provider": "x", "token_env": "MISSING"}}),
                "/model_providers/0/gateway/token_env: expected the environment variable `MISSING`",
            ),
        ] {
            let mut provider = base.clone();
            for (name, value) in change.as_object().unwrap() {
                if value.is_null() {
                    provider.as_object_mut().unwrap().remove(name);
                } else {
                    provider[name] = value.clone();
                }
            }
            // Past the schema, whose pattern already refuses most of these addresses.
            let told = read(Path::new("/nowhere"), json!([provider])).unwrap_err().join("\n");
            assert!(told.contains(expected) && !told.contains(SECRET), "{told}\n{expected}");
        }
        let twice = read(Path::new("."), json!([base, base])).unwrap_err();
        assert_eq!(twice, ["platform.yaml: /model_providers/1/id: expected an id that no earlier provider has"]);
    }

    #[test]
    fn refuses_ids_that_the_host_has_itself() {
        let listed = |id: &str| json!([{"id": id, "kind": "rerank", "url": "http://m.example", "model": "m"}]);
        let models = Models { embedding: vec!["e".to_owned()], generation: Vec::new(), rerank: Vec::new() };
        for (id, count) in [("e", 1), ("off", 1), ("free", 0)] {
            let found = read(Path::new("."), listed(id)).unwrap();
            assert_eq!(taken_ids("platform.yaml", &found, &models).len(), count, "{id}");
        }
    }
}

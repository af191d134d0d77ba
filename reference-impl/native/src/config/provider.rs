//! Models behind URLs: `model_providers` of `platform.yaml`.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use contract_types as wire;

use super::Problem;
use super::tenant::Models;

/// Time for a call where the file says none, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// Texts in a call where the file says none.
const BATCH: u64 = 64;

/// A key that shows itself to nobody but the upstream that it opens.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// `None` where the key is empty or cannot stand in a header field.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).ok().filter(|_| !key.is_empty())?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The value of `authorization`; it shows as `Sensitive`.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// What a provider is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// Vectors of this length.
    Embedding {
        /// Numbers in each vector.
        dimensions: usize,
    },
    /// Text.
    Generation,
    /// Scores.
    Rerank,
}

/// A model behind a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The id that tenants name.
    pub id: String,
    /// What it is for.
    pub kind: ProviderKind,
    /// Where it is: scheme, host and path without a slash at the end.
    pub url: String,
    /// The name that is sent.
    pub model: String,
    /// What opens it.
    pub key: Option<ApiKey>,
    /// Longest time of a call.
    pub timeout: Duration,
    /// Most texts in a call.
    pub batch: usize,
}

impl Models {
    /// These and those behind URLs.
    #[must_use]
    pub fn with(&self, providers: &[Provider]) -> Self {
        let mut all = self.clone();
        for provider in providers {
            let list = match provider.kind {
                ProviderKind::Embedding { .. } => &mut all.embedding,
                ProviderKind::Generation => &mut all.generation,
                ProviderKind::Rerank => &mut all.rerank,
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
) -> Result<Vec<Provider>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found: Vec<Provider> = Vec::new();
    for (at, wire) in listed.iter().enumerate() {
        let place = |field: &str| format!("/model_providers/{at}/{field}");
        if found.iter().any(|other| other.id == wire.id.as_str()) {
            let expected = "expected an id that no earlier provider has";
            problems.push(Problem::new(file, place("id"), expected));
        }
        let url = address(&wire.url).map_err(|expected| problems.push(Problem::new(file, place("url"), expected))).ok();
        let kind = kind(wire).map_err(|expected| problems.push(Problem::new(file, place("dimensions"), expected))).ok();
        let key = key(folder, wire, env);
        let key = key.map_err(|(field, expected)| problems.push(Problem::new(file, place(field), expected))).ok();
        let (Some(url), Some(kind), Some(key)) = (url, kind, key) else { continue };
        found.push(Provider {
            id: wire.id.to_string(),
            kind,
            url,
            model: wire.model.clone(),
            key,
            timeout: Duration::from_millis(wire.timeout_ms.unwrap_or(TIMEOUT_MS)),
            batch: usize::try_from(wire.batch.unwrap_or(BATCH)).unwrap_or(usize::MAX),
        });
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// Providers with the id of a model that the host has itself.
pub(super) fn taken_ids(file: &str, providers: &[Provider], models: &Models) -> Vec<Problem> {
    let own = |id: &String| [&models.embedding, &models.generation, &models.rerank].iter().any(|it| it.contains(id));
    let taken = providers.iter().enumerate().filter(|(_, provider)| own(&provider.id) || provider.id == "off");
    taken
        .map(|(at, provider)| {
            let expected = format!("expected another id; `{}` has a meaning of its own here", provider.id);
            Problem::new(file, format!("/model_providers/{at}/id"), expected)
        })
        .collect()
}

/// A provider's address, without a slash at its end; or what was expected.
pub(super) fn address(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|_| "expected an address such as https://models.example/v1".to_owned())?;
    let whole = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if !whole {
        return Err("expected an address that begins with http:// or https:// and names a host".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn kind(wire: &wire::ModelProvider) -> Result<ProviderKind, String> {
    let name = wire.kind.as_str();
    match (wire.kind, wire.dimensions) {
        (wire::ModelProviderKind::Embedding, Some(dimensions)) => {
            Ok(ProviderKind::Embedding { dimensions: usize::try_from(dimensions).unwrap_or(usize::MAX) })
        }
        (wire::ModelProviderKind::Embedding, None) => {
            Err("expected this field with the kind `embedding`: the length of the model's vectors".to_owned())
        }
        (wire::ModelProviderKind::Generation, None) => Ok(ProviderKind::Generation),
        (wire::ModelProviderKind::Rerank, None) => Ok(ProviderKind::Rerank),
        (wire::ModelProviderKind::Generation | wire::ModelProviderKind::Rerank, Some(_)) => {
            Err(format!("expected no such field with the kind `{name}`"))
        }
    }
}

fn key(
    folder: &Path,
    wire: &wire::ModelProvider,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<ApiKey>, (&'static str, String)> {
    let unfit = "that is not empty and has no line break inside";
    match (&wire.api_key_env, &wire.api_key_file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(("api_key_file", "expected only one of `api_key_env` and `api_key_file`".to_owned())),
        (Some(name), None) => {
            let place = "api_key_env";
            let text =
                env(name).ok_or((place, format!("expected the environment variable `{name}`; it is not set")))?;
            let key = ApiKey::new(&text).ok_or((place, format!("expected a key in `{name}` {unfit}")))?;
            Ok(Some(key))
        }
        (None, Some(path)) => {
            let (place, path) = ("api_key_file", folder.join(path));
            let shown = path.display();
            let text = std::fs::read_to_string(&path)
                .map_err(|error| (place, format!("expected a readable file `{shown}`: {error}")))?;
            let key = ApiKey::new(&text).ok_or((place, format!("expected a key in `{shown}` {unfit}")))?;
            Ok(Some(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "sk-not-to-be-seen";

    fn read(folder: &Path, listed: Value) -> Result<Vec<Provider>, Vec<String>> {
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
        assert_eq!(found[0].kind, ProviderKind::Embedding { dimensions: 3 });
        assert_eq!((found[0].url.as_str(), found[0].batch), ("https://m.example/v1", 2));
        assert_eq!((found[0].timeout, found[1].timeout), (Duration::from_millis(50), Duration::from_secs(10)));
        assert_eq!((&found[0].key, &found[2].key), (&found[1].key, &None));
        assert_eq!(found[0].key.as_ref().unwrap().header(), format!("Bearer {SECRET}"));
        let shown = format!("{found:?} {:?}", found[0].key.as_ref().unwrap().header());
        assert!(!shown.contains(SECRET) && shown.contains("ApiKey(..)"), "{shown}");
    }

    #[test]
    fn says_what_is_wrong_with_each_and_never_the_key() {
        let base = json!({"id": "e", "kind": "embedding", "url": "https://m.example", "model": "m", "dimensions": 3});
        let rerank = json!({"kind": "rerank"});
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

//! Makes a target ready for a suite that asks the fixtures' questions: reads the profile, starts or reaches the target, learns
//! what it is, and brings the documents in.

use std::time::Duration;

use contract_types::{Limits, RunTarget};
use fixtures::{Fixtures, TenantFixture};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    client::{Bounds, Client, ClientError, Request},
    credential::Credential,
    exit, profile,
    profile::Resolved,
    root::fixtures_root,
    seed,
    target::Target,
};

/// The credential that suites use for everything that needs no other.
const CREDENTIAL: &str = "all";
/// The fixtures' folder of tenants, as profiles that start a target name it.
const TENANTS: &str = "fixtures/tenants";
/// Longest wait for writes to become visible.
const LONGEST_CONSISTENCY: Duration = Duration::from_mins(2);

/// Why a target could not be made ready. Its text is one message for a person.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The profile, the fixtures or the arguments cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The target did not start or does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The target answers, but not as a suite needs it.
    #[error("{0}")]
    Refused(String),
}

impl PrepareError {
    /// The exit code that it leads to.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Unreachable(_) => exit::UNREACHABLE,
            Self::Refused(_) => exit::FAILED,
        }
    }
}

/// A target and what is to be asked of it. A started target is stopped when this is dropped.
#[derive(Debug)]
pub struct Prepared {
    /// The profile.
    pub profile: Resolved,
    /// The fixtures.
    pub fixtures: Fixtures,
    /// The target.
    pub target: Target,
    /// A client of it.
    pub client: Client,
    /// Ids of the tenants that have questions, in the profile's order.
    pub tenants: Vec<String>,
    implementation: Option<(String, String)>,
}

impl Prepared {
    /// Reads the profile `name` and starts its target, or takes the one that runs. Blocks; needs no async runtime.
    ///
    /// `only` narrows the tenants down; empty means all of the profile that have questions.
    ///
    /// # Errors
    ///
    /// [`PrepareError::Usage`] or [`PrepareError::Unreachable`].
    pub fn open(name: &str, only: &[String]) -> Result<Self, PrepareError> {
        let usage = |error: &dyn std::fmt::Display| PrepareError::Usage(error.to_string());
        let fixtures = Fixtures::load(&fixtures_root()).map_err(|error| usage(&error))?;
        let profile = profile::find(name).map_err(|error| usage(&error))?;
        Self::start(&profile, fixtures, only)
    }

    /// As [`Prepared::open`], over other fixtures: the target is started over their tenants, and asked as each of them.
    ///
    /// # Errors
    ///
    /// [`PrepareError::Usage`] where the profile starts no target over the fixtures' tenants, and as [`Prepared::open`].
    pub fn open_over(name: &str, fixtures: Fixtures) -> Result<Self, PrepareError> {
        let usage = |error: &dyn std::fmt::Display| PrepareError::Usage(error.to_string());
        let mut profile = profile::find(name).map_err(|error| usage(&error))?;
        let words = profile.spec.start.iter_mut().flat_map(|start| &mut start.run);
        let mut words: Vec<&mut String> = words.filter(|word| *word == TENANTS).collect();
        if words.is_empty() {
            let told = format!("profile `{name}`: expected one that starts its target over `{TENANTS}`, such as local");
            return Err(PrepareError::Usage(told));
        }
        let folder = fixtures.tenants_dir().to_string_lossy().into_owned();
        for word in &mut words {
            folder.clone_into(word);
        }
        profile.spec.tenants = fixtures.tenants().iter().map(|tenant| tenant.id.as_str().into()).collect();
        let credentials = fixtures.tenants().iter().map(|tenant| {
            let id = &tenant.id;
            serde_json::json!({"tenant": id, "name": CREDENTIAL, "demo_key": format!("{id}/{CREDENTIAL}"), "scopes": []})
        });
        let credentials = serde_json::from_value(Value::Array(credentials.collect()));
        profile.spec.credentials = credentials.map_err(|error| usage(&error))?;
        Self::start(&profile, fixtures, &[])
    }

    fn start(profile: &profile::Profile, fixtures: Fixtures, only: &[String]) -> Result<Self, PrepareError> {
        let usage = |error: &dyn std::fmt::Display| PrepareError::Usage(error.to_string());
        let root = profile.base();
        let variable = |name: &str| std::env::var(name).ok();
        let sources = profile::Sources { root: &root, fixtures: &fixtures, variable: &variable };
        let profile = profile::resolve(profile, sources).map_err(|error| usage(&error))?;
        let tenants = asked_tenants(&profile, &fixtures, only)?;
        let target = Target::open(&profile, &root).map_err(|error| PrepareError::Unreachable(error.to_string()))?;
        let bounds = Bounds::of_run(variable).map_err(|error| usage(&error))?;
        let client = Client::new(&target.base_url, bounds).and_then(|client| client.carrying(profile.headers()));
        let client = client.map_err(|error| usage(&error))?;
        Ok(Self { profile, fixtures, target, client, tenants, implementation: None })
    }

    /// Asks the target what it is, and ingests the documents of every tenant where the profile says so.
    ///
    /// # Errors
    ///
    /// [`PrepareError::Unreachable`] or [`PrepareError::Refused`].
    pub async fn fill(&mut self) -> Result<(), PrepareError> {
        self.client.send(&Request::new("GET", "/health")).await.map_err(|error| unreachable(&error))?;
        let total: usize = self.tenants().map(|(tenant, _)| tenant.documents.len()).sum();
        let progress = ProgressBar::new(u64::try_from(total).unwrap_or(0));
        let mut consistency = Duration::from_millis(self.profile.spec.consistency_ms.unwrap_or(0));
        let mut implementation = None;
        for (tenant, credential) in self.tenants() {
            let request = Request::new("GET", "/capabilities").bearer(&credential.secret);
            let exchange = seed::send_patiently(&self.client, &request).await.map_err(|error| unreachable(&error))?;
            let capabilities = match (exchange.response.status, exchange.response.json()) {
                (200, Some(capabilities)) => capabilities,
                (status, _) => {
                    let message = format!("GET /capabilities of `{}`: expected status 200, found {status}", tenant.id);
                    return Err(PrepareError::Refused(message));
                }
            };
            consistency = consistency.max(Duration::from_millis(capabilities["consistency_ms"].as_u64().unwrap_or(0)));
            implementation = implementation.or_else(|| named(&capabilities["implementation"]));
            if self.profile.spec.seed_fixtures {
                let limits: Option<Limits> = serde_json::from_value(capabilities["limits"].clone()).ok();
                let seeded = seed::documents(&self.client, tenant, credential, limits.as_ref(), &progress).await;
                seeded.map_err(|error| PrepareError::Refused(error.to_string()))?;
            }
        }
        progress.finish_and_clear();
        self.implementation = implementation;
        if self.profile.spec.seed_fixtures {
            tokio::time::sleep(consistency.min(LONGEST_CONSISTENCY)).await;
        }
        Ok(())
    }

    /// The tenants to ask, each with the credential to ask with.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantFixture, &Credential)> {
        self.tenants.iter().filter_map(|id| Some((self.fixtures.tenant(id)?, self.profile.credential(id, CREDENTIAL)?)))
    }

    /// The target as a run record names it.
    pub fn run_target(&self) -> RunTarget {
        let (implementation, version) = self.implementation.clone().unzip();
        RunTarget {
            name: self.profile.spec.name.clone(),
            base_url: self.target.base_url.clone(),
            implementation,
            version,
        }
    }
}

/// The tenants of the profile that the fixtures have questions for, each with a credential.
fn asked_tenants(profile: &Resolved, fixtures: &Fixtures, only: &[String]) -> Result<Vec<String>, PrepareError> {
    let known = profile.spec.tenants.iter().map(ToString::to_string);
    let known: Vec<String> =
        known.filter(|id| fixtures.tenant(id).is_some_and(|tenant| !tenant.questions.is_empty())).collect();
    let file = profile.file.display();
    if let Some(strange) = only.iter().find(|id| !known.contains(id)) {
        let known = known.join(", ");
        return Err(PrepareError::Usage(format!("no tenant `{strange}` with questions in {file}; there are: {known}")));
    }
    let asked: Vec<String> = known.into_iter().filter(|id| only.is_empty() || only.contains(id)).collect();
    if asked.is_empty() {
        let message = format!("{file}: /tenants: expected at least one tenant that the fixtures have questions for");
        return Err(PrepareError::Usage(message));
    }
    if let Some(id) = asked.iter().find(|id| profile.credential(id, CREDENTIAL).is_none()) {
        let message = format!("{file}: /credentials: expected a credential `{CREDENTIAL}` of tenant `{id}`; add one");
        return Err(PrepareError::Usage(message));
    }
    Ok(asked)
}

fn named(implementation: &Value) -> Option<(String, String)> {
    Some((implementation["name"].as_str()?.to_owned(), implementation["version"].as_str()?.to_owned()))
}

fn unreachable(error: &ClientError) -> PrepareError {
    PrepareError::Unreachable(format!("the target cannot be reached: {error}"))
}

#[cfg(test)]
mod tests {
    use contract_types::{Scope, TargetProfile};

    use super::*;
    use crate::credential::Secret;

    fn profile(tenants: &[&str], credentials: &[&str]) -> Resolved {
        let spec = serde_json::json!({
            "name": "t", "description": "A target.", "base_url": "http://127.0.0.1:9", "credentials": [],
            "tenants": tenants, "features": [], "seed_fixtures": false,
        });
        let spec: TargetProfile = serde_json::from_value(spec).unwrap();
        let credentials = credentials.iter().map(|tenant| Credential {
            tenant: (*tenant).to_owned(),
            name: CREDENTIAL.to_owned(),
            scopes: vec![Scope::Admin],
            secret: Secret::new("x"),
        });
        Resolved { spec, file: "targets/t.yaml".into(), credentials: credentials.collect(), tokens: None }
    }

    fn asked(tenants: &[&str], credentials: &[&str], only: &[&str]) -> Result<Vec<String>, String> {
        let fixtures = Fixtures::load(&Fixtures::embedded_root()).unwrap();
        let only: Vec<String> = only.iter().map(|&id| id.to_owned()).collect();
        asked_tenants(&profile(tenants, credentials), &fixtures, &only).map_err(|error| error.to_string())
    }

    #[test]
    fn asks_the_tenants_that_have_questions() {
        let both = ["lumen-desk", "tiny-limits", "aurora-bikes"];
        assert_eq!(asked(&both, &both, &[]).unwrap(), ["lumen-desk", "aurora-bikes"]);
        assert_eq!(asked(&both, &both, &["aurora-bikes"]).unwrap(), ["aurora-bikes"]);
    }

    #[test]
    fn says_what_is_missing() {
        let text = asked(&["aurora-bikes"], &["aurora-bikes"], &["lumen-desk"]).unwrap_err();
        assert!(text.contains("no tenant `lumen-desk`") && text.contains("aurora-bikes"), "{text}");
        let text = asked(&["aurora-bikes"], &[], &[]).unwrap_err();
        assert!(text.contains("targets/t.yaml: /credentials: expected a credential `all`"), "{text}");
        assert!(asked(&["tiny-limits"], &["tiny-limits"], &[]).is_err());
    }
}

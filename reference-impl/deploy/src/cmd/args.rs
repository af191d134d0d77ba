//! Arguments that several commands have, and what they mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, Output, known, today};
use crate::api::{Api, BASE_URL, Patience};
use crate::apply::{Means, Smoke, chain};
use crate::config::{self, Deployment, Environment, Folder, Places};
use crate::credentials::{self, Origin, Verb};
use crate::stop::Stop;
use crate::wanted::{Artefact, Wanted};

/// Where the configuration is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Files {
    /// Folder of tenants, with platform.yaml.
    #[arg(long, env = "PLUMBLINE_TENANTS", default_value = "fixtures/tenants", value_name = "DIR")]
    pub(crate) tenants: PathBuf,
    /// deploy.yaml; absent means the one beside the folder of tenants.
    #[arg(long, env = "PLUMBLINE_DEPLOY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Files {
    pub(crate) fn places(&self) -> Places {
        let beside = self.tenants.parent().unwrap_or(Path::new(".")).join("deploy.yaml");
        Places { tenants: self.tenants.clone(), deploy: self.config.clone().unwrap_or(beside) }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::of_process(&self.tenants)
    }

    /// Reads everything, and looks for every secret and token.
    pub(crate) fn load(&self) -> Result<Folder, Failure> {
        config::load(&self.places(), &today(), &self.origin()).map_err(Failure::Config)
    }

    /// Reads everything. Secrets are not looked for: a verb needs those of its own deployments alone, and [`Files::secrets_of`] looks for them.
    pub(crate) fn read(&self) -> Result<Folder, Failure> {
        config::load(&self.places(), &today(), &self.origin().without_looking()).map_err(Failure::Config)
    }

    /// Looks for the secrets of `chosen`, before anything is done.
    pub(crate) fn secrets_of(&self, chosen: &[Deployment]) -> Result<(), Failure> {
        let origin = self.origin();
        let mut missing = Vec::new();
        for deployment in chosen {
            for secret in deployment.settings.secrets.iter().flatten() {
                if let Err(error) = origin.can_have(&secret.source) {
                    missing.push(format!(
                        "{}: secret {}: {error}; {}",
                        deployment.label(),
                        secret.name,
                        error.remedy()
                    ));
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Failure::Usage(missing.join("\n"))) }
    }
}

/// Which deployments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// A tenant; may be given several times.
    #[arg(long, value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) tenant: Vec<String>,
    /// All tenants that have the environment.
    #[arg(long)]
    pub(crate) all: bool,
    /// The environment: dev, stage or prod.
    #[arg(long, value_name = "ENV")]
    pub(crate) env: Environment,
}

impl Which {
    pub(crate) fn choose(&self, folder: &Folder) -> Result<Vec<Deployment>, Failure> {
        let of_env = folder.deployments.iter().filter(|it| it.environment == self.env);
        let chosen: Vec<Deployment> =
            of_env.filter(|it| self.all || self.tenant.contains(&it.tenant)).cloned().collect();
        for name in &self.tenant {
            if !chosen.iter().any(|it| it.tenant == *name) {
                let message = format!(
                    "expected a tenant with the environment {}, found `{name}`; there are {}",
                    self.env,
                    known(folder)
                );
                return Err(Failure::Usage(message));
            }
        }
        if chosen.is_empty() {
            return Err(Failure::Usage(format!(
                "no tenant has the environment {}; there are {}",
                self.env,
                known(folder)
            )));
        }
        Ok(chosen)
    }
}

/// How the API is spoken to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Remote {
    /// Address of the API.
    #[arg(long, env = "CLOUDFLARE_API_BASE_URL", default_value = BASE_URL, value_name = "URL")]
    pub(crate) api: String,
    /// Folder of the built Worker.
    #[arg(long, env = "PLUMBLINE_ARTEFACT", default_value = "reference-impl/worker/build", value_name = "DIR")]
    pub(crate) artefact: PathBuf,
    /// Longest time for one call, in milliseconds.
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    pub(crate) timeout_ms: u64,
    /// Most tries of one call, where it may be tried again.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) tries: u32,
    /// Wait before the second try, in milliseconds; it doubles with each.
    #[arg(long, default_value_t = 500, value_name = "MS")]
    pub(crate) backoff_ms: u64,
    /// Most tries of each question to a new version, which takes seconds to reach every place.
    #[arg(long, default_value_t = 6, value_name = "N")]
    pub(crate) smoke_tries: u32,
    /// A program that decides too whether a new version works, with its arguments, cut at spaces, such as
    /// `cargo run -p conformance -- run --target candidate`. It finds the address in `PLUMBLINE_SMOKE_URL`, the header that asks for the version in
    /// `PLUMBLINE_SMOKE_HEADER`, and that header's value alone in `PLUMBLINE_SMOKE_OVERRIDE`.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) smoke_command: Option<String>,
    /// Folder of the journals, and of the locks that keep two runs from one Worker.
    #[arg(long, env = "PLUMBLINE_DEPLOY_STATE", default_value = ".plumbline/deploy", value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Writes the report of the run there, as JSON (schema `DeployReport`); `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

impl Remote {
    pub(crate) fn artefact(&self) -> Result<Artefact, Failure> {
        Artefact::read(&self.artefact).map_err(|error| Failure::Usage(chain(&error)))
    }

    pub(crate) fn wanted(&self, deployments: Vec<Deployment>) -> Result<Vec<Wanted>, Failure> {
        let artefact = self.artefact()?;
        Ok(deployments.into_iter().map(|deployment| Wanted::new(deployment, artefact.clone())).collect())
    }

    /// The same for what uploads nothing, which needs no built Worker.
    pub(crate) fn without_artefact(deployments: Vec<Deployment>) -> Vec<Wanted> {
        deployments.into_iter().map(|deployment| Wanted::new(deployment, Artefact::absent())).collect()
    }

    fn patience(&self) -> Patience {
        Patience {
            timeout: Duration::from_millis(self.timeout_ms),
            tries: self.tries.max(1),
            backoff: Duration::from_millis(self.backoff_ms),
            ..Patience::default()
        }
    }

    fn smoke(&self) -> Smoke {
        let words = self.smoke_command.iter().flat_map(|command| command.split_whitespace());
        let wait = Duration::from_millis(self.backoff_ms.saturating_mul(6));
        let timeout = Duration::from_millis(self.timeout_ms);
        Smoke {
            command: words.map(str::to_owned).collect(),
            tries: self.smoke_tries.max(1),
            wait,
            timeout,
            ..Smoke::default()
        }
    }

    /// One client for each profile in use, its token read once and checked for `verb`. Profiles that fail have their reason.
    pub(crate) async fn means(
        &self,
        files: &Files,
        verb: Verb,
        wanted: &[Wanted],
        rotate: &[String],
        output: &Output,
    ) -> BTreeMap<String, Result<Means, Trouble>> {
        let mut found = BTreeMap::new();
        for one in wanted {
            let profile = &one.deployment.profile;
            let key = profile.name.clone();
            if found.contains_key(&key) {
                continue;
            }
            let made = self.one(files, verb, wanted, one, rotate).await;
            if let Err(trouble) = &made {
                output.note(&format!("profile `{key}`: {}", trouble.message));
            }
            found.insert(key, made);
        }
        found
    }

    /// A client for the profile of `one`, checked for all of `wanted` that have it.
    pub(crate) async fn one(
        &self,
        files: &Files,
        verb: Verb,
        wanted: &[Wanted],
        one: &Wanted,
        rotate: &[String],
    ) -> Result<Means, Trouble> {
        let profile = &one.deployment.profile;
        let origin = files.origin();
        let token = origin.read(&profile.token).await.map_err(|error| Trouble {
            message: format!("{}; {}", chain(&error), error.remedy()),
            unreachable: false,
        })?;
        let api = Api::new(&self.api, &one.deployment.account.id, token, self.patience());
        let api = api.map_err(|error| Trouble { message: error.to_string(), unreachable: false })?;
        for user in wanted.iter().filter(|it| it.deployment.profile.name == profile.name) {
            if let Err(error) = credentials::check(&api, verb, &user.deployment).await {
                let unreachable = matches!(&error, credentials::TokenError::Api(error) if error.is_open());
                return Err(Trouble { message: chain(&error), unreachable });
            }
        }
        Ok(Means { api, smoke: self.smoke(), origin, rotate: rotate.to_vec(), stop: Stop::default() })
    }
}

/// Why a profile cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    pub(crate) unreachable: bool,
}

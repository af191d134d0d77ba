//! `deploy validate`: everything that is wrong, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use super::args::Files;
use super::{Failure, OK, Output, USAGE, block};
use crate::api::{Api, BASE_URL, BASE_URL_VARIABLE, Patience};
use crate::config::{Deployment, Folder, Problem, Source};
use crate::credentials::{self, Origin, Verb};
use crate::wanted::wrangler_config;

/// Checks the configuration of every tenant and environment, and tells everything that is wrong at once.
///
/// Secrets are looked for and not read, commands are looked for and not run. With --wrangler, wrangler's own dry run is held on each
/// generated configuration too; it needs the built Worker. With --tokens, the API is asked about the token of each profile in use.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Program of wrangler.
    #[arg(long, env = "PLUMBLINE_WRANGLER", value_name = "PROGRAM")]
    wrangler: Option<PathBuf>,
    /// Folder of the built Worker, for wrangler.
    #[arg(long, env = "PLUMBLINE_ARTEFACT", default_value = "reference-impl/worker/build", value_name = "DIR")]
    artefact: PathBuf,
    /// Reads the token of each profile in use, and asks the API whether it is active, of the profile's account, and allowed what `apply`
    /// needs.
    #[arg(long)]
    tokens: bool,
    /// Address of the API.
    #[arg(long, env = BASE_URL_VARIABLE, default_value = BASE_URL, value_name = "URL")]
    api: String,
    /// Tells the problems as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self, output: &Output) -> Result<u8, Failure> {
        let found = match self.files.load() {
            Ok(folder) => {
                let mut problems = if self.tokens { self.ask(&folder)? } else { Vec::new() };
                if let Some(wrangler) = &self.wrangler {
                    for deployment in &folder.deployments {
                        problems.extend(self.dry_run(wrangler, deployment)?);
                    }
                }
                if problems.is_empty() {
                    let by = if self.wrangler.is_some() {
                        ""
                    } else {
                        "; wrangler's dry run was not held, --wrangler PROGRAM holds it"
                    };
                    let without = folder.elsewhere.len();
                    output.note(&format!(
                        "{} deployments are sound, {without} tenants have none{by}",
                        folder.deployments.len()
                    ));
                }
                problems
            }
            Err(Failure::Config(problems)) => problems,
            Err(other) => return Err(other),
        };
        if self.json {
            let all: Vec<_> = found
                .iter()
                .map(|it| {
                    BTreeMap::from([
                        ("file", it.file.clone()),
                        ("line", it.line.to_string()),
                        ("place", it.place.clone()),
                        ("expected", it.expected.clone()),
                        ("remedy", it.remedy.clone()),
                    ])
                })
                .collect();
            output.result(&serde_json::to_string_pretty(&all).expect("texts are JSON"));
        } else {
            for problem in &found {
                output.result(&problem.to_string());
            }
        }
        if found.is_empty() {
            return Ok(OK);
        }
        output.note(&format!("{} problems", found.len()));
        Ok(USAGE)
    }

    /// What is wrong with tokens, each told once at its profile.
    fn ask(&self, folder: &Folder) -> Result<Vec<Problem>, Failure> {
        let places = self.files.places();
        let name = places.deploy.display().to_string();
        let text = std::fs::read_to_string(&places.deploy).unwrap_or_default();
        let source = Source::parse(&name, &text).map_err(Failure::Config)?;
        let origin = self.files.origin();
        block(async {
            let mut problems = BTreeSet::new();
            for deployment in &folder.deployments {
                let Err((expected, remedy)) = self.token(&origin, deployment).await else { continue };
                let profiles = source.value["profiles"].as_array().into_iter().flatten();
                let at = profiles.into_iter().position(|it| it["name"] == deployment.profile.name.as_str());
                let place = format!("/profiles/{}/token", at.unwrap_or_default());
                problems.insert(source.problem(&place, expected, remedy));
            }
            problems.into_iter().collect()
        })
    }

    async fn token(&self, origin: &Origin, deployment: &Deployment) -> Result<(), (String, String)> {
        let profile = &deployment.profile;
        let token = origin.read(&profile.token).await.map_err(|error| (error.to_string(), error.remedy()))?;
        let api = Api::new(&self.api, &deployment.account.id, token, Patience::default());
        let api = api.map_err(|error| (error.to_string(), "correct --api".to_owned()))?;
        credentials::check(&api, Verb::Apply, deployment).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|it| format!(": {it}")).unwrap_or_default();
            (format!("expected a token that will do: {error}{cause}"), error.remedy().to_owned())
        })
    }

    fn dry_run(&self, wrangler: &PathBuf, deployment: &Deployment) -> Result<Option<Problem>, Failure> {
        let fault = |what: &str, error: std::io::Error| Failure::Fault(format!("{what}: {error}"));
        let build = self.artefact.canonicalize().map_err(|error| fault("expected the built Worker", error))?;
        let folder = std::env::temp_dir().join(format!("plumbline-dry-run-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| fault("expected a folder for the dry run", error))?;
        let file = folder.join("wrangler.json");
        let config = wrangler_config(deployment, &build.display().to_string(), &BTreeMap::new());
        std::fs::write(&file, config.to_string()).map_err(|error| fault("expected to write wrangler.json", error))?;
        let mut command = Command::new(wrangler);
        command.args(["deploy", "--dry-run", "--outdir"]).arg(folder.join("out")).arg("--config").arg(&file);
        command.env("WRANGLER_SEND_METRICS", "false").env("CI", "1").env("NO_COLOR", "1");
        let ran = command.output().map_err(|error| fault("expected wrangler to start", error))?;
        let removed = std::fs::remove_dir_all(&folder);
        removed.map_err(|error| fault("expected to remove the folder of the dry run", error))?;
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        // Its warnings are faults here: a misspelt key and a lost binding are only warnings to wrangler.
        let warned = said.contains("WARNING");
        if ran.status.success() && !warned {
            return Ok(None);
        }
        let text: String =
            said.lines().map(str::trim).filter(|line| !line.is_empty()).take(6).collect::<Vec<_>>().join(" ");
        Ok(Some(Problem {
            file: self.files.tenants.join(&deployment.tenant).join("tenant.yaml").display().to_string(),
            line: 0,
            place: format!("/environments/{}", deployment.environment),
            expected: format!("expected wrangler's dry run to pass: {text}"),
            remedy: "mend what wrangler names; `deploy export` shows the configuration that it was given".to_owned(),
        }))
    }
}

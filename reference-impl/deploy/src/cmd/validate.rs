//! `deploy validate`: everything that is wrong, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Command;

use super::args::Files;
use super::{Failure, OK, Output, USAGE, block};
use crate::api::{Api, BASE_URL, BASE_URL_VARIABLE, Patience};
use crate::apply::chain;
use crate::config::{Deployment, Folder, Problem, Source};
use crate::credentials::{self, TokenError, Verb};
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
        // A token is read once, however many deployments there are: who gives it may ask somebody for it.
        let mut profiles: BTreeMap<&str, Vec<&Deployment>> = BTreeMap::new();
        for deployment in &folder.deployments {
            profiles.entry(&deployment.profile.name).or_default().push(deployment);
        }
        block(async {
            let mut problems = BTreeSet::new();
            for (profile, deployments) in profiles {
                let all = source.value["profiles"].as_array().into_iter().flatten();
                let at = all.into_iter().position(|it| it["name"] == profile);
                let place = format!("/profiles/{}/token", at.unwrap_or_default());
                for (expected, remedy) in self.token(&deployments).await? {
                    problems.insert(source.problem(&place, expected, remedy));
                }
            }
            Ok(problems.into_iter().collect())
        })?
    }

    /// What is wrong with the token of a profile for each of the deployments that have it, and what to do.
    async fn token(&self, deployments: &[&Deployment]) -> Result<Vec<(String, String)>, Failure> {
        let Some(first) = deployments.first() else { return Ok(Vec::new()) };
        let token = match self.files.origin().read(&first.profile.token).await {
            Ok(token) => token,
            Err(error) => return Ok(vec![(chain(&error), error.remedy())]),
        };
        // Who waits for this is at a keyboard, and nothing was begun that would have to be ended.
        let patience = Patience { tries: 2, ..Patience::default() };
        let api = match Api::new(&self.api, &first.account.id, token, patience) {
            Ok(api) => api,
            Err(error) => return Ok(vec![(chain(&error), "correct --api".to_owned())]),
        };
        let mut found = Vec::new();
        for deployment in deployments {
            match credentials::check(&api, Verb::Apply, deployment).await {
                Ok(()) => {}
                Err(TokenError::Api(error)) if error.is_open() => {
                    let remedy = "see that the API can be reached, and ask again";
                    return Err(Failure::Unreachable(format!("--tokens: {}; {remedy}", chain(&error))));
                }
                Err(error) => {
                    let remedy = error.remedy().to_owned();
                    found.push((format!("expected a token that will do: {}", chain(&error)), remedy));
                }
            }
        }
        Ok(found)
    }

    fn dry_run(&self, wrangler: &PathBuf, deployment: &Deployment) -> Result<Option<Problem>, Failure> {
        let fault = |what: &str, error: std::io::Error| Failure::Fault(format!("{what}: {error}"));
        let build = self.artefact.canonicalize().map_err(|error| fault("expected the built Worker", error))?;
        let folder = Scratch::new().map_err(|error| fault("expected a folder for the dry run", error))?;
        let file = folder.0.join("wrangler.json");
        let config = wrangler_config(deployment, &build.display().to_string(), &BTreeMap::new());
        std::fs::write(&file, config.to_string()).map_err(|error| fault("expected to write wrangler.json", error))?;
        let mut command = Command::new(wrangler);
        command.args(["deploy", "--dry-run", "--outdir"]).arg(folder.0.join("out")).arg("--config").arg(&file);
        command.env("WRANGLER_SEND_METRICS", "false").env("CI", "1").env("NO_COLOR", "1");
        let ran = command.output().map_err(|error| {
            let what = format!("expected the program {}, which --wrangler names, to start", wrangler.display());
            fault(&what, error)
        })?;
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

/// A folder of this run's own, which goes with it however it ends.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes one that nobody else could have made before, and that nobody else can look into: it holds the whole configuration.
    fn new() -> std::io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        let folder = std::env::temp_dir().join(format!("plumbline-dry-run-{}", hex::encode(bytes)));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed harms nobody, and the verdict of the dry run counts.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

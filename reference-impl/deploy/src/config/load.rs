//! Reads every file, and puts tenants and environments together once nothing is wrong.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use contract_types::{DeployConfig, DeployEnvironment, PlatformConfig, TenantConfig};
use serde_json::{Value, json};

use super::check;
use super::schema::Schema;
use super::{Deployment, Environment, Problem, Source};
use crate::credentials::Origin;

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folder with `platform.yaml` and the tenants' folders.
    pub tenants: PathBuf,
    /// `deploy.yaml`.
    pub deploy: PathBuf,
}

/// A configuration without a problem.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Every tenant in every environment that it has, by tenant, then by environment.
    pub deployments: Vec<Deployment>,
    /// Tenants that have no environment.
    pub elsewhere: Vec<String>,
}

/// A tenant's file, fit for its schema.
pub(super) struct TenantFile {
    pub(super) source: Source,
    pub(super) config: TenantConfig,
    pub(super) prompts: Vec<Value>,
}

/// All files, each fit for its schema.
pub(super) struct Files {
    pub(super) deploy: Source,
    pub(super) config: DeployConfig,
    pub(super) platform_source: Source,
    pub(super) platform: PlatformConfig,
    pub(super) tenants: Vec<TenantFile>,
    pub(super) jwks: Value,
}

impl TenantFile {
    pub(super) fn environments(&self) -> impl Iterator<Item = (Environment, &DeployEnvironment)> {
        let all = self.config.environments.as_ref();
        Environment::ALL.into_iter().filter_map(move |environment| {
            let all = all?;
            let found = match environment {
                Environment::Dev => &all.dev,
                Environment::Stage => &all.stage,
                Environment::Prod => &all.prod,
            };
            found.as_ref().map(|settings| (environment, settings))
        })
    }
}

/// Reads and checks everything. `today` is a date as `2026-07-01`; `origin` says whether secrets can be had, and never reads one.
///
/// # Errors
///
/// Everything that is wrong, by file and line.
pub fn load(places: &Places, today: &str, origin: &Origin) -> Result<Folder, Vec<Problem>> {
    let mut problems = Vec::new();
    let files = read(places, &mut problems);
    let Some(files) = files else { return Err(sorted(problems)) };
    let mut deployments = Vec::new();
    check::all(&files, today, origin, &mut problems);
    for tenant in &files.tenants {
        for (environment, settings) in tenant.environments() {
            let deployment = deployment(&files, tenant, environment, settings);
            if let Some(deployment) = deployment {
                check::config_text(tenant, &deployment, &mut problems);
                deployments.push(deployment);
            }
        }
    }
    if !problems.is_empty() {
        return Err(sorted(problems));
    }
    let elsewhere = files.tenants.iter().filter(|tenant| tenant.environments().next().is_none());
    Ok(Folder { deployments, elsewhere: elsewhere.map(|tenant| tenant.config.tenant.0.clone()).collect() })
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort();
    problems.dedup();
    problems
}

fn read(places: &Places, problems: &mut Vec<Problem>) -> Option<Files> {
    let deploy = file(&places.deploy, &Schema::named("DeployConfig"), problems);
    let platform = file(&places.tenants.join("platform.yaml"), &Schema::named("PlatformConfig"), problems);
    let schema = Schema::named("TenantConfig");
    let prompt = Schema::named("PromptTemplate");
    let mut tenants = Vec::new();
    for name in folders(&places.tenants, problems) {
        let folder = places.tenants.join(&name);
        let Some(source) = file(&folder.join("tenant.yaml"), &schema, problems) else { continue };
        let mut prompts = Vec::new();
        for path in files_of(&folder.join("prompts")) {
            prompts.extend(file(&path, &prompt, problems).map(|source| source.value));
        }
        if source.value["tenant"] != name.as_str() {
            problems.push(source.problem(
                "/tenant",
                format!("expected the name of the folder, `{name}`, found {}", source.value["tenant"]),
                "rename one of them",
            ));
        }
        let config = serde_json::from_value(source.value.clone()).expect("what fits the schema fits its type");
        tenants.push(TenantFile { source, config, prompts });
    }
    let (deploy, platform_source) = (deploy?, platform?);
    let config: DeployConfig =
        serde_json::from_value(deploy.value.clone()).expect("what fits the schema fits its type");
    let platform: PlatformConfig =
        serde_json::from_value(platform_source.value.clone()).expect("what fits the schema fits its type");
    let jwks = jwks(places, &deploy, &config, &platform_source, &platform, problems);
    Some(Files { deploy, config, platform_source, platform, tenants, jwks })
}

/// The keys of tokens, which a Worker carries along.
fn jwks(
    places: &Places,
    deploy: &Source,
    config: &DeployConfig,
    platform_source: &Source,
    platform: &PlatformConfig,
    problems: &mut Vec<Problem>,
) -> Value {
    let (source, settings, base) = match &config.jwks {
        Some(settings) => (deploy, settings, places.deploy.parent().unwrap_or(Path::new("."))),
        None => (platform_source, &platform.jwks, places.tenants.as_path()),
    };
    let Some(name) = &settings.file else {
        problems.push(source.problem(
            "/jwks",
            "expected a file with keys: a Worker carries them along and takes neither a URL nor the published ones",
            "name a JWKS file in `jwks: {file: …}` of deploy.yaml",
        ));
        return Value::Null;
    };
    let path = base.join(name);
    let text = fs::read_to_string(&path).map_err(|error| error.to_string());
    let parsed = text.and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()));
    match parsed {
        Ok(value) if value["keys"].as_array().is_some_and(|keys| !keys.is_empty()) => value,
        Ok(_) => {
            problems.push(source.problem(
                "/jwks/file",
                format!("expected a JWKS with keys in {}", path.display()),
                "put keys there",
            ));
            Value::Null
        }
        Err(error) => {
            let expected = format!("expected a readable JWKS file {}: {error}", path.display());
            problems.push(source.problem("/jwks/file", expected, "correct the name, or write the file"));
            Value::Null
        }
    }
}

fn file(path: &Path, schema: &Schema, problems: &mut Vec<Problem>) -> Option<Source> {
    let name = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let expected = format!("expected a readable file: {error}");
            let remedy = "write the file, or name the right folder by --tenants and --config".to_owned();
            problems.push(Problem { file: name, line: 0, place: String::new(), expected, remedy });
            return None;
        }
    };
    let source = match Source::parse(&name, &text) {
        Ok(source) => source,
        Err(found) => {
            problems.extend(found);
            return None;
        }
    };
    let found = schema.check(&source);
    let fits = found.is_empty();
    problems.extend(found);
    fits.then_some(source)
}

fn folders(tenants: &Path, problems: &mut Vec<Problem>) -> Vec<String> {
    let read = fs::read_dir(tenants);
    if let Err(error) = &read {
        problems.push(Problem {
            file: tenants.display().to_string(),
            line: 0,
            place: String::new(),
            expected: format!("expected a readable folder: {error}"),
            remedy: "name the folder of tenants by --tenants".to_owned(),
        });
    }
    let entries = read.into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Puts one together; `None` where what it refers to is missing, which the checks tell.
fn deployment(
    files: &Files,
    tenant: &TenantFile,
    environment: Environment,
    settings: &DeployEnvironment,
) -> Option<Deployment> {
    let profile = files.config.profiles.iter().find(|profile| profile.name == settings.profile)?;
    let account = files.config.accounts.iter().find(|account| account.name == profile.account)?;
    Some(Deployment {
        tenant: tenant.config.tenant.0.clone(),
        environment,
        settings: settings.clone(),
        account: account.clone(),
        profile: profile.clone(),
        hostnames: settings.hostnames.clone().or_else(|| tenant.config.hostnames.clone()).unwrap_or_default(),
        migrations: files.config.migrations.clone(),
        config_text: config_text(files, tenant, settings),
        gate_target: files.config.gate_target.clone().unwrap_or_else(|| "staging".to_owned()),
    })
}

/// The binding CONFIG as the Worker reads it. Published demo keys stay behind, and so do model providers that the tenant does not name.
fn config_text(files: &Files, tenant: &TenantFile, settings: &DeployEnvironment) -> String {
    let mut platform = files.platform_source.value.clone();
    let named = tenant.source.value["models"].to_string();
    if let Some(providers) = platform.get_mut("model_providers").and_then(Value::as_array_mut) {
        providers.retain(|provider| named.contains(&provider["id"].to_string()));
        if providers.is_empty() {
            platform.as_object_mut().expect("a platform is a map").remove("model_providers");
        }
    }
    platform["jwks"] = json!({"file": "jwks.json"});
    let mut own = tenant.source.value.clone();
    let fields = own.as_object_mut().expect("a tenant is a map");
    fields.remove("environments");
    if let Some(keys) = fields.get_mut("credentials").and_then(Value::as_array_mut) {
        keys.retain(|key| key["demo"] != true);
    }
    for (name, laid_over) in [("hostnames", &settings.hostnames), ("cors_origins", &settings.cors_origins)] {
        if let Some(list) = laid_over {
            fields.insert(name.to_owned(), json!(list));
        }
    }
    let mut text = json!({"platform": platform, "tenants": [own], "jwks": files.jwks, "demo": false});
    if !tenant.prompts.is_empty() {
        text["prompts"] = json!(BTreeMap::from([(&tenant.config.tenant.0, &tenant.prompts)]));
    }
    text.to_string()
}

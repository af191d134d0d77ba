//! Reads the whole folder.

use std::fs;
use std::path::{Path, PathBuf};

use reference_core::tenancy::{TenantId, TenantSettings};

use super::tenant::{self, Models};
use super::{ConfigError, DemoFiles, Platform, Problem, platform, prompts, provider, too_like};

const PLATFORM_FILE: &str = "platform.yaml";
const TENANT_FILE: &str = "tenant.yaml";

/// A folder without a problem.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What holds for every tenant.
    pub platform: Platform,
    /// Every tenant, by id.
    pub tenants: Vec<TenantSettings>,
}

/// Reads `platform.yaml` and every `<tenant>/tenant.yaml` below `folder`.
///
/// - `models`: what tenants may choose from beside the providers of `platform.yaml`.
/// - `demo`: where the published credentials lie; `None` refuses them.
///
/// # Errors
///
/// [`ConfigError`] with every problem of every file. What cannot be judged without a readable `platform.yaml` is told once
/// that file is right.
pub fn load(folder: &Path, models: &Models, demo: Option<&DemoFiles>) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let platform_file = folder.join(PLATFORM_FILE);
    let platform = read(&platform_file).map_err(|problem| vec![problem]);
    let platform = platform.and_then(|text| platform::parse(folder, &name(&platform_file), &text, demo));
    let platform = platform.map_err(|found| problems.extend(found)).ok();
    if let Some(platform) = &platform {
        let (file, providers) = (name(&platform_file), &platform.model_providers);
        problems.extend(provider::taken_ids(&file, providers, models));
        problems.extend(provider::unknown_speakers(&file, &platform.speech_providers, providers));
    }
    let ids = tenant_folders(folder).map_err(|problem| problems.push(problem)).unwrap_or_default();
    if ids.is_empty() && problems.is_empty() {
        problems.push(Problem::new(name(folder), "", format!("expected a folder `<tenant>` with a {TENANT_FILE}")));
    }
    let mut tenants: Vec<TenantSettings> = Vec::new();
    for id in ids {
        let file = folder.join(&id).join(TENANT_FILE);
        let models = platform.as_ref().map_or_else(|| models.clone(), |it| models.with(&it.model_providers));
        let parsed = match (read(&file), &platform) {
            (Err(problem), _) => Err(vec![problem]),
            (Ok(text), Some(platform)) => prompts::load(&folder.join(&id))
                .and_then(|templates| tenant::parse(&name(&file), &id, &text, &templates, platform, &models)),
            (Ok(text), None) => Err(tenant::shape(&name(&file), &text)),
        };
        match parsed {
            Ok(settings) => {
                problems.extend(clashes(&name(&file), &settings, &tenants));
                tenants.push(settings);
            }
            Err(found) => problems.extend(found),
        }
    }
    match platform {
        Some(platform) if problems.is_empty() => Ok(Loaded { platform, tenants }),
        Some(_) | None => Err(ConfigError::new(problems)),
    }
}

/// What one tenant may not share with another.
fn clashes(file: &str, settings: &TenantSettings, others: &[TenantSettings]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for other in others {
        if too_like(&settings.tenant, &other.tenant) {
            let expected = format!("expected an id that nobody takes for `{}`", other.tenant);
            problems.push(Problem::new(file, "/tenant", expected));
        }
        for (at, hostname) in settings.hostnames.iter().enumerate() {
            if other.hostnames.contains(hostname) {
                let expected = format!("expected a host name of this tenant alone; `{}` has it too", other.tenant);
                problems.push(Problem::new(file, format!("/hostnames/{at}"), expected));
            }
        }
    }
    problems
}

/// Names of the folders, in order. Files beside them and hidden folders are passed over; a folder that is no tenant's is a
/// problem, since a misspelt tenant would otherwise be missing without a word.
fn tenant_folders(folder: &Path) -> Result<Vec<String>, Problem> {
    let problem = |expected: String| Problem::new(name(folder), "", expected);
    let unreadable = |error: std::io::Error| problem(format!("expected a readable folder: {error}"));
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !id.starts_with('.') {
            TenantId::parse(&id).map_err(|error| Problem::new(name(&path), "", error.to_string()))?;
            ids.push(id);
        }
    }
    ids.sort();
    Ok(ids)
}

fn read(path: &PathBuf) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|error| Problem::new(name(path), "", format!("expected a readable file: {error}")))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;

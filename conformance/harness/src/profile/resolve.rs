//! What a profile takes from outside its file: environment variables, credential files and commands, fixture keys.

use std::{fs, path::Path, process::Command};

use contract_types::{TargetCredential, TokenKey as ProfileKey, TokenProfile};
use fixtures::Fixtures;

use super::{Problem, Profile, ProfileError, Resolved};
use crate::{
    credential::{Credential, Secret},
    token::{TokenKey, TokenMaker},
};

/// Environment variable; when it is `1`, fixture keys of the same tenant and name stand in for unset credential variables.
pub(crate) const DEMO_KEYS: &str = "PLUMBLINE_DEMO_KEYS";

/// Where a profile's values come from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Root of the project: credential files and commands are relative to it.
    pub root: &'a Path,
    /// The fixtures, for demo keys.
    pub fixtures: &'a Fixtures,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Puts variables in and fetches credentials.
///
/// # Errors
///
/// [`ProfileError::Invalid`] with everything that is missing.
pub fn resolve(profile: &Profile, sources: Sources<'_>) -> Result<Resolved, ProfileError> {
    let mut problems = Vec::new();
    let mut spec = profile.spec.clone();
    let mut fill = |pointer: &str, text: &mut String| match expand(text, sources.variable) {
        Ok(filled) => *text = filled,
        Err(message) => problems.push(Problem { pointer: pointer.to_owned(), message }),
    };
    if let Some(base) = &mut spec.base_url {
        fill("/base_url", base);
        *base = base.trim_end_matches('/').to_owned();
    }
    if let Some(control) = &mut spec.control {
        fill("/control", control);
    }
    for (name, value) in spec.headers.iter_mut().flatten() {
        if let serde_json::Value::String(text) = value {
            fill(&format!("/headers/{name}"), text);
        }
    }
    if let Some(start) = &mut spec.start {
        for (index, argument) in start.run.iter_mut().enumerate() {
            fill(&format!("/start/run/{index}"), argument);
        }
    }
    let mut credentials = Vec::new();
    for (index, entry) in spec.credentials.iter().enumerate() {
        match fetch(entry, sources) {
            Ok(secret) => credentials.push(Credential {
                tenant: entry.tenant.to_string(),
                name: entry.name.clone(),
                scopes: entry.scopes.clone(),
                secret: Secret::new(secret),
            }),
            Err(message) => problems.push(Problem { pointer: format!("/credentials/{index}"), message }),
        }
    }
    let mut keys = Vec::new();
    for (index, entry) in spec.tokens.iter().flat_map(|tokens| &tokens.keys).enumerate() {
        let read = pem(entry, sources).and_then(|pem| {
            let kid = &entry.kid;
            TokenKey::read(kid, entry.algorithm.as_str(), &pem).map_err(|error| format!("token key `{kid}` {error}"))
        });
        match read {
            Ok(key) => keys.push(key),
            Err(message) => problems.push(Problem { pointer: format!("/tokens/keys/{index}"), message }),
        }
    }
    if problems.is_empty() {
        let maker = |tokens: &TokenProfile| TokenMaker {
            issuer: tokens.issuer.clone(),
            audience: tokens.audience.clone(),
            keys: keys.clone(),
        };
        let tokens = spec.tokens.as_ref().map(maker);
        Ok(Resolved { spec, file: profile.file.clone(), credentials, tokens })
    } else {
        Err(ProfileError::Invalid { file: profile.file.clone(), problems })
    }
}

/// `text` with every `${NAME}` replaced.
fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("`{text}` has a `${{` without its `}}`"))?;
        let value = variable(name).filter(|value| !value.is_empty());
        out.push_str(before);
        out.push_str(
            &value.ok_or_else(|| format!("the environment variable {name} is not set; set it to the address"))?,
        );
        rest = after;
    }
    Ok(out + rest)
}

fn fetch(entry: &TargetCredential, sources: Sources<'_>) -> Result<String, String> {
    let name = format!("credential `{}` of `{}`", entry.name, entry.tenant);
    let found = if let Some(variable) = &entry.env {
        let demo = (sources.variable)(DEMO_KEYS).is_some_and(|value| value == "1");
        let fallback = || sources.fixtures.key(&entry.tenant, &entry.name).filter(|_| demo).map(|key| key.key.clone());
        (sources.variable)(variable).filter(|value| !value.is_empty()).or_else(fallback).ok_or_else(|| {
            format!(
                "{name}: the environment variable {variable} is not set; set it, or {DEMO_KEYS}=1 for the fixture key"
            )
        })?
    } else if let Some(file) = &entry.file {
        of_file(&name, file, sources)?
    } else if let Some(command) = &entry.command {
        of_command(&name, command, sources)?
    } else {
        let demo = entry.demo_key.as_deref().and_then(|demo| demo.split_once('/'));
        let (tenant, key) = demo.ok_or_else(|| format!("{name}: no source"))?;
        let found = sources.fixtures.key(tenant, key);
        found.map(|key| key.key.clone()).ok_or_else(|| format!("{name}: the fixtures have no key `{tenant}/{key}`"))?
    };
    let line = found.lines().next().unwrap_or_default().trim();
    if line.is_empty() { Err(format!("{name}: its source is empty")) } else { Ok(line.to_owned()) }
}

fn of_file(name: &str, file: &str, sources: Sources<'_>) -> Result<String, String> {
    fs::read_to_string(sources.root.join(file)).map_err(|cause| format!("{name}: {file} cannot be read: {cause}"))
}

fn of_command(name: &str, command: &[String], sources: Sources<'_>) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or_else(|| format!("{name}: the command is empty"))?;
    let run = Command::new(program).args(arguments).current_dir(sources.root).output();
    let output = run.map_err(|cause| format!("{name}: `{program}` cannot be run: {cause}"))?;
    if !output.status.success() {
        return Err(format!("{name}: `{program}` ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name}: `{program}` printed no UTF-8"))
}

/// The text of a token key.
fn pem(entry: &ProfileKey, sources: Sources<'_>) -> Result<String, String> {
    let name = format!("token key `{}`", entry.kid);
    match (&entry.env, &entry.file, &entry.command, entry.demo) {
        (Some(variable), None, None, None) => (sources.variable)(variable)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("{name}: the environment variable {variable} is not set; set it to the key in PEM")),
        (None, Some(file), None, None) => of_file(&name, file, sources),
        (None, None, Some(command), None) => of_command(&name, command, sources),
        (None, None, None, Some(true)) => {
            let found = sources.fixtures.signing_keys().iter().find(|key| key.kid == entry.kid);
            let missing = || format!("{name}: the fixtures have no signing key of this kid");
            found.map(|key| key.pem.clone()).ok_or_else(missing)
        }
        _ => Err(format!("{name}: expected exactly one of env, file, command and demo: true")),
    }
}

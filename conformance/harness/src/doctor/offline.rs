//! What can be said of a profile without asking its target.

use std::path::Path;

use contract_types::TargetProfile;
use fixtures::Fixtures;
use http::Uri;

use super::{Finding, Grade};
use crate::{
    profile::{self, Profile, ProfileError, Resolved, Sources},
    record,
};

/// Credentials that kinds of cases need, each with what is not applicable without it.
const KINDS: [(&str, &str); 4] = [
    ("none", "cases of a missing scope"),
    ("search-only", "cases of a credential that may search and nothing else"),
    ("revoked", "cases of a revoked credential"),
    ("expired", "cases of an expired credential"),
];

/// Checks `profile`: its values from outside, its address, its tenants, credentials and known failures. The profile with its
/// values put in comes back where it can be used.
pub fn examine(
    profile: &Profile,
    fixtures: &Fixtures,
    variable: &dyn Fn(&str) -> Option<String>,
) -> (Vec<Finding>, Option<Resolved>) {
    let base = profile.base();
    let mut found = vec![Finding::ok(format!("{} fits its schema", profile.file.display()))];
    let resolved = match profile::resolve(profile, Sources { root: &base, fixtures, variable }) {
        Ok(resolved) => {
            found.extend(sources(&profile.spec, &[], variable));
            Some(resolved)
        }
        Err(ProfileError::Invalid { problems, .. }) => {
            let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
            found.extend(sources(&profile.spec, &pointers, variable));
            found.extend(problems.iter().map(|problem| {
                let remedy = format!("see {} of {}", problem.pointer, profile.file.display());
                Finding::new(Grade::Profile, problem.message.clone(), remedy)
            }));
            None
        }
        Err(error) => {
            found.push(Finding::new(Grade::Profile, error.to_string(), "mend the file"));
            None
        }
    };
    let spec = resolved.as_ref().map_or(&profile.spec, |resolved| &resolved.spec);
    if resolved.is_some() {
        found.extend(spec.base_url.as_deref().map(address));
    }
    found.extend(tenants(spec));
    found.extend(kinds(spec));
    found.extend(known_failures(spec, &record::today()));
    found.extend(demo(spec, variable));
    (found, resolved)
}

/// Each source of a value, by its name and never its value, but those at `faulty` pointers.
fn sources(spec: &TargetProfile, faulty: &[&str], variable: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let mut found = Vec::new();
    for (place, text) in [("base_url", &spec.base_url), ("control", &spec.control)] {
        let named = text.as_deref().and_then(|text| text.split_once("${")?.1.split_once('}')).map(|(name, _)| name);
        if let Some(name) = named.filter(|name| set(name)) {
            found.push(Finding::ok(format!("{place} comes from ${name}, which is set")));
        }
    }
    for (index, entry) in spec.credentials.iter().enumerate() {
        if faulty.contains(&format!("/credentials/{index}").as_str()) {
            continue;
        }
        let source = match (&entry.env, &entry.file, &entry.command) {
            (Some(name), _, _) if set(name) => format!("${name}"),
            (Some(name), _, _) => format!("the fixtures, for ${name} is not set"),
            (None, Some(file), _) => format!("the file {file}"),
            (None, None, Some(command)) => format!("the command {}", command.first().map_or("", String::as_str)),
            (None, None, None) => format!("the demo key {}", entry.demo_key.as_deref().unwrap_or_default()),
        };
        found.push(Finding::ok(format!("credential `{}` of `{}` comes from {source}", entry.name, entry.tenant.0)));
    }
    found
}

/// What is to be said of an address.
pub(super) fn address(base: &str) -> Finding {
    let wrong = |what: &str, remedy: &str| Finding::new(Grade::Profile, format!("base_url {what}"), remedy);
    let uri: Uri = match base.parse() {
        Ok(uri) => uri,
        Err(error) => return wrong(&format!("is no address: {error}"), "write something like https://api.example.com"),
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return wrong("holds a user name or password", "take it out and list a credential instead");
    }
    if uri.query().is_some() {
        return wrong("has a query", "leave only the part before the `?`: paths are put behind it");
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let near = host == "localhost" || host == "::1" || host.starts_with("127.");
    match uri.scheme_str() {
        Some("https") => Finding::ok(format!("base_url is {base}")),
        Some("http") if near => Finding::ok(format!("base_url is {base}, on this machine")),
        Some("http") => {
            let what = format!("credentials travel to {host} in clear text");
            Finding::new(Grade::Warning, what, "use https:// where the network is not yours")
        }
        _ => wrong("is neither http nor https", "write something like https://api.example.com"),
    }
}

fn tenants(spec: &TargetProfile) -> Vec<Finding> {
    match spec.tenants.len() {
        0 => vec![Finding::new(Grade::Profile, "no tenant is listed", "list at least one under `tenants`")],
        1 => vec![Finding::new(
            Grade::Warning,
            "one tenant is listed: the isolation matrix and every case of two tenants are not applicable",
            "list a second tenant with a credential",
        )],
        many => vec![Finding::ok(format!("{many} tenants are listed"))],
    }
}

/// Credentials that kinds of cases need, of the main tenant and the one that generated requests go to.
fn kinds(spec: &TargetProfile) -> Vec<Finding> {
    let main = spec.tenants.first();
    let mut asked: Vec<_> = main.into_iter().chain(&spec.bench).collect();
    asked.dedup();
    let mut found = Vec::new();
    for tenant in asked {
        let has = |name: &str| spec.credentials.iter().any(|entry| entry.tenant == *tenant && entry.name == name);
        let missing = KINDS.iter().filter(|(name, _)| !has(name));
        found.extend(missing.map(|(name, cases)| {
            let what = format!("`{}` has no credential called `{name}`: {cases} are not applicable", tenant.0);
            Finding::new(Grade::Warning, what, format!("list one called `{name}` where the deployment can make it"))
        }));
    }
    found
}

pub(super) fn known_failures(spec: &TargetProfile, today: &str) -> Vec<Finding> {
    let known = spec.known_failures.iter().flatten();
    let expired = known.filter(|entry| entry.expires.as_str() < today);
    let finding = |entry: &contract_types::KnownFailure| {
        let what = format!("the known failure `{}` expired on {}", entry.case, entry.expires);
        Finding::new(Grade::Fails, what, "mend it or argue it anew with a later date")
    };
    expired.map(finding).collect()
}

/// Published keys that go to a deployment elsewhere.
fn demo(spec: &TargetProfile, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let stands_in = variable(profile::DEMO_KEYS).is_some_and(|value| value == "1");
    let demo = |entry: &&contract_types::TargetCredential| {
        entry.demo_key.is_some() || entry.env.as_deref().is_some_and(|name| stands_in && !set(name))
    };
    let used = spec.credentials.iter().filter(demo).count();
    if used == 0 || spec.start.is_some() {
        return Vec::new();
    }
    let what = format!("{used} credentials are published demo keys of the fixtures");
    vec![Finding::new(Grade::Warning, what, "never let a deployment that others can reach accept them")]
}

/// Whether the folder of run records can be written to, or made where it is not there yet. Nothing stays behind.
pub fn output_folder(folder: &Path) -> Finding {
    let parts = folder.ancestors().filter(|part| part.exists());
    // A relative folder that is not there is made in the working folder.
    let there = parts.map(Path::to_path_buf).next().unwrap_or_else(|| ".".into());
    match tempfile::NamedTempFile::new_in(there) {
        Ok(_) => Finding::ok(format!("run records can be written to {}", folder.display())),
        Err(cause) => {
            let what = format!("run records cannot be written to {}: {cause}", folder.display());
            Finding::new(Grade::Fails, what, "name another folder with `--out`")
        }
    }
}

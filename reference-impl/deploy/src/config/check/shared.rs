//! What belongs to one tenant and environment alone, and what all environments of a tenant have.

use std::collections::BTreeMap;

use crate::config::load::{Files, TenantFile};
use crate::config::{Environment, Problem, needs::kind_name};

/// An environment that lost what another one of its tenant has.
pub(super) fn lost(tenant: &TenantFile, problems: &mut Vec<Problem>) {
    let mut all: BTreeMap<(&str, &str), Environment> = BTreeMap::new();
    for (environment, settings) in tenant.environments() {
        for binding in &settings.bindings {
            all.insert((kind_name(binding.kind), &binding.name), environment);
        }
        for secret in settings.secrets.iter().flatten() {
            all.insert(("secret", &secret.name), environment);
        }
        for name in settings.vars.iter().flat_map(|vars| vars.keys()) {
            all.insert(("plain setting", name), environment);
        }
    }
    for (environment, settings) in tenant.environments() {
        for ((kind, name), other) in &all {
            let has = match *kind {
                "secret" => settings.secrets.iter().flatten().any(|it| it.name == *name),
                "plain setting" => settings.vars.iter().any(|vars| vars.contains_key(*name)),
                kind => settings.bindings.iter().any(|it| it.name == *name && kind_name(it.kind) == kind),
            };
            if !has {
                problems.push(tenant.source.problem(
                    &format!("/environments/{environment}"),
                    format!("expected the {kind} `{name}`, which {other} has"),
                    "add it here, or take it out there: environments differ in values and not in what there is",
                ));
            }
        }
    }
}

/// Workers, resources, routes and host names, each for one tenant and environment alone.
pub(super) fn across(files: &Files, problems: &mut Vec<Problem>) {
    let mut owners: BTreeMap<String, (String, String)> = BTreeMap::new();
    for tenant in &files.tenants {
        for (environment, settings) in tenant.environments() {
            let place = format!("/environments/{environment}");
            let profile = files.config.profiles.iter().find(|profile| profile.name == settings.profile);
            let account = profile.map_or("", |profile| profile.account.as_str());
            let owner = format!("{} in {environment}", tenant.config.tenant.0);
            let mut own = |what: String, at: String| {
                let here = format!("{place}/{at}");
                let at = || format!("{}:{}", tenant.source.file, tenant.source.line(&here));
                let (first, there) = owners.entry(what.clone()).or_insert_with(|| (owner.clone(), at())).clone();
                if first != owner {
                    problems.push(tenant.source.problem(
                        &here,
                        format!("expected a {what} that nobody else has, but it is of {first} ({there})"),
                        "give it a name of its own",
                    ));
                }
            };
            own(format!("Worker `{}` of account {account}", settings.worker), "worker".to_owned());
            for (at, binding) in settings.bindings.iter().enumerate() {
                if let Some(resource) = &binding.resource {
                    own(
                        format!("{} `{resource}` of account {account}", kind_name(binding.kind)),
                        format!("bindings/{at}/resource"),
                    );
                }
            }
            for (at, route) in settings.routes.iter().flatten().enumerate() {
                own(format!("route {}", route.pattern), format!("routes/{at}/pattern"));
            }
            for (at, secret) in settings.secrets.iter().flatten().enumerate() {
                let here = |field: &str| format!("secrets/{at}/source/{field}");
                if let Some(variable) = &secret.source.env {
                    own(format!("variable {variable}"), here("env"));
                }
                if let Some(file) = &secret.source.file {
                    own(format!("file {file}"), here("file"));
                }
                if let Some(command) = &secret.source.command {
                    own(format!("command `{}`", command.join(" ")), here("command"));
                }
            }
        }
        for binding_twice in twice(tenant) {
            problems.push(binding_twice);
        }
    }
    hosts(files, problems);
}

/// Host names. An environment without its own has the tenant's, so that what two tenants say of themselves is held against each other too:
/// routes of one host name may differ in their paths.
fn hosts(files: &Files, problems: &mut Vec<Problem>) {
    let mut owners: BTreeMap<&str, (&str, Option<Environment>, String)> = BTreeMap::new();
    for tenant in &files.tenants {
        let id = tenant.config.tenant.0.as_str();
        for (environment, settings) in tenant.environments() {
            let (names, own, place) = match &settings.hostnames {
                Some(names) => (Some(names), Some(environment), format!("/environments/{environment}/hostnames")),
                None => (tenant.config.hostnames.as_ref(), None, "/hostnames".to_owned()),
            };
            for (at, name) in names.into_iter().flatten().enumerate() {
                let here = format!("{place}/{at}");
                let line = || format!("{}:{}", tenant.source.file, tenant.source.line(&here));
                let (first, theirs, there) = owners.entry(name).or_insert_with(|| (id, own, line()));
                // What environments share because neither says anything else is one thing.
                if *first == id && (*theirs == own || own.is_none() || theirs.is_none()) {
                    continue;
                }
                let of = theirs.map_or_else(|| (*first).to_owned(), |theirs| format!("{first} in {theirs}"));
                problems.push(tenant.source.problem(
                    &here,
                    format!("expected a host name {name} that nobody else has, but it is of {of} ({there})"),
                    "give it a name of its own",
                ));
            }
        }
    }
}

/// Two bindings of one environment to one resource.
fn twice(tenant: &TenantFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (environment, settings) in tenant.environments() {
        let mut seen = BTreeMap::new();
        for (at, binding) in settings.bindings.iter().enumerate() {
            let Some(resource) = &binding.resource else { continue };
            if let Some(first) = seen.insert((kind_name(binding.kind), resource), &binding.name) {
                problems.push(tenant.source.problem(
                    &format!("/environments/{environment}/bindings/{at}/resource"),
                    format!("expected a resource that no other binding has, but `{resource}` is that of `{first}`"),
                    "give it a resource of its own, or take it out",
                ));
            }
        }
    }
    problems
}

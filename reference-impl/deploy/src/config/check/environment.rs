//! One environment of one tenant.

use contract_types::DeployEnvironment;

use super::{binding, once, secret};
use crate::config::load::{Files, TenantFile};
use crate::config::{NEEDS, Problem, cron, models, needs::kind_name};
use crate::credentials::Origin;
use crate::live::lies_in;

/// Name that the tool itself gives.
const CONFIG: &str = "CONFIG";

pub(super) fn check(
    files: &Files,
    tenant: &TenantFile,
    place: &str,
    settings: &DeployEnvironment,
    today: &str,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) {
    let source = &tenant.source;
    if !files.config.profiles.iter().any(|profile| profile.name == settings.profile) {
        problems.push(source.problem(
            &format!("{place}/profile"),
            format!("expected the name of a profile, found `{}`", settings.profile),
            "name one of `profiles` in deploy.yaml, or add it there",
        ));
    }
    if settings.compatibility_date.as_str() > today {
        problems.push(source.problem(
            &format!("{place}/compatibility_date"),
            format!("expected a date up to today, {today}, found {}", settings.compatibility_date),
            "write today's date or an earlier one",
        ));
    }
    names(tenant, place, settings, problems);
    for (at, one) in settings.bindings.iter().enumerate() {
        binding::check(files, tenant, &format!("{place}/bindings/{at}"), one, problems);
    }
    for (at, one) in settings.secrets.iter().flatten().enumerate() {
        secret(source, &format!("{place}/secrets/{at}/source"), &one.source, origin, problems);
    }
    met(files, tenant, place, settings, problems);
    routes(tenant, place, settings, problems);
    for (at, schedule) in settings.schedules.iter().flatten().enumerate() {
        if let Some(fault) = cron::fault(schedule) {
            problems.push(source.problem(
                &format!("{place}/schedules/{at}"),
                fault,
                "write a time as cron has it, in UTC",
            ));
        }
    }
}

/// Bindings, secrets and plain settings share one space of names.
fn names(tenant: &TenantFile, place: &str, settings: &DeployEnvironment, problems: &mut Vec<Problem>) {
    let source = &tenant.source;
    once(source, &format!("{place}/bindings"), "name", settings.bindings.iter().map(|it| it.name.as_str()), problems);
    once(
        source,
        &format!("{place}/secrets"),
        "name",
        settings.secrets.iter().flatten().map(|it| it.name.as_str()),
        problems,
    );
    let bindings = settings.bindings.iter().map(|it| it.name.as_str());
    let secrets: Vec<&str> = settings.secrets.iter().flatten().map(|it| it.name.as_str()).collect();
    let vars: Vec<&str> = settings.vars.iter().flat_map(|vars| vars.keys()).map(String::as_str).collect();
    let mut twice = |at: String, name: &str, as_what: &str| {
        problems.push(source.problem(
            &at,
            format!("expected a name that no {as_what} has, found `{name}`"),
            "rename one of them, or take it out",
        ));
    };
    for (at, name) in bindings.enumerate() {
        let here = format!("{place}/bindings/{at}/name");
        if secrets.contains(&name) {
            twice(here.clone(), name, "secret");
        }
        if vars.contains(&name) {
            twice(here.clone(), name, "plain setting");
        }
        if name == CONFIG {
            twice(here, name, "binding of the tool's own");
        }
    }
    for (at, name) in secrets.iter().enumerate() {
        if vars.contains(name) {
            twice(format!("{place}/secrets/{at}/name"), name, "plain setting");
        }
        if *name == CONFIG {
            twice(format!("{place}/secrets/{at}/name"), name, "binding of the tool's own");
        }
    }
    for name in &vars {
        if *name == CONFIG {
            twice(format!("{place}/vars/{name}"), name, "binding of the tool's own");
        }
    }
    for name in vars {
        let here = format!("{place}/vars/{name}");
        if !is_name(name) {
            problems.push(source.problem(
                &here,
                format!("expected a name in capital letters, digits and `_`, found `{name}`"),
                "rename it",
            ));
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_')
}

/// What the tenant's features and models need.
fn met(files: &Files, tenant: &TenantFile, place: &str, settings: &DeployEnvironment, problems: &mut Vec<Problem>) {
    let source = &tenant.source;
    for need in NEEDS.iter().filter(|need| need.applies(&tenant.config)) {
        match need.kind {
            Some(kind) if !need.met_by(&settings.bindings) => problems.push(source.problem(
                &format!("{place}/bindings"),
                format!("expected the binding `{}` of kind {}: {}", need.name, kind_name(kind), need.because),
                format!("add `{{name: {}, kind: {}, …}}`, or take out what needs it", need.name, kind_name(kind)),
            )),
            None if !settings.secrets.iter().flatten().any(|secret| secret.name == need.name) => {
                problems.push(source.problem(
                    &format!("{place}/secrets"),
                    format!("expected the secret `{}`: {}", need.name, need.because),
                    format!("add `{{name: {}, source: {{env: …}}}}`", need.name),
                ));
            }
            Some(_) | None => {}
        }
    }
    let model = &tenant.config.models.embedding.0;
    let behind_url = files.platform.model_providers.iter().flatten().any(|provider| provider.id.0 == *model);
    if !behind_url && !model.starts_with("@cf/") && model != "hashed-lexical-v1" {
        let known = models::dimensions(model, &files.platform).is_some();
        let why = if known { "runs on a server of one's own alone" } else { "is not known" };
        problems.push(source.problem(
            "/models/embedding",
            format!("expected an embedding model that a Worker has, found {model}, which {why}"),
            "name hashed-lexical-v1, a model of Workers AI or one of platform.yaml, or take out `environments`",
        ));
    }
}

fn routes(tenant: &TenantFile, place: &str, settings: &DeployEnvironment, problems: &mut Vec<Problem>) {
    let source = &tenant.source;
    let hostnames = settings.hostnames.as_ref().or(tenant.config.hostnames.as_ref());
    for (at, route) in settings.routes.iter().flatten().enumerate() {
        let here = format!("{place}/routes/{at}");
        let host = route.pattern.split('/').next().unwrap_or_default();
        if !lies_in(host, &route.zone) {
            problems.push(source.problem(
                &format!("{here}/zone"),
                format!("expected the zone that {host} lies in, found {}", route.zone),
                "correct one of them",
            ));
        }
        if !hostnames.is_some_and(|names| names.iter().any(|name| name == host)) {
            problems.push(source.problem(
                &format!("{here}/pattern"),
                format!("expected one of the environment's hostnames, found {host}"),
                format!("add {host} to `hostnames` of the environment, or correct the route"),
            ));
        }
    }
    if settings.routes.iter().flatten().next().is_none() && settings.smoke_url.is_none() {
        problems.push(source.problem(
            place,
            "expected a route or a smoke_url: a new version could not be tried",
            "add one of them",
        ));
    }
}

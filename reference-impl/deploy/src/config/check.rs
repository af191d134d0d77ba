//! What no schema can say: that names are known and used once, that nothing is shared, missing or lost.

mod binding;
mod environment;
mod shared;

use std::collections::BTreeMap;

use contract_types::SecretSource;

use super::load::{Files, TenantFile};
use super::{Deployment, Problem, Source, VAR_BYTES};
use crate::credentials::Origin;

/// Checks everything that fits its schema.
pub(super) fn all(files: &Files, today: &str, origin: &Origin, problems: &mut Vec<Problem>) {
    deploy_file(files, origin, problems);
    for tenant in &files.tenants {
        let names = tenant.config.credentials.iter().map(|key| key.name.as_str());
        once(&tenant.source, "/credentials", "name", names, problems);
        for (environment, settings) in tenant.environments() {
            let place = format!("/environments/{environment}");
            environment::check(files, tenant, &place, settings, today, origin, problems);
        }
        shared::lost(tenant, problems);
    }
    shared::across(files, problems);
}

/// CONFIG must fit into one setting.
pub(super) fn config_text(tenant: &TenantFile, deployment: &Deployment, problems: &mut Vec<Problem>) {
    let bytes = deployment.config_text.len();
    if bytes > VAR_BYTES {
        problems.push(tenant.source.problem(
            &format!("/environments/{}", deployment.environment),
            format!("expected a configuration that fits into the binding CONFIG, {VAR_BYTES} bytes, found {bytes}"),
            "take out credentials that are revoked, limits that equal the platform's, and prompts that are not used",
        ));
    }
}

fn deploy_file(files: &Files, origin: &Origin, problems: &mut Vec<Problem>) {
    let (source, config) = (&files.deploy, &files.config);
    once(source, "/accounts", "name", config.accounts.iter().map(|it| it.name.as_str()), problems);
    once(source, "/accounts", "id", config.accounts.iter().map(|it| it.id.as_str()), problems);
    once(source, "/profiles", "name", config.profiles.iter().map(|it| it.name.as_str()), problems);
    once(source, "/migrations", "tag", config.migrations.iter().map(|it| it.tag.as_str()), problems);
    for (at, profile) in config.profiles.iter().enumerate() {
        let place = format!("/profiles/{at}");
        if !config.accounts.iter().any(|account| account.name == profile.account) {
            problems.push(source.problem(
                &format!("{place}/account"),
                format!("expected the name of an account, found `{}`", profile.account),
                "name one of `accounts`, or add it there",
            ));
        }
        secret(source, &format!("{place}/token"), &profile.token, origin, problems);
    }
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, migration) in config.migrations.iter().enumerate() {
        for class in &migration.new_sqlite_classes {
            if made.insert(class, at).is_some() {
                problems.push(source.problem(
                    &format!("/migrations/{at}/new_sqlite_classes"),
                    format!("expected a class that no migration made before, found `{class}`"),
                    "take it out; a class is made once",
                ));
            }
        }
    }
}

/// Checks that each of `values` stands once.
fn once<'a>(
    source: &Source,
    list: &str,
    field: &str,
    values: impl Iterator<Item = &'a str>,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeMap::new();
    for (at, value) in values.enumerate() {
        if let Some(first) = seen.insert(value.to_owned(), at) {
            let line = source.line(&format!("{list}/{first}"));
            problems.push(source.problem(
                &format!("{list}/{at}/{field}"),
                format!("expected a {field} that stands once, found `{value}` of line {line} again"),
                "rename one of them, or take it out",
            ));
        }
    }
}

/// Checks that a secret has one source, and that it can be had from it.
fn secret(source: &Source, place: &str, from: &SecretSource, origin: &Origin, problems: &mut Vec<Problem>) {
    let ways = usize::from(from.env.is_some()) + usize::from(from.file.is_some()) + usize::from(from.command.is_some());
    if ways != 1 {
        problems.push(source.problem(
            place,
            format!("expected exactly one of env, file and command, found {ways}"),
            "keep one of them",
        ));
        return;
    }
    if let Err(error) = origin.can_have(from) {
        problems.push(source.problem(place, error.to_string(), error.remedy()));
    }
}

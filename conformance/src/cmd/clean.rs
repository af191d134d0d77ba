//! `conformance clean`.

use fixtures::Fixtures;
use harness::{
    client::{Bounds, Client},
    credential::Credential,
    exit, mark, output,
    profile::{self, Resolved, Sources},
    project_root, root,
};

use crate::{
    clean::{self, CleanError, Ours},
    suite::Suite,
};

/// Removes what broken runs left on a target.
///
/// A run takes away what it made; one that was cut off cannot. This goes through GET /documents and GET /jobs of every tenant
/// of the profile, cancels jobs and deletes documents that carry the mark of a run (`r` and eight hex digits behind the name of
/// a case) or that an example of the contract made. Fixtures stay. What is removed is printed, one line each.
///
/// Example: `conformance clean --target staging --dry-run`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a profile of a running deployment.
    #[arg(long, env = "CONFORMANCE_TARGET")]
    target: String,
    /// Only what this run left: the id of its record, or its mark such as r0a1b2c3d.
    #[arg(long, value_name = "ID", value_parser = run_mark)]
    run: Option<String>,
    /// Print what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

fn run_mark(text: &str) -> Result<String, String> {
    if mark::is_mark(text) {
        return Ok(text.to_owned());
    }
    match uuid::Uuid::parse_str(text) {
        Ok(id) => Ok(mark::of_run(&id.to_string())),
        Err(_) => Err("expected the id of a run record, or a mark: r and eight hex digits".to_owned()),
    }
}

impl Args {
    pub(super) fn run(self) -> u8 {
        let prepared = self.prepare();
        let (suite, fixtures, profile, client) = match prepared {
            Ok(prepared) => prepared,
            Err(message) => {
                output::say(&message);
                return exit::USAGE;
            }
        };
        let ours = Ours::new(&suite, &fixtures, self.run.as_deref());
        super::block_on(self.tenants(&profile, &client, &ours))
    }

    fn prepare(&self) -> Result<(Suite, Fixtures, Resolved, Client), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let fixtures = Fixtures::load(&root::fixtures_root()).map_err(|error| text(&error))?;
        let read = profile::find(&self.target).map_err(|error| text(&error))?;
        if read.spec.start.is_some() {
            let file = read.file.display();
            return Err(format!("{file} starts a target with an empty folder each time: there is nothing to remove"));
        }
        let variable = |name: &str| std::env::var(name).ok();
        let sources = Sources { root: &read.base(), fixtures: &fixtures, variable: &variable };
        let resolved = profile::resolve(&read, sources).map_err(|error| text(&error))?;
        let bounds = Bounds::of_run(variable).map_err(|error| text(&error))?;
        let base = resolved.spec.base_url.clone().unwrap_or_default();
        let client = Client::new(&base, bounds).and_then(|client| client.carrying(resolved.headers()));
        let client = client.map_err(|error| text(&error))?;
        let suite = Suite::load(&project_root()).map_err(|error| text(&error))?;
        Ok((suite, fixtures, resolved, client))
    }

    /// Goes through the tenants, one after the other: a target that is cleaned may be in use.
    async fn tenants(&self, profile: &Resolved, client: &Client, ours: &Ours<'_>) -> u8 {
        let (mut removed, mut code) = (0_usize, exit::PASS);
        for tenant in &profile.spec.tenants {
            let Some(credential) = credential(profile, tenant) else {
                output::say(&format!("{tenant}: no credential with documents:read and documents:write; add one"));
                code = exit::USAGE;
                continue;
            };
            let left = match clean::find(client, credential, ours).await {
                Ok(left) => left,
                Err(error) => {
                    output::say(&format!("{tenant}: {error}"));
                    code = match error {
                        CleanError::Client(_) => return exit::UNREACHABLE,
                        CleanError::Refused { .. } | CleanError::Endless(_) => exit::FAILED,
                    };
                    continue;
                }
            };
            for left in left {
                let what = format!("{} {} of {tenant}", left.kind, left.id);
                if self.dry_run {
                    output::data(&format!("would remove {what}"));
                    removed += 1;
                    continue;
                }
                match clean::remove(client, credential, &left).await {
                    Ok(None) => {
                        output::data(&format!("removed {what}"));
                        removed += 1;
                    }
                    Ok(Some(answer)) => {
                        output::say(&format!("{what} was not removed: the target answers {answer}"));
                        code = exit::FAILED;
                    }
                    Err(error) => {
                        output::say(&format!("{what} was not removed: {error}"));
                        return exit::UNREACHABLE;
                    }
                }
            }
        }
        let would = if self.dry_run { "to remove" } else { "removed" };
        output::say(&format!("{removed} {would} in {} tenants", profile.spec.tenants.len()));
        code
    }
}

/// A credential of `tenant` that may list and delete documents.
fn credential<'a>(profile: &'a Resolved, tenant: &'a str) -> Option<&'a Credential> {
    let usable = |credential: &&Credential| {
        !matches!(credential.name.as_str(), "revoked" | "expired" | "rotating")
            && credential.holds("documents:read")
            && credential.holds("documents:write")
    };
    profile.credential(tenant, "all").filter(usable).or_else(|| profile.of_tenant(tenant).find(usable))
}

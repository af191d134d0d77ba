//! Every difference, one by one.

use contract_types::DeployFinding;
use serde_json::Value;

use super::pending;
use crate::live::Live;
use crate::wanted::{Resource, Wanted, metadata};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) findings: Vec<DeployFinding>,
    pub(super) refusals: Vec<String>,
    /// A new version must be uploaded, even where one with this tag exists.
    pub(super) afresh: bool,
    /// The version in traffic is not the wanted one.
    pub(super) other_version: bool,
}

impl Found {
    fn tell(
        &mut self,
        what: &str,
        name: &str,
        wanted: impl Into<String>,
        live: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let cut = |text: String| {
            if text.chars().count() > 400 { format!("{}…", text.chars().take(400).collect::<String>()) } else { text }
        };
        self.findings.push(DeployFinding {
            what: what.to_owned(),
            name: name.to_owned(),
            wanted: cut(wanted.into()),
            live: cut(live.into()),
            remedy: remedy.into(),
        });
    }
}

/// Looks at everything.
pub(super) fn all(wanted: &Wanted, live: &Live, found: &mut Found) {
    let label = format!("--tenant {} --env {}", wanted.deployment.tenant, wanted.deployment.environment);
    let apply = format!("deploy apply {label}");
    resources(wanted, live, &label, &apply, found);
    match &live.script {
        None => found.tell("worker", wanted.worker(), "a Worker", "", apply.as_str()),
        Some(_) => worker(wanted, live, &label, &apply, found),
    }
    routes(wanted, live, &label, &apply, found);
    let schedules = wanted.deployment.settings.schedules.clone().unwrap_or_default();
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    if live.script.is_some() && sorted(&schedules) != sorted(&live.schedules) {
        found.tell("schedule", "", schedules.join(" | "), live.schedules.join(" | "), apply.as_str());
    }
}

fn resources(wanted: &Wanted, live: &Live, label: &str, apply: &str, found: &mut Found) {
    for resource in &wanted.resources {
        match resource {
            Resource::Namespace(title) if !live.namespaces.contains_key(title) => {
                found.tell("resource", title, "a KV namespace", "", apply);
            }
            Resource::Bucket(name) if !live.buckets.contains(name) => {
                found.tell("resource", name, "an R2 bucket", "", apply);
            }
            Resource::Queue(name) if !live.queues.contains_key(name) => {
                found.tell("resource", name, "a queue", "", apply);
            }
            Resource::Namespace(_) | Resource::Bucket(_) | Resource::Queue(_) => {}
            Resource::Index { name, dimensions, metric, properties } => {
                index(name, *dimensions, metric, properties, live, label, found);
            }
        }
    }
}

fn index(
    name: &str,
    dimensions: u64,
    metric: &str,
    properties: &[(String, &'static str)],
    live: &Live,
    label: &str,
    found: &mut Found,
) {
    let apply = format!("deploy apply {label}");
    let apply = apply.as_str();
    let wanted = format!("{dimensions} dimensions, {metric}");
    let Some(there) = live.indexes.get(name) else {
        found.tell("index", name, wanted, "", apply);
        return;
    };
    if there.info.dimensions != dimensions || there.info.metric != metric {
        let remedy = "name an index that does not exist yet as the resource, apply, and ingest the documents again";
        let is = format!("{} dimensions, {}", there.info.dimensions, there.info.metric);
        found
            .refusals
            .push(format!("the index `{name}` has {is}, wanted are {wanted}, and neither can be changed; {remedy}"));
        found.tell("index", name, wanted, is, remedy);
    }
    for (property, kind) in properties {
        let place = format!("{name}/{property}");
        match there.properties.iter().find(|(it, _)| it == property) {
            None => found.tell("index", &place, *kind, "", apply),
            Some((_, is)) if is != kind => {
                let remedy = format!(
                    "deploy remove {label} --metadata-index {place}, then apply, and ingest the documents again"
                );
                found.refusals.push(format!("the metadata index `{place}` is of {is}, wanted is {kind}; {remedy}"));
                found.tell("index", &place, *kind, is.as_str(), remedy);
            }
            Some(_) => {}
        }
    }
    for (property, is) in &there.properties {
        if !properties.iter().any(|(it, _)| it == property) {
            let place = format!("{name}/{property}");
            found.tell(
                "index",
                &place,
                "",
                is.as_str(),
                format!("deploy remove {label} --metadata-index {place}, or add it to tenant.yaml"),
            );
        }
    }
}

fn worker(wanted: &Wanted, live: &Live, label: &str, apply: &str, found: &mut Found) {
    let Some(script) = &live.script else { return };
    let settings = &wanted.deployment.settings;
    if let Some(tag) = &script.migration_tag
        && !wanted.deployment.migrations.iter().any(|step| step.tag == *tag)
    {
        found.refusals.push(format!(
            "the Worker is at migration `{tag}`, which deploy.yaml does not know; use the deploy.yaml that made it"
        ));
        found.tell("migration", tag, "", tag.as_str(), "use the deploy.yaml that made it");
    } else if let Some(migrate) = pending(wanted, live) {
        let tags: Vec<&str> = migrate.steps.iter().map(|step| step.tag.as_str()).collect();
        found.tell("migration", &tags.join(", "), tags.join(", "), migrate.from.unwrap_or_default(), apply);
    }
    match live.current() {
        Some(version) if version.tag.as_deref().is_some_and(|tag| wanted.is_of(tag)) => {}
        current => {
            found.other_version = true;
            let is = match current {
                Some(version) => {
                    let by = if version.tag.as_deref().is_some_and(|tag| tag.starts_with('p')) {
                        ""
                    } else {
                        ", not uploaded by deploy"
                    };
                    format!("{} ({}{by})", version.id, version.tag.as_deref().unwrap_or("no tag"))
                }
                None => "none that is known".to_owned(),
            };
            found.tell("version", wanted.worker(), wanted.tag.as_str(), is, apply);
        }
    }
    if live.traffic.iter().filter(|share| share.percentage > 0.0).count() > 1 {
        let shares: Vec<String> = live.traffic.iter().map(|it| format!("{} {} %", it.version, it.percentage)).collect();
        found.other_version = true;
        found.tell("version", "traffic", "one version", shares.join(", "), apply);
        let ours = live.versions.iter().filter(|it| it.tag.as_deref().is_some_and(|tag| wanted.is_of(tag)));
        if !ours.into_iter().any(|version| live.has_traffic(&version.id)) {
            found.refusals.push(format!(
                "the traffic is shared by {}, and no third version can be tried beside them; deploy rollback {label} --to one of them first",
                shares.join(" and ")
            ));
        }
    }
    if script.compatibility_date != settings.compatibility_date {
        found.tell(
            "compatibility",
            "date",
            settings.compatibility_date.as_str(),
            script.compatibility_date.as_str(),
            apply,
        );
        found.afresh |= !found.other_version;
    }
    let flags = settings.compatibility_flags.clone().unwrap_or_default();
    if script.compatibility_flags != flags {
        found.tell("compatibility", "flags", flags.join(" "), script.compatibility_flags.join(" "), apply);
        found.afresh |= !found.other_version;
    }
    bindings(wanted, live, &script.bindings, apply, found);
    for name in wanted.secrets() {
        if !live.secrets().any(|it| it == name) {
            found.tell("secret", name, "a secret", "", apply);
            found.afresh = true;
        }
    }
    for name in live.secrets() {
        if !wanted.secrets().any(|it| it == name) {
            found.tell(
                "secret",
                name,
                "",
                "a secret",
                format!("deploy remove {label} --secret {name}, or add it to tenant.yaml"),
            );
        }
    }
}

fn bindings(wanted: &Wanted, live: &Live, there: &[Value], apply: &str, found: &mut Found) {
    let uploaded = metadata(wanted, &live.namespaces, &[], None, "");
    let ours: Vec<&Value> = uploaded["bindings"].as_array().into_iter().flatten().collect();
    let is_secret = |it: &Value| it["type"] == "secret_text" || it["type"] == "secret_key";
    for binding in &ours {
        let name = binding["name"].as_str().unwrap_or_default();
        let live = there.iter().find(|it| it["name"] == name);
        // The API tells more of a binding than was uploaded, such as the id of a Durable Object's namespace.
        let same = live.is_some_and(|live| {
            binding.as_object().into_iter().flatten().all(|(field, value)| live.get(field) == Some(value))
        });
        if !same {
            found.tell("binding", name, shown(binding), live.map(shown).unwrap_or_default(), apply);
            found.afresh |= !found.other_version;
        }
    }
    for binding in there.iter().filter(|it| !is_secret(it)) {
        if !ours.iter().any(|it| it["name"] == binding["name"]) {
            found.tell("binding", binding["name"].as_str().unwrap_or_default(), "", shown(binding), apply);
            found.afresh |= !found.other_version;
        }
    }
}

/// A binding for people; a plain setting is shortened, for CONFIG is long.
fn shown(binding: &Value) -> String {
    match binding["text"].as_str() {
        Some(text) => {
            let hash = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
            format!(
                "{} of {} bytes, SHA-256 {}…",
                binding["type"].as_str().unwrap_or_default(),
                text.len(),
                &hex::encode(hash)[..12]
            )
        }
        None => binding.to_string(),
    }
}

fn routes(wanted: &Wanted, live: &Live, label: &str, apply: &str, found: &mut Found) {
    let routes: Vec<_> = wanted.deployment.settings.routes.iter().flatten().collect();
    for route in &routes {
        if !live.zones.contains_key(&route.zone) {
            found.refusals.push(format!(
                "the account has no zone {} that the token sees; add it there, bind the token to it, or correct the route {}",
                route.zone, route.pattern
            ));
            found.tell("route", &route.pattern, wanted.worker(), "no such zone", "add the zone to the account");
            continue;
        }
        let there = live.routes.iter().find(|(_, it)| it.pattern == route.pattern);
        let leads_to = there.map(|(_, it)| it.script.clone().unwrap_or_else(|| "no Worker".to_owned()));
        if leads_to.as_deref() != Some(wanted.worker()) {
            found.tell("route", &route.pattern, wanted.worker(), leads_to.unwrap_or_default(), apply);
        }
    }
    for (_, route) in &live.routes {
        if !routes.iter().any(|it| it.pattern == route.pattern) {
            let remedy = format!("deploy remove {label} --route {}, or add it to tenant.yaml", route.pattern);
            found.tell("route", &route.pattern, "", wanted.worker(), remedy);
        }
    }
}

//! A first profile of a deployment, written out with comments for the person who goes on from there.

use std::fmt::Write;

use contract_types::{Feature, Scope};

/// A tenant of the deployment, and where its credential comes from.
#[derive(Debug, Clone)]
pub struct DraftTenant {
    /// Its id.
    pub id: String,
    /// The environment variable that holds its credential.
    pub variable: String,
}

/// What is known of a deployment before its first run.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Name of the profile, the stem of its file.
    pub name: String,
    /// Its address as the file says it: literal, or `${NAME}`.
    pub base_url: String,
    /// Its tenants, the main one first.
    pub tenants: Vec<DraftTenant>,
    /// The features that it declares to its main tenant.
    pub features: Vec<Feature>,
    /// The bound in milliseconds within which it says that writes are visible.
    pub consistency_ms: u64,
    /// Name and version of the implementation.
    pub implementation: Option<(String, String)>,
    /// Version of the contract that it serves.
    pub contract_version: String,
}

/// What a profile may also say, for the reader to take in.
const MORE: &str = "\
# bench: NAME             # a tenant of the list for generated requests, so that they disturb nobody
# collections: NAME       # a tenant that judged collections may fill and empty; it needs a credential `all`
# safe_only: true         # only cases that change nothing, as in production
# control: http://...     # the test-only control API, where there is one
# known_failures:
#   - {case: retrieve/example, reason: Why it fails., expires: \"2027-12-31\"}
";

impl Draft {
    /// The text of the file. It holds no secret: credentials are named by their variables.
    pub fn text(&self) -> String {
        let name = &self.name;
        let what = self.implementation.as_ref().map_or("A deployment that is already running.".to_owned(), |named| {
            format!("A deployment that is already running; it calls itself {} {}.", named.0, named.1)
        });
        let mut text = format!(
            "# A deployment as `conformance init` found it, serving contract {}. `conformance doctor --target {name}` says what is\n\
             # still missing, `conformance run --target {name}` runs the suite. The suite writes documents to these tenants and takes\n\
             # back what its cases made: give it tenants of their own.\n",
            self.contract_version
        );

        let ids = self.tenants.iter().map(|tenant| quoted(&tenant.id)).collect::<Vec<_>>().join(", ");
        let features = self.features.iter().map(|feature| feature.as_str()).collect::<Vec<_>>().join(", ");
        let mut add = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").is_ok();
        add(format_args!("name: {name}"));
        add(format_args!("description: {}", quoted(&what)));
        add(format_args!("base_url: {}", quoted(&self.base_url)));
        if self.tenants.len() < 2 {
            add(format_args!(
                "# One tenant alone: add a second one, or nothing can be said of how tenants are kept apart."
            ));
        }
        add(format_args!("tenants: [{ids}]"));
        add(format_args!("# Promised from now on: a run fails when one of them is no longer declared."));
        add(format_args!("features: [{features}]"));
        add(format_args!(
            "# Within so many milliseconds a write is visible, as it says itself; a larger number waits longer."
        ));
        add(format_args!("consistency_ms: {}", self.consistency_ms.min(600_000)));
        add(format_args!(
            "# Modest, so that a deployment that others use is not disturbed; raise it for one of its own."
        ));
        add(format_args!("pace: {{requests_per_second: 10, concurrency: 2}}"));
        add(format_args!(
            "# true ingests the documents of the fixture tenants of the same ids before the first case. Cases that ask"
        ));
        add(format_args!("# for them fail where they are neither there nor ingested."));
        add(format_args!("seed_fixtures: false"));
        add(format_args!(
            "# Each credential by the variable that holds it, with the scopes that it has: this cannot be asked, so take out"
        ));
        add(format_args!(
            "# what it lacks. Cases also use credentials called search-only, none (no scope), revoked and expired; without"
        ));
        add(format_args!("# one of them its cases are not applicable."));
        add(format_args!("credentials:"));
        let scopes: Vec<String> =
            Scope::ALL.iter().filter(|scope| **scope != Scope::Operator).map(|scope| quoted(scope.as_str())).collect();
        for tenant in &self.tenants {
            let (id, variable) = (quoted(&tenant.id), quoted(&tenant.variable));
            let scopes = scopes.join(", ");
            add(format_args!("  - {{tenant: {id}, name: all, env: {variable}, scopes: [{scopes}]}}"));
        }
        text + MORE
    }
}

/// A JSON string, which is a YAML string too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::check;

    fn draft() -> Draft {
        let tenant = |id: &str| DraftTenant { id: id.to_owned(), variable: format!("KEY_{}", id.to_uppercase()) };
        Draft {
            name: "acme-staging".to_owned(),
            base_url: "${ACME_URL}".to_owned(),
            tenants: vec![tenant("one"), tenant("two")],
            features: vec![Feature::AsyncIngest, Feature::Deterministic],
            consistency_ms: 250,
            implementation: Some(("other: \"one\"".to_owned(), "2".to_owned())),
            contract_version: "1.0.0".to_owned(),
        }
    }

    #[test]
    fn writes_a_profile_that_can_be_read() {
        let profile = check(&draft().text(), Path::new("x/acme-staging.yaml")).unwrap();
        assert_eq!(profile.spec.base_url.as_deref(), Some("${ACME_URL}"));
        assert_eq!(profile.spec.features, draft().features);
        assert_eq!(profile.spec.credentials[1].env.as_deref(), Some("KEY_TWO"));
        assert!(!profile.spec.seed_fixtures);
        assert!(profile.spec.description.contains("other: \"one\" 2"));
    }

    #[test]
    fn leaves_a_name_that_is_none_to_the_check() {
        let bad = Draft { name: "No Name".to_owned(), ..draft() };
        assert!(check(&bad.text(), Path::new("No Name.yaml")).unwrap_err().to_string().contains("/name"));
    }

    #[test]
    fn says_what_one_tenant_alone_costs() {
        let mut one = draft();
        one.tenants.truncate(1);
        assert!(one.text().contains("One tenant alone"));
        assert!(check(&one.text(), Path::new("acme-staging.yaml")).is_ok());
    }
}

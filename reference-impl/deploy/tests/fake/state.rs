//! What the fake remembers. One of it serves every account: names are unique in the tests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) metadata: Value,
    pub(crate) bindings: Vec<Value>,
    pub(crate) migration_tag: Option<String>,
    pub(crate) created_on: String,
    /// What the Worker answers, where it is broken.
    pub(crate) broken: bool,
    /// Version of the contract that it serves, where that is not the one of today.
    pub(crate) contract: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) versions: Vec<Version>,
    /// Shares, newest deployment first.
    pub(crate) deployments: Vec<Value>,
    pub(crate) schedules: Vec<String>,
    pub(crate) migration_tag: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) scripts: BTreeMap<String, Script>,
    pub(crate) namespaces: Vec<(String, String)>,
    pub(crate) indexes: BTreeMap<String, Value>,
    pub(crate) properties: BTreeMap<String, Vec<Value>>,
    pub(crate) buckets: Vec<String>,
    pub(crate) queues: Vec<(String, String)>,
    pub(crate) zones: Vec<(String, String)>,
    /// Zone id, then routes.
    pub(crate) routes: BTreeMap<String, Vec<Value>>,
    /// Permission groups of every token; `None` where it may not be asked for them.
    pub(crate) groups: Option<Vec<String>>,
    /// Whether the token is active.
    pub(crate) inactive: bool,
    /// The one account that the token reaches; `None` where it reaches all.
    pub(crate) account: Option<String>,
    /// Groups of paths that answer 403.
    pub(crate) forbidden: Vec<String>,
    /// Workers whose next versions are broken, by a part of their name.
    pub(crate) breaks: Vec<String>,
    pub(crate) smoke_url: String,
    /// Metadata of every upload, as `worker` and value.
    pub(crate) uploads: Vec<(String, Value)>,
    pub(crate) next: u64,
    /// Entries of a page of a list, at most.
    pub(crate) page: Option<usize>,
    /// Whether lists say nothing of how many entries or pages there are.
    pub(crate) uncounted: bool,
    /// Whether the token is one that the account owns, which no call of a user knows.
    pub(crate) of_account: bool,
}

impl State {
    pub(crate) fn id(&mut self) -> String {
        self.next += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", self.next, self.next)
    }

    pub(crate) fn hex_id(&mut self) -> String {
        self.next += 1;
        format!("{:032x}", self.next)
    }

    /// The version that has the traffic of a Worker.
    pub(crate) fn serving(&self, script: &str) -> Option<&Version> {
        let script = self.scripts.get(script)?;
        let shares = script.deployments.first()?["versions"].as_array()?;
        let most = shares
            .iter()
            .max_by(|a, b| a["percentage"].as_f64().unwrap().total_cmp(&b["percentage"].as_f64().unwrap()))?;
        script.versions.iter().find(|version| most["version_id"] == version.id)
    }

    /// Takes an upload in.
    pub(crate) fn upload(&mut self, name: &str, metadata: Value) -> Version {
        let id = self.id();
        self.uploads.push((name.to_owned(), metadata.clone()));
        let broken = self.breaks.iter().any(|part| name.contains(part));
        let before = self.serving(name).map(|version| version.bindings.clone()).unwrap_or_default();
        let script = self.scripts.entry(name.to_owned()).or_default();
        if let Some(tag) = metadata["migrations"]["new_tag"].as_str() {
            let old = metadata["migrations"]["old_tag"].as_str().map(str::to_owned);
            assert_eq!(old, script.migration_tag, "a migration begins at the tag that the Worker has");
            script.migration_tag = Some(tag.to_owned());
        }
        let mut bindings: Vec<Value> = metadata["bindings"].as_array().cloned().unwrap_or_default();
        for binding in &mut bindings {
            if binding["type"] == "secret_text" {
                *binding = json!({"type": "secret_text", "name": binding["name"]});
            }
        }
        let kept = metadata["keep_bindings"].as_array().cloned().unwrap_or_default();
        for binding in before {
            if kept.contains(&binding["type"]) && !bindings.iter().any(|it| it["name"] == binding["name"]) {
                bindings.push(binding);
            }
        }
        let version = Version {
            id,
            bindings,
            migration_tag: script.migration_tag.clone(),
            metadata,
            created_on: "2026-07-01T12:00:00.000000Z".to_owned(),
            broken,
            contract: None,
        };
        script.versions.insert(0, version.clone());
        version
    }

    /// Gives a version all traffic.
    pub(crate) fn deploy_all(&mut self, name: &str, version: &str) {
        let id = self.id();
        let script = self.scripts.get_mut(name).unwrap();
        let one = json!({"id": id, "source": "api", "strategy": "percentage", "author_email": "a@b.example",
            "created_on": "2026-07-01T12:00:00Z", "versions": [{"version_id": version, "percentage": 100}]});
        script.deployments.insert(0, one);
    }
}

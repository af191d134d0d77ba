//! What `GET /capabilities` says of a tenant, read leniently: the judge finds what is wrong with it.

use std::{collections::BTreeSet, time::Duration};

use contract_types::{Feature, Limits, TargetProfile, Times};
use serde_json::Value;

/// What a tenant has.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Declared features.
    pub features: BTreeSet<Feature>,
    /// Size limits.
    pub limits: Option<Limits>,
    /// Time spans.
    pub times: Option<Times>,
    /// Bound within which writes are visible.
    pub consistency: Duration,
    /// The contract version that the tenant is served.
    pub contract_version: Option<String>,
    /// Name and version of the implementation.
    pub implementation: Option<(String, String)>,
    /// The tools that the credential may call.
    pub tools: Vec<String>,
    whole: Value,
}

impl Facts {
    /// Reads the body of `GET /capabilities`; the profile fills in what it does not tell.
    pub fn read(body: &Value, profile: &TargetProfile) -> Self {
        let named = |key: &str| body["implementation"][key].as_str().map(str::to_owned);
        let told = Duration::from_millis(body["consistency_ms"].as_u64().unwrap_or(0));
        let list = body["features"].as_array().into_iter().flatten();
        Self {
            features: list.filter_map(|feature| serde_json::from_value(feature.clone()).ok()).collect(),
            limits: serde_json::from_value(body["limits"].clone()).ok(),
            times: profile.times.clone().or_else(|| serde_json::from_value(body["times"].clone()).ok()),
            consistency: told.max(Duration::from_millis(profile.consistency_ms.unwrap_or(0))),
            contract_version: body["contract_version"].as_str().map(str::to_owned),
            implementation: named("name").zip(named("version")),
            tools: body["tools"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect(),
            whole: body.clone(),
        }
    }

    /// Whether the feature called `name` is declared.
    pub fn has(&self, name: &str) -> bool {
        self.features.iter().any(|feature| feature.as_str() == name)
    }

    /// Whether the list at `pointer` of the capabilities holds `value`.
    pub fn lists(&self, pointer: &str, value: &Value) -> bool {
        self.whole.pointer(pointer).and_then(Value::as_array).is_some_and(|list| list.contains(value))
    }

    /// The limit or time called `name`, as a number.
    pub fn number(&self, group: &str, name: &str) -> Option<u64> {
        match group {
            "limit" => serde_json::to_value(self.limits.as_ref()?).ok()?.get(name)?.as_u64(),
            "time" => serde_json::to_value(self.times.as_ref()?).ok()?.get(name)?.as_u64(),
            _ => None,
        }
    }
}

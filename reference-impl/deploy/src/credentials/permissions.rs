//! The least that a token must be allowed, verb by verb. `reference-impl/docs/credentials.md` shows this table, and a test compares.

/// What a token may do with a group of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// A command that speaks to the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `deploy plan`.
    Plan,
    /// `deploy apply`.
    Apply,
    /// `deploy promote`.
    Promote,
    /// `deploy drift`.
    Drift,
    /// `deploy rollback`.
    Rollback,
    /// `deploy remove`.
    Remove,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Plan, Self::Apply, Self::Promote, Self::Drift, Self::Rollback, Self::Remove];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Promote => "promote",
            Self::Drift => "drift",
            Self::Rollback => "rollback",
            Self::Remove => "remove",
        }
    }

    /// What `permission` must be at least; `None` where it is not needed.
    pub fn needs(self, permission: &Permission) -> Option<Access> {
        match self {
            Self::Plan | Self::Drift => Some(Access::Read),
            Self::Apply | Self::Promote | Self::Remove => Some(Access::Write),
            Self::Rollback => permission.of_versions.then_some(Access::Write),
        }
    }
}

/// A permission group of API tokens.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    /// Name of the group, without `Read` or `Write`.
    pub group: &'static str,
    /// Path below the account, or of zones, that may be read with it alone.
    pub probe: &'static str,
    /// Kinds of bindings that need it; empty where every deployment does.
    pub kind: Option<contract_types::DeployBindingKind>,
    /// Whether versions alone need it.
    pub of_versions: bool,
    /// Whether routes alone need it.
    pub of_routes: bool,
}

/// Every permission that the tool can need.
pub const PERMISSIONS: [Permission; 6] = [
    Permission { group: "Workers Scripts", probe: "workers/scripts", kind: None, of_versions: true, of_routes: false },
    Permission { group: "Workers Routes", probe: "zones", kind: None, of_versions: false, of_routes: true },
    Permission {
        group: "Workers KV Storage",
        probe: "storage/kv/namespaces",
        kind: Some(contract_types::DeployBindingKind::KvNamespace),
        of_versions: false,
        of_routes: false,
    },
    Permission {
        group: "Vectorize",
        probe: "vectorize/v2/indexes",
        kind: Some(contract_types::DeployBindingKind::Vectorize),
        of_versions: false,
        of_routes: false,
    },
    Permission {
        group: "Workers R2 Storage",
        probe: "r2/buckets",
        kind: Some(contract_types::DeployBindingKind::R2Bucket),
        of_versions: false,
        of_routes: false,
    },
    Permission {
        group: "Queues",
        probe: "queues",
        kind: Some(contract_types::DeployBindingKind::Queue),
        of_versions: false,
        of_routes: false,
    },
];

//! The fault matrix as people wrote it: `matrix.yaml`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// The matrix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matrix {
    /// Every fault of every dependency, and what each operation that meets it comes to.
    pub(super) groups: Vec<Group>,
    /// What cannot happen, and why.
    pub(super) excluded: Vec<Excluded>,
}

/// One fault, or two at once, met by one tenant with everything that it does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) faults: Vec<Struck>,
    pub(super) outcomes: BTreeMap<Operation, Outcome>,
}

/// A dependency and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Struck {
    pub(super) dependency: Dependency,
    pub(super) fault: FaultName,
}

/// A cell that is not run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Excluded {
    pub(super) dependency: Dependency,
    pub(super) fault: FaultName,
    pub(super) reason: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $word)] $variant),+ }

        impl $name {
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub(super) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// What the platform depends on.
    Dependency {
        Database "database",
        Embedding "embedding",
        Generator "generator",
        Reranker "reranker",
        Cache "cache",
        RateStore "rate_store",
        Handler "handler",
    }
}

words! {
    /// What goes wrong with it.
    FaultName {
        Refused "refused",
        Slow "slow",
        Hangs "hangs",
        TooMany "429",
        Fails "500",
        Garbage "garbage",
        Dies "dies mid-stream",
    }
}

words! {
    /// An operation, and how it is asked.
    Operation {
        Search "search",
        SearchStream "search, streamed",
        Retrieve "retrieve",
        Ingest "ingest",
        IngestOnce "ingest with Idempotency-Key",
        ListDocuments "list_documents",
        GetDocument "get_document",
        DeleteDocument "delete_document",
        ListJobs "list_jobs",
        Chat "chat",
        ChatStream "chat, streamed",
        ListSessions "list_sessions",
    }
}

/// What an operation comes to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Outcome {
    /// The status.
    pub(super) status: u16,
    /// The code, where it is an error, or where a stream ends with one.
    pub(super) code: Option<String>,
    /// Whether the error is a stream's last event.
    pub(super) in_stream: bool,
    /// What the answer says that it had to do without.
    pub(super) degraded: Vec<String>,
}

/// `200`, `200 without embedding, cache`, `503 UPSTREAM_UNAVAILABLE` or `200 then UPSTREAM_TIMEOUT`.
impl TryFrom<String> for Outcome {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (status, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let status = status.parse().map_err(|_| format!("expected a status first, found `{text}`"))?;
        let mut outcome = Self { status, code: None, in_stream: false, degraded: Vec::new() };
        if let Some(words) = rest.strip_prefix("without ") {
            outcome.degraded = words.split(", ").map(|word| format!("{word}_unavailable")).collect();
        } else if let Some(code) = rest.strip_prefix("then ") {
            (outcome.code, outcome.in_stream) = (Some(code.to_owned()), true);
        } else if !rest.is_empty() {
            outcome.code = Some(rest.to_owned());
        }
        Ok(outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.code {
            Some(code) if self.in_stream => write!(f, " then {code}"),
            Some(code) => write!(f, " {code}"),
            None if self.degraded.is_empty() => Ok(()),
            None => {
                let words: Vec<_> = self.degraded.iter().map(|word| word.trim_end_matches("_unavailable")).collect();
                write!(f, " without {}", words.join(", "))
            }
        }
    }
}

impl Operation {
    /// Whether it changes what is stored when it succeeds.
    pub(super) fn writes(self) -> bool {
        match self {
            Self::Ingest | Self::IngestOnce | Self::DeleteDocument | Self::Chat | Self::ChatStream => true,
            Self::Search
            | Self::SearchStream
            | Self::Retrieve
            | Self::ListDocuments
            | Self::GetDocument
            | Self::ListJobs
            | Self::ListSessions => false,
        }
    }
}

impl Dependency {
    /// Whether it is a model behind a URL in this matrix, so that its faults are real ones on a socket.
    pub(super) fn is_upstream(self) -> bool {
        match self {
            Self::Embedding | Self::Generator | Self::Reranker => true,
            Self::Database | Self::Cache | Self::RateStore | Self::Handler => false,
        }
    }

    /// The operations that use it.
    pub(super) fn operations(self) -> &'static [Operation] {
        match self {
            Self::Database | Self::Handler | Self::RateStore => Operation::ALL,
            Self::Embedding => &[
                Operation::Search,
                Operation::SearchStream,
                Operation::Retrieve,
                Operation::Ingest,
                Operation::IngestOnce,
                Operation::Chat,
                Operation::ChatStream,
            ],
            Self::Generator => &[Operation::Search, Operation::SearchStream, Operation::Chat, Operation::ChatStream],
            Self::Cache => &[Operation::Search, Operation::SearchStream],
            Self::Reranker => &[
                Operation::Search,
                Operation::SearchStream,
                Operation::Retrieve,
                Operation::Chat,
                Operation::ChatStream,
            ],
        }
    }
}

impl Group {
    /// A name that a tenant can have.
    pub(super) fn name(&self) -> String {
        let words = self.faults.iter().map(|it| format!("{}-{}", it.dependency.as_str(), it.fault.as_str()));
        words.collect::<Vec<_>>().join("-and-").replace([' ', '_'], "-")
    }

    /// For people: `embedding refused, cache hangs`.
    pub(super) fn title(&self) -> String {
        let words = self.faults.iter().map(|it| format!("{} {}", it.dependency.as_str(), it.fault.as_str()));
        words.collect::<Vec<_>>().join(" and ")
    }

    pub(super) fn fault_of(&self, dependency: Dependency) -> Option<FaultName> {
        self.faults.iter().find(|it| it.dependency == dependency).map(|it| it.fault)
    }
}

/// Reads the matrix.
pub(super) fn matrix() -> Matrix {
    serde_yaml::from_str(include_str!("matrix.yaml")).unwrap_or_else(|error| panic!("matrix.yaml: {error}"))
}

#[test]
fn every_fault_of_every_dependency_has_an_outcome_for_each_operation_or_a_reason() {
    let matrix = matrix();
    let mut missing = Vec::new();
    for dependency in Dependency::ALL {
        for fault in FaultName::ALL {
            let excluded = matrix.excluded.iter().find(|it| it.dependency == *dependency && it.fault == *fault);
            let alone =
                |group: &&Group| matches!(group.faults[..], [it] if it.dependency == *dependency && it.fault == *fault);
            let groups: Vec<&Group> = matrix.groups.iter().filter(alone).collect();
            match (&groups[..], excluded) {
                ([], Some(excluded)) if excluded.reason.len() > 20 => {}
                ([group], None) => {
                    let wanted = dependency.operations().iter();
                    let absent = wanted.filter(|operation| !group.outcomes.contains_key(operation));
                    missing.extend(absent.map(|operation| format!("{}: {}", group.title(), operation.as_str())));
                }
                _ => missing.push(format!(
                    "{} {}: expected one group or one reason",
                    dependency.as_str(),
                    fault.as_str()
                )),
            }
        }
    }
    for group in matrix.groups.iter().filter(|group| group.faults.len() == 2) {
        let both: Vec<Operation> = Operation::ALL
            .iter()
            .copied()
            .filter(|operation| group.faults.iter().all(|it| it.dependency.operations().contains(operation)))
            .collect();
        missing.extend(
            both.iter()
                .filter(|it| !group.outcomes.contains_key(it))
                .map(|it| format!("{}: {}", group.title(), it.as_str())),
        );
    }
    let pairs = matrix.groups.iter().filter(|group| group.faults.len() == 2).count();
    assert!(missing.is_empty() && pairs >= 6, "{pairs} pairs; missing:\n{}", missing.join("\n"));
}

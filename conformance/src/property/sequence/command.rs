//! What a sequence does, and how sequences are drawn.

use harness::arbitrary::{Options, SchemaError, Schemas, adversarial};
use proptest::{collection::vec, prelude::*, sample::select, strategy::BoxedStrategy};
use serde_json::{Map, Value, json};

/// Documents and sessions that a sequence speaks of.
pub(super) const SLOTS: usize = 3;
/// Contents that a document can have.
pub(super) const CONTENTS: usize = 3;
/// Most commands of a sequence.
const MOST_COMMANDS: usize = 20;

/// What a sequence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Documents come, change and go.
    Documents,
    /// What is retrieved follows them at once.
    Retrieval,
    /// So does what is answered, cached or not.
    Answers,
    /// The same with ingestion as a job.
    Jobs,
    /// Conversations come and go.
    Sessions,
}

impl Theme {
    pub(crate) const ALL: [Self; 5] = [Self::Documents, Self::Retrieval, Self::Answers, Self::Jobs, Self::Sessions];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Retrieval => "retrieval",
            Self::Answers => "answers",
            Self::Jobs => "jobs",
            Self::Sessions => "sessions",
        }
    }

    /// Features without which it is not applicable.
    pub(super) fn features(self) -> &'static [&'static str] {
        match self {
            Self::Documents | Self::Retrieval | Self::Answers => &[],
            Self::Jobs => &["async_ingest"],
            Self::Sessions => &["sessions", "chat"],
        }
    }

    /// Scopes that its requests need.
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Documents | Self::Retrieval | Self::Answers | Self::Jobs => {
                &["ingest:write", "documents:read", "documents:write", "search:read"]
            }
            Self::Sessions => &["chat:write", "sessions:read", "sessions:write"],
        }
    }
}

/// One document of an ingest.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) slot: usize,
    /// Which of the document's contents.
    pub(super) content: usize,
    pub(super) content_type: &'static str,
    /// Which of the plan's metadata; the first is none.
    pub(super) metadata: usize,
}

/// One thing that a sequence does.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// Sends documents, at once or as a job.
    Ingest { drafts: Vec<Draft>, as_job: bool },
    /// Sends a document just as it stands.
    Again { slot: usize },
    /// Deletes a document, whether it is there or not.
    Delete { slot: usize },
    /// Reads a document.
    Get { slot: usize },
    /// Reads its chunks.
    Chunks { slot: usize },
    /// Reads the list to its end.
    List,
    /// Looks for the word that stands in a document alone.
    Retrieve { slot: usize, filtered: bool },
    /// Asks for it.
    Search { slot: usize, cache: &'static str },
    /// Another tenant reads it and looks for it.
    Foreign { slot: usize },
    /// Says something, in a new session or an old one.
    Chat { slot: usize },
    /// Reads a session.
    Session { slot: usize },
    /// Deletes a session.
    Forget { slot: usize },
}

/// A sequence, with the texts that its documents are made of.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) commands: Vec<Command>,
    /// What follows the marker in each content.
    pub(super) tails: Vec<String>,
    /// Metadata that documents may have, the first of which is none.
    pub(super) metadata: Vec<Map<String, Value>>,
}

impl Plan {
    /// Sequences of a theme.
    pub(super) fn drawn(theme: Theme, schemas: &Schemas) -> Result<BoxedStrategy<Self>, SchemaError> {
        let options = Options { fractions_of_zero: false, text: 24, long_text: 24, items: 3, ..Options::default() };
        let metadata = schemas.valid(&json!({ "$ref": "#/components/schemas/Metadata" }), options)?;
        let metadata = metadata.prop_map(|value| without_braces(value).as_object().cloned().unwrap_or_default());
        let metadata = vec(metadata, 2).prop_map(|drawn| std::iter::once(Map::new()).chain(drawn).collect());
        let tail = adversarial(0, 200).prop_map(|text| calm(&text));
        let parts = (vec(commands(theme), 1..=MOST_COMMANDS), vec(tail, CONTENTS), metadata);
        Ok(parts.prop_map(|(commands, tails, metadata)| Self { commands, tails, metadata }).boxed())
    }
}

/// Control characters aside, which single requests try: here a failure should tell of the sequence.
fn calm(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect::<String>().replace("{{", "{ {")
}

/// A value without the braces that a written case would take for a variable.
fn without_braces(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.replace("{{", "{ {")),
        Value::Array(items) => Value::Array(items.into_iter().map(without_braces).collect()),
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (name.replace("{{", "{ {"), without_braces(value))).collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn commands(theme: Theme) -> BoxedStrategy<Command> {
    // One document most of the time: what goes wrong needs several commands on the same one.
    let slot = || prop_oneof![3 => Just(0), 1 => 0..SLOTS];
    let content_type = || select(vec!["text/plain", "text/markdown", "text/html", "application/json"]);
    let draft =
        || {
            (slot(), 0..CONTENTS, content_type(), 0..3_usize)
                .prop_map(|(slot, content, content_type, metadata)| Draft { slot, content, content_type, metadata })
        };
    let drafts = || vec(draft(), 1..=SLOTS).prop_map(distinct);
    let ingest = move |as_job: BoxedStrategy<bool>| {
        (drafts(), as_job).prop_map(|(drafts, as_job)| Command::Ingest { drafts, as_job }).boxed()
    };
    let at_once = || ingest(Just(false).boxed());
    let again = || slot().prop_map(|slot| Command::Again { slot }).boxed();
    let delete = || slot().prop_map(|slot| Command::Delete { slot }).boxed();
    let get = || slot().prop_map(|slot| Command::Get { slot }).boxed();
    let chunks = || slot().prop_map(|slot| Command::Chunks { slot }).boxed();
    let foreign = || slot().prop_map(|slot| Command::Foreign { slot }).boxed();
    let retrieve = || (slot(), any::<bool>()).prop_map(|(slot, filtered)| Command::Retrieve { slot, filtered }).boxed();
    let cache = select(vec!["use", "use", "use", "refresh", "bypass"]);
    let search = (slot(), cache).prop_map(|(slot, cache)| Command::Search { slot, cache }).boxed();
    let kinds = match theme {
        Theme::Documents => vec![
            (3, at_once()),
            (1, again()),
            (2, delete()),
            (4, get()),
            (2, chunks()),
            (1, Just(Command::List).boxed()),
            (1, foreign()),
        ],
        Theme::Retrieval => vec![(4, at_once()), (1, again()), (2, delete()), (5, retrieve()), (1, foreign())],
        Theme::Answers => vec![(3, at_once()), (1, again()), (2, delete()), (6, search)],
        Theme::Jobs => {
            vec![(4, ingest(any::<bool>().boxed())), (1, again()), (2, delete()), (2, get()), (2, retrieve())]
        }
        Theme::Sessions => vec![
            (4, slot().prop_map(|slot| Command::Chat { slot }).boxed()),
            (3, slot().prop_map(|slot| Command::Session { slot }).boxed()),
            (1, slot().prop_map(|slot| Command::Forget { slot }).boxed()),
        ],
    };
    proptest::strategy::Union::new_weighted(kinds).boxed()
}

/// A document stands once in a request.
fn distinct(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut kept: Vec<Draft> = Vec::new();
    for draft in drafts {
        if kept.iter().all(|known| known.slot != draft.slot) {
            kept.push(draft);
        }
    }
    kept
}

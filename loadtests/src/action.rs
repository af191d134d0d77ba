//! What a scenario can ask for: the operations of the contract, each with a body made from the fixtures.

use bytes::Bytes;
use contract_types::Feature;
use fixtures::{DocumentFixture, FixtureError, Fixtures};
use harness::client::Request;
use serde_json::{Value, json};

use crate::generated::operations::{
    CHAT, DELETE_DOCUMENT, EXECUTE_TOOL, INGEST, Operation, RETRIEVE, SEARCH, SYNTHESIZE_SPEECH, chat_body,
    execute_tool_body, ingest_body, retrieve_body, search_body, synthesize_speech_body,
};

/// Documents that the scenario writes for each tenant; they are written over and over, and deleted in the end.
pub const SLOTS: u64 = 16;
/// Longest content of such a document, in bytes: what is longer would make one request weigh as much as a hundred others.
const LONGEST_CONTENT: usize = 8_000;

/// An operation under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `POST /chat` as a stream, over the tenant's documents.
    Chat,
    /// `POST /search`.
    Search,
    /// `POST /retrieve`.
    Retrieve,
    /// `POST /ingest` of one document, waited for.
    Ingest,
    /// `POST /tools/execute` of a call that the fixtures hold a right answer for; none of them writes.
    Tool,
    /// `POST /tts` of a question, as raw samples that are sent while they are made: its first byte is audio.
    Speech,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Chat, Self::Search, Self::Retrieve, Self::Ingest, Self::Tool, Self::Speech];

    /// The operation.
    pub fn operation(self) -> &'static Operation {
        match self {
            Self::Chat => &CHAT,
            Self::Search => &SEARCH,
            Self::Retrieve => &RETRIEVE,
            Self::Ingest => &INGEST,
            Self::Tool => &EXECUTE_TOOL,
            Self::Speech => &SYNTHESIZE_SPEECH,
        }
    }

    /// Whether the answer is a stream of events.
    pub fn streams(self) -> bool {
        self == Self::Chat
    }

    /// Whether answers say that they came from a cache.
    pub fn caches(self) -> bool {
        self == Self::Search
    }

    /// Whether the answer is audio, whose first byte matters more than its last.
    pub fn sounds(self) -> bool {
        self == Self::Speech
    }

    /// The feature that a deployment and a tenant need for it; `None` for what all have.
    pub fn feature(self) -> Option<Feature> {
        match self {
            Self::Chat => Some(Feature::Chat),
            Self::Tool => Some(Feature::Tools),
            Self::Speech => Some(Feature::Tts),
            Self::Search | Self::Retrieve | Self::Ingest => None,
        }
    }

    /// The request that asks or speaks `question`, or that brings `material` along: the document to ingest, or the call of a tool as
    /// [`call`] makes it.
    pub fn request(self, question: &str, material: &Value) -> Request {
        self.carrying(self.body(question, material))
    }

    /// The request that carries `body`.
    pub fn carrying(self, body: Bytes) -> Request {
        let operation = self.operation();
        let request = Request::new(operation.method, operation.path).header("content-type", "application/json");
        Request { body: Some(body), ..request }
    }

    /// The body of [`Action::request`].
    pub fn body(self, question: &str, material: &Value) -> Bytes {
        let body = match self {
            Self::Chat => {
                let mut body = chat_body(&json!([{"role": "user", "content": question}]));
                (body["stream"], body["rag"]) = (json!(true), json!(true));
                body
            }
            Self::Search => search_body(&json!(question)),
            Self::Retrieve => retrieve_body(&json!(question)),
            Self::Ingest => ingest_body(&json!([material])),
            Self::Tool => execute_tool_body(&material["tool"], &material["arguments"]),
            Self::Speech => {
                let mut body = synthesize_speech_body(&json!(question));
                (body["stream"], body["format"]) = (json!(true), json!("pcm"));
                body
            }
        };
        Bytes::from(body.to_string())
    }
}

/// A call of the tool `name`, as [`Action::request`] takes it.
pub fn call(name: &str, arguments: &serde_json::Map<String, Value>) -> Value {
    json!({"tool": name, "arguments": arguments})
}

/// Every call of the fixtures that only reads, with the name of its tool.
///
/// # Errors
///
/// Where the fixtures' tools cannot be read.
pub fn calls(fixtures: &Fixtures) -> Result<Vec<(&'static str, Value)>, FixtureError> {
    let tools = fixtures.tools()?;
    let entities = tools.entities.iter().map(|it| ("extract_entities", &it.arguments));
    let intents = tools.intents.iter().map(|it| ("classify_intent", &it.arguments));
    let summaries = tools.summaries.iter().map(|it| ("summarize", &it.arguments));
    let tags = tools.tags.iter().map(|it| ("tag_chunk_docs", &it.arguments));
    let all = entities.chain(intents).chain(summaries).chain(tags);
    Ok(all.map(|(name, arguments)| (name, call(name, arguments))).collect())
}

/// Id of the document in a slot.
fn slot_id(slot: u64) -> String {
    format!("load-{slot}")
}

/// A copy of `fixture` in the slot that `number` falls into. Its content differs from that of the copy before, or a target that
/// knows what it has already would have nothing to do.
pub fn copy(fixture: &DocumentFixture, number: u64) -> Value {
    let mut input = fixture.to_input();
    input.id = slot_id(number % SLOTS).as_str().into();
    let end = (0..=LONGEST_CONTENT.min(input.content.len())).rev().find(|at| input.content.is_char_boundary(*at));
    input.content.truncate(end.unwrap_or(0));
    input.content = format!("{}\n\nCopy number {number}.\n", input.content);
    json!(input)
}

/// The requests that delete what [`copy`] has written.
pub fn clean_up() -> impl Iterator<Item = Request> {
    (0..SLOTS).map(|slot| Request::new(DELETE_DOCUMENT.method, &DELETE_DOCUMENT.path.replace("{id}", &slot_id(slot))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_hold_what_was_asked_and_nothing_of_the_examples() {
        let document = json!({"id": "a"});
        let body = |action: Action| -> Value {
            let request = action.request("Where?", &document);
            assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", action.operation().path));
            serde_json::from_slice(&request.body.expect("there is a body")).expect("it is JSON")
        };
        assert_eq!(body(Action::Search), json!({"query": "Where?"}));
        assert_eq!(body(Action::Retrieve), json!({"query": "Where?"}));
        assert_eq!(body(Action::Ingest), json!({"documents": [{"id": "a"}]}));
        let chat = json!({"messages": [{"role": "user", "content": "Where?"}], "stream": true, "rag": true});
        assert_eq!(body(Action::Chat), chat);
        let speech = json!({"text": "Where?", "stream": true, "format": "pcm"});
        assert_eq!(body(Action::Speech), speech);
    }

    #[test]
    fn calls_are_those_of_the_fixtures_and_name_their_tool() {
        let fixtures = Fixtures::load(&Fixtures::embedded_root()).expect("the fixtures are whole");
        let calls = calls(&fixtures).expect("the tools can be read");
        assert!(calls.len() > 400, "{}", calls.len());
        for (name, call) in &calls {
            let request = Action::Tool.request("", call);
            let body: Value = serde_json::from_slice(&request.body.expect("there is a body")).expect("it is JSON");
            assert_eq!((body["tool"].as_str(), body["arguments"].is_object()), (Some(*name), true), "{body}");
        }
    }

    #[test]
    fn copies_differ_and_are_all_deleted() {
        let fixtures = fixtures::Fixtures::load(&fixtures::Fixtures::embedded_root()).expect("the fixtures are whole");
        let document =
            fixtures.tenants().iter().find_map(|tenant| tenant.documents.first()).expect("there is a document");
        let (one, same_slot) = (copy(document, 3), copy(document, 3 + SLOTS));
        assert_eq!(one["id"], same_slot["id"]);
        assert_ne!(one["content"], same_slot["content"]);
        let deleted: Vec<String> = clean_up().map(|request| request.target).collect();
        for number in 0..2 * SLOTS {
            let id = copy(document, number)["id"].as_str().expect("it has an id").to_owned();
            assert!(deleted.contains(&format!("/documents/{id}")), "{id}");
        }
    }
}

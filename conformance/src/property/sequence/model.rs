//! What the platform must hold after each command, and what each answer must therefore say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::command::{CONTENTS, Draft, Plan, SLOTS};

/// Letters of made-up words, so that no stemmer finds an ending in one.
const CONSONANT: &[u8; 19] = b"bcdfghjklmnpqrtvwxz";
/// How many there are.
const CONSONANTS: u64 = 19;

fn consonant(number: u64) -> char {
    char::from(CONSONANT[usize::try_from(number % CONSONANTS).unwrap_or(0)])
}

/// The id of a run in letters alone, as every made-up word holds it.
pub(crate) fn letters(run: &str) -> String {
    run.bytes().map(|byte| consonant(u64::from(byte))).collect()
}

/// A document that is there.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) marker: String,
    content: String,
    content_type: &'static str,
    pub(super) metadata: Map<String, Value>,
    draft: Draft,
    pub(super) chunks: Option<u64>,
}

impl Document {
    fn hash(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(self.content.as_bytes())))
    }

    /// Whether sending `self` over `other` changes nothing.
    fn is_same_as(&self, other: &Self) -> bool {
        self.content == other.content && self.content_type == other.content_type && self.metadata == other.metadata
    }
}

/// The platform as it must be.
#[derive(Debug)]
pub(super) struct Model {
    plan: Plan,
    run: String,
    number: u32,
    pub(super) documents: [Option<Document>; SLOTS],
    /// Words that stood in a document once and stand in none now.
    gone: BTreeSet<String>,
    /// Questions with a cached answer, and until when it may be served.
    cached: BTreeMap<String, Instant>,
}

impl Model {
    pub(super) fn new(plan: &Plan, run: &str, number: u32) -> Self {
        let run = run.to_owned();
        Self {
            plan: plan.clone(),
            run,
            number,
            documents: Default::default(),
            gone: BTreeSet::new(),
            cached: BTreeMap::new(),
        }
    }

    /// The id of a document.
    pub(super) fn id(&self, slot: usize) -> String {
        format!("property-{}-{}-{slot}", self.run, self.number)
    }

    /// A word of letters alone that stands in one content of one document of one attempt of one run.
    fn marker(&self, slot: usize, content: usize) -> String {
        let mut number = u64::from(self.number) * 64 + u64::try_from(slot * 8 + content).unwrap_or(0);
        let mut word = String::from("zq");
        for _ in 0..5 {
            word.push(consonant(number));
            number /= CONSONANTS;
        }
        word + &letters(&self.run) + "zx"
    }

    /// The word that is looked for on behalf of a document: the one that it has, or one that it could have.
    pub(super) fn sought(&self, slot: usize) -> String {
        let there = self.documents[slot].as_ref().map(|document| document.marker.clone());
        let past = || (0..CONTENTS).map(|content| self.marker(slot, content));
        there.or_else(|| past().find(|marker| self.gone.contains(marker))).unwrap_or_else(|| self.marker(slot, 0))
    }

    /// The document that a draft makes.
    pub(super) fn made(&self, draft: &Draft) -> Document {
        let marker = self.marker(draft.slot, draft.content);
        let tail = &self.plan.tails[draft.content];
        let content = match draft.content_type {
            "text/html" => {
                let tail = tail.replace('&', "&amp;").replace('<', "&lt;");
                format!("<html><body><h1>Note</h1><p>{marker}</p><p>{tail}</p></body></html>")
            }
            "application/json" => json!({ "note": marker, "more": tail }).to_string(),
            "text/markdown" => format!("# Note\n\n{marker}\n\n{tail}\n"),
            _ => format!("{marker}\n\n{tail}\n"),
        };
        let mut metadata = self.plan.metadata[draft.metadata].clone();
        if draft.metadata > 0 {
            metadata.insert("property_slot".to_owned(), Value::from(self.id(draft.slot)));
        }
        let content_type = draft.content_type;
        Document { marker, content, content_type, metadata, draft: draft.clone(), chunks: None }
    }

    /// What an ingest of `made` must report, as assertions on the report.
    pub(super) fn report(&self, made: &[(usize, Document)]) -> Vec<Value> {
        let mut expected = vec![json!({ "path": "$.documents", "length": { "equals": made.len() } })];
        for (index, (slot, document)) in made.iter().enumerate() {
            let status = match &self.documents[*slot] {
                None => "created",
                Some(there) if there.is_same_as(document) => "unchanged",
                Some(_) => "updated",
            };
            for (field, value) in
                [("id", self.id(*slot)), ("status", status.to_owned()), ("content_hash", document.hash())]
            {
                expected.push(json!({ "path": format!("$.documents[{index}].{field}"), "equals": value }));
            }
            expected.push(json!({ "path": format!("$.documents[{index}].chunks"), "greater_than": 0 }));
        }
        expected
    }

    /// Takes an ingest over; whether it changed anything.
    pub(super) fn ingested(&mut self, made: Vec<(usize, Document)>, report: &Value) -> bool {
        let mut changed = false;
        for (index, (slot, mut document)) in made.into_iter().enumerate() {
            document.chunks = report["documents"][index]["chunks"].as_u64();
            let same = self.documents[slot].as_ref().is_some_and(|there| there.is_same_as(&document));
            changed |= !same;
            self.gone.remove(&document.marker);
            let before = self.documents[slot].replace(document);
            self.bury(slot, before);
        }
        self.change(changed);
        changed
    }

    /// Takes a deletion over.
    pub(super) fn deleted(&mut self, slot: usize) {
        let before = self.documents[slot].take();
        self.change(before.is_some());
        self.bury(slot, before);
    }

    fn bury(&mut self, slot: usize, before: Option<Document>) {
        let now = self.documents[slot].as_ref().map(|document| document.marker.as_str());
        if let Some(before) = before.filter(|before| Some(before.marker.as_str()) != now) {
            self.gone.insert(before.marker);
        }
    }

    /// Any change makes every cached answer a miss.
    fn change(&mut self, changed: bool) {
        if changed {
            self.cached.clear();
        }
    }

    /// Whether the next answer to `query` must come from the cache; `None` when its time may just have run out.
    pub(super) fn hit(&self, query: &str, mode: &str) -> Option<bool> {
        let entry = if mode == "use" { self.cached.get(query) } else { None };
        match entry {
            None => Some(false),
            Some(until) if *until > Instant::now() + Duration::from_secs(5) => Some(true),
            Some(_) => None,
        }
    }

    /// Takes an answer over, which was stored if it may be served again.
    pub(super) fn answered(&mut self, query: &str, mode: &str, answer: &Value) {
        let ttl = Duration::from_millis(answer["cache"]["ttl_ms"].as_u64().unwrap_or(0));
        if mode != "bypass" && !ttl.is_zero() {
            self.cached.insert(query.to_owned(), Instant::now() + ttl);
        }
    }

    /// What a document must show of itself.
    pub(super) fn shown(&self, slot: usize) -> Option<Vec<Value>> {
        let document = self.documents[slot].as_ref()?;
        let mut expected = vec![
            json!({ "path": "$.id", "equals": self.id(slot) }),
            json!({ "path": "$.content_type", "equals": document.content_type }),
            json!({ "path": "$.content_hash", "equals": document.hash() }),
            json!({ "path": "$.size_bytes", "equals": document.content.len() }),
            json!({ "path": "$.metadata", "equals": document.metadata }),
            json!({ "path": "$.text", "contains": document.marker }),
        ];
        expected.extend(document.chunks.map(|chunks| json!({ "path": "$.chunks", "equals": chunks })));
        Some(expected)
    }

    /// What the chunks of a document must be.
    pub(super) fn chunks(&self, slot: usize) -> Option<Vec<Value>> {
        let document = self.documents[slot].as_ref()?;
        Some(vec![
            json!({ "path": "$.chunks[*].document_id", "equals": self.id(slot) }),
            json!({ "path": "$.chunks[0].ordinal", "equals": 0 }),
            json!({ "path": format!("$.chunks[?search(@.text, '{}')]", document.marker), "present": true }),
        ])
    }

    /// What a retrieval may not hold: documents that are not there, and words of contents that are no more.
    pub(super) fn nothing_gone(&self, list: &str, id: &str, text: &str) -> Vec<Value> {
        let there = |slot: &usize| self.documents[*slot].is_some();
        let missing = (0..SLOTS).filter(|slot| !there(slot));
        let mut expected: Vec<Value> = missing
            .map(|slot| json!({ "path": format!("$.{list}[?@.{id} == '{}']", self.id(slot)), "absent": true }))
            .collect();
        if !self.gone.is_empty() && !text.is_empty() {
            let words = self.gone.iter().map(String::as_str).collect::<Vec<_>>().join("|");
            expected.push(json!({ "path": format!("$.{list}[?search(@.{text}, '{words}')]"), "absent": true }));
        }
        expected
    }

    /// What a retrieval for the word of a document must hold.
    pub(super) fn retrieved(&self, slot: usize, filtered: bool) -> Vec<Value> {
        let mut expected = self.nothing_gone("chunks", "document_id", "text");
        let id = self.id(slot);
        if let Some(document) = &self.documents[slot] {
            let of_it = format!("$.chunks[?@.document_id == '{id}']");
            let word = format!("$.chunks[?search(@.text, '{}')]", document.marker);
            expected.push(json!({ "path": word, "present": true }));
            expected.push(json!({ "path": format!("{of_it}.metadata"), "equals": document.metadata }));
        }
        if filtered {
            expected.push(json!({ "path": format!("$.chunks[?@.document_id != '{id}']"), "absent": true }));
        }
        expected
    }

    /// Ids of the documents that are there, rising.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            (0..SLOTS).filter(|slot| self.documents[*slot].is_some()).map(|slot| self.id(slot)).collect();
        ids.sort();
        ids
    }
}

impl Document {
    /// The document as an ingest sends it.
    pub(super) fn input(&self, id: &str) -> Value {
        let mut input = json!({ "id": id, "content": self.content, "content_type": self.content_type });
        if !self.metadata.is_empty() {
            input["metadata"] = Value::Object(self.metadata.clone());
        }
        input
    }

    /// What it came from.
    pub(super) fn draft(&self) -> Draft {
        self.draft.clone()
    }
}

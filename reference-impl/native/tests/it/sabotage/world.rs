//! A running deployment, and short ways to ask it.
#![expect(clippy::needless_pass_by_value, reason = "probes hand over what they have just written down")]

use std::cell::Cell;

use serde_json::{Value, json};

use super::model::Model;
use crate::program::{Answer, Program, exchange, exchange_text, fixtures, key};

/// The tenant that most probes use.
pub(super) const AURORA: &str = "aurora-bikes";
/// The other one.
pub(super) const MERIDIAN: &str = "meridian-lab";
/// The tenant of small limits and short times.
pub(super) const LIMITS: &str = "tiny-limits";
/// The tenant of small rate limits.
pub(super) const RATES: &str = "tiny-rates";

/// A server and what has been asked of it.
pub(super) struct World {
    pub(super) program: Program,
    /// What writes for the tenant `far-reach`.
    pub(super) model: Model,
    _folder: tempfile::TempDir,
    words: Cell<usize>,
}

impl World {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = Model::start();
        let told = [format!("--provider-url=far/write={}", model.url)];
        let program = Program::start_told(folder.path(), &fixtures().join("tenants"), &told);
        let world = Self { program, model, _folder: folder, words: Cell::new(0) };
        // Every tenant has something, so that there is something to confuse.
        for tenant in [AURORA, MERIDIAN] {
            let text = format!("The gate of {tenant} is painted every 9 years. The fence stays as it is.");
            world.ingest(tenant, json!({"id": "gate", "content": text}));
        }
        world
    }

    /// A word that was never used before, without digits.
    pub(super) fn word(&self) -> String {
        let mut number = self.words.replace(self.words.get() + 1);
        let mut word = "quorl".to_owned();
        for _ in 0..3 {
            word.push(char::from(b'a' + u8::try_from(number % 20).unwrap()));
            word.push('o');
            number /= 20;
        }
        word + "m"
    }

    /// One request by a key of a tenant.
    pub(super) fn by(&self, tenant: &str, name: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.program.call(method, path, Some(&key(tenant, name)), body.as_ref())
    }

    /// One request by the key of a tenant that may do everything.
    pub(super) fn call(&self, tenant: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.by(tenant, "all", method, path, body)
    }

    pub(super) fn get(&self, tenant: &str, path: &str) -> Answer {
        self.call(tenant, "GET", path, None)
    }

    pub(super) fn post(&self, tenant: &str, path: &str, body: Value) -> Answer {
        self.call(tenant, "POST", path, Some(body))
    }

    /// One request with headers of its own; a `host` must come first.
    pub(super) fn with(&self, tenant: &str, method: &str, path: &str, headers: &[&str], body: Option<Value>) -> Answer {
        let credential = format!("authorization: Bearer {}", key(tenant, "all"));
        let lines = [headers, &[&credential, ""]].concat().join("\r\n");
        exchange(&self.program.address, method, path, &lines, body.as_ref()).unwrap()
    }

    /// A request whose body is any text.
    pub(super) fn text(&self, tenant: &str, name: &str, path: &str, media_type: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {}\r\n", key(tenant, name));
        exchange_text(&self.program.address, "POST", path, &headers, Some((media_type, body))).unwrap()
    }

    /// Ingests one document: `document` without its media type, which is plain text.
    pub(super) fn ingest(&self, tenant: &str, document: Value) -> Answer {
        self.ingest_with(tenant, document, json!({}))
    }

    pub(super) fn ingest_with(&self, tenant: &str, mut document: Value, options: Value) -> Answer {
        if document["content_type"].is_null() {
            document["content_type"] = json!("text/plain");
        }
        self.post(tenant, "/ingest", json!({"documents": [document], "options": options}))
    }

    /// A new document that says of a new word how long its lever is pressed; the word is also its id.
    pub(super) fn lever(&self, tenant: &str) -> String {
        let word = self.word();
        let content = format!("The {word} lever is pressed for 37 seconds. It is oiled by hand.");
        self.ingest(tenant, json!({"id": word, "content": content, "metadata": {"made_by": word}}));
        word
    }

    /// A search for what [`World::lever`] says.
    pub(super) fn ask(&self, tenant: &str, word: &str, more: &Value) -> Answer {
        let mut body = json!({"query": format!("How long is the {word} lever pressed?")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(tenant, "/search", body)
    }

    /// The ids of the documents of what is retrieved, in order.
    pub(super) fn retrieve(&self, tenant: &str, query: &str, filter: Value, more: &Value) -> Value {
        let mut body = json!({"query": query, "filter": filter, "top_k": 100});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(tenant, "/retrieve", body).json()
    }

    /// How many chunks are retrieved under a filter.
    pub(super) fn count(&self, query: &str, filter: Value) -> usize {
        self.retrieve(AURORA, query, filter, &json!({}))["chunks"].as_array().map_or(usize::MAX, Vec::len)
    }

    /// Moves a tenant's clock.
    pub(super) fn advance(&self, tenant: &str, milliseconds: u64) {
        let body = json!({"advance_ms": milliseconds});
        self.program.control("POST", &format!("/tenants/{tenant}/clock"), Some(&body));
    }

    /// Sets a fault.
    pub(super) fn fault(&self, port: &str, spec: Value) {
        assert_eq!(self.program.control("PUT", &format!("/faults/{port}"), Some(&spec)).status, 200);
    }

    /// Clears a fault.
    pub(super) fn mend(&self, port: &str) {
        assert_eq!(self.program.control("DELETE", &format!("/faults/{port}"), None).status, 204);
    }
}

/// Value of a header, by its name in lower case.
pub(super) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .head
        .lines()
        .find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name))
        .map(|(_, value)| value)
}

/// Every text under `field` of the objects of a list.
pub(super) fn texts(list: &Value, field: &str) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|it| it[field].as_str().map(str::to_owned)).collect()
}

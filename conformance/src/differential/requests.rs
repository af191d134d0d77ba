//! What both deployments are asked: questions, documents and tools of the fixtures, tenant by tenant.

use fixtures::TenantFixture;
use harness::client::Request;
use serde_json::{Value, json};

use crate::session::Session;

/// Questions of a tenant that are asked.
const QUESTIONS: usize = 40;
/// Questions of a tenant that a chat is begun with, plain and streamed.
const CHATS: usize = 6;
/// Documents of a tenant that are read one by one.
const DOCUMENTS: usize = 12;

/// A request, by the name of its operation.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) operation: &'static str,
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl Asked {
    fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self { operation, method: "GET", path: path.into(), body: None }
    }

    fn post(operation: &'static str, path: &str, body: Value) -> Self {
        Self { operation, method: "POST", path: path.to_owned(), body: Some(body) }
    }

    /// The request as `tenant` sends it to the target of `session`; `None` where the profile has no credential of it.
    pub(super) fn of(&self, session: &Session, tenant: &str) -> Option<Request> {
        let request = Request::new(self.method, &self.path).bearer(&session.principal(tenant)?.secret);
        Some(match &self.body {
            Some(body) => request.json(body),
            None => request,
        })
    }
}

/// Everything that is asked for `tenant`, in the order in which it is sent.
pub(super) fn of_tenant(tenant: &TenantFixture) -> Vec<Asked> {
    let mut all = vec![
        Asked::get("get_capabilities", "/capabilities"),
        Asked::get("list_documents", "/documents?limit=100"),
        Asked::get("list_tools", "/tools"),
        Asked::get("list_jobs", "/jobs"),
    ];
    for document in tenant.documents.iter().take(DOCUMENTS) {
        all.push(Asked::get("get_document", format!("/documents/{}", document.id)));
        all.push(Asked::get("list_document_chunks", format!("/documents/{}/chunks?limit=100", document.id)));
    }
    for (at, question) in tenant.questions.iter().take(QUESTIONS).enumerate() {
        let (query, mode) = (&question.text, ["lexical", "dense", "hybrid"][at % 3]);
        all.push(Asked::post("retrieve", "/retrieve", json!({"query": query, "mode": mode, "top_k": 10})));
        all.push(Asked::post("search", "/search", json!({"query": query})));
        if at % 4 == 0 {
            all.push(Asked::post("search", "/search", json!({"query": query}))); // from the cache
            all.push(Asked::post("search", "/search", json!({"query": query, "stream": true})));
        }
        if at < CHATS {
            let messages = json!([{"role": "user", "content": query}]);
            all.push(Asked::post("chat", "/chat", json!({"messages": messages, "stream": false})));
            all.push(Asked::post("chat", "/chat", json!({"messages": messages, "stream": true})));
        }
    }
    all.extend(tools(tenant));
    let gone = tenant.documents.first().map(|document| format!("/documents/{}", document.id));
    if let (Some(path), Some(question)) = (gone, tenant.questions.first()) {
        all.push(Asked { method: "DELETE", ..Asked::get("delete_document", path.clone()) });
        all.push(Asked::get("get_document", path));
        all.push(Asked::post("retrieve", "/retrieve", json!({"query": question.text, "top_k": 100})));
    }
    all
}

/// Calls of tools that read the tenant's own texts.
fn tools(tenant: &TenantFixture) -> Vec<Asked> {
    let texts = tenant.documents.iter().take(4).map(|document| document.content.chars().take(2000).collect::<String>());
    let each = texts.enumerate().flat_map(|(at, text)| {
        let documents = json!([{"id": format!("text-{at}"), "content": text}]);
        let plain = ["summarize", "extract_entities"].map(|tool| (tool, json!({"text": text})));
        plain.into_iter().chain([("tag_chunk_docs", json!({"documents": documents}))])
    });
    let asked = tenant.questions.iter().take(6).map(|question| ("classify_intent", json!({"text": question.text})));
    let call = |(tool, arguments): (&str, Value)| {
        Asked::post("execute_tool", "/tools/execute", json!({"tool": tool, "arguments": arguments}))
    };
    each.chain(asked).map(call).collect()
}

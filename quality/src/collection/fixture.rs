//! A fixture tenant as a collection: its own documents under their own ids, and its judged questions.

use fixtures::TenantFixture;
use serde_json::Value;

use super::{Asked, Collection, Gold, Sent};

/// Name of the fixtures' questions.
pub const FIXTURES: &str = "fixtures";

/// The documents and questions of `tenant`. Ids of questions carry the tenant, because several tenants make one collection.
pub fn of_fixture(tenant: &TenantFixture) -> Collection {
    let documents = tenant.documents.iter().map(|document| {
        let input = serde_json::to_value(document.to_input()).unwrap_or_default();
        Sent {
            id: document.id.clone(),
            content: document.content.clone(),
            content_type: input["content_type"].as_str().unwrap_or("text/plain").to_owned(),
            metadata: input["metadata"].as_object().cloned().unwrap_or_default(),
        }
    });
    let questions = tenant.questions.iter().map(|question| {
        let best = question.judgements.iter().filter(|(_, grade)| **grade >= 3).map(|(document, _)| document);
        let gold = |(document, answer): (&String, &String)| Gold {
            document: document.clone(),
            text: answer.clone(),
            answers: true,
        };
        Asked {
            id: format!("{}/{}", tenant.id, question.id),
            text: question.text.clone(),
            judgements: question.judgements.clone(),
            gold: best.zip(question.answer.iter().cycle()).map(gold).collect(),
        }
    });
    Collection {
        name: FIXTURES.to_owned(),
        prefix: String::new(),
        alone: false,
        documents: documents.collect(),
        empty: Vec::new(),
        questions: questions.collect(),
    }
}

/// A document as an item of an ingest request.
pub(crate) fn item(document: &Sent) -> Value {
    serde_json::json!({
        "id": document.id,
        "content": document.content,
        "content_type": document.content_type,
        "metadata": document.metadata,
    })
}

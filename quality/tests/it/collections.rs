//! A collection on its way into a stand-in and back: what is sent, what is kept, what is removed, and what the gate sees of a
//! target that loses, alters or makes things up.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use harness::{
    client::{Bounds, Client},
    credential::{Credential, Secret},
    pace::Pace,
};
use indicatif::ProgressBar;
use quality::{
    baseline::Baseline,
    collection::{self, Collection},
    evaluate::{Evaluated, evaluate},
    faults::Fault,
    fill::{Filled, content_hash, fill},
    gate::{MARGIN, Terms, judge},
    measure::Measure,
    wire::Wire,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Documents by id, as they were sent.
type Store = Arc<Mutex<BTreeMap<String, Value>>>;

/// A target that ranks by shared words.
struct StandIn(Store);

impl Respond for StandIn {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut store = self.0.lock().unwrap();
        let body: Value = request.body_json().unwrap_or_default();
        let ok = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        match (request.method.as_str(), request.url.path()) {
            ("GET", "/documents") => ok(json!({ "documents": store.values().map(summary).collect::<Vec<_>>() })),
            ("POST", "/ingest") => {
                let mut outcomes = Vec::new();
                for document in body["documents"].as_array().unwrap() {
                    let id = document["id"].as_str().unwrap().to_owned();
                    outcomes.push(json!({"id": id, "status": "created", "chunks": 1, "content_hash": hash(document)}));
                    store.insert(id, document.clone());
                }
                ok(json!({"documents": outcomes, "corpus_version": 1}))
            }
            ("DELETE", path) => {
                let id = path.trim_start_matches("/documents/").replace("%3A", ":");
                ResponseTemplate::new(if store.remove(&id).is_some() { 200 } else { 404 }).set_body_json(json!({}))
            }
            ("POST", "/retrieve") => ok(json!({ "chunks": ranked(&store, body["query"].as_str().unwrap()) })),
            _ => ResponseTemplate::new(404),
        }
    }
}

fn hash(document: &Value) -> String {
    content_hash(document["content"].as_str().unwrap())
}

fn summary(document: &Value) -> Value {
    let at = "2026-03-02T09:15:00Z";
    json!({
        "id": document["id"], "content_type": document["content_type"], "content_hash": hash(document), "size_bytes": 1,
        "chunks": 1, "metadata": document["metadata"], "created_at": at, "updated_at": at,
    })
}

fn ranked(store: &BTreeMap<String, Value>, query: &str) -> Vec<Value> {
    let share = |document: &Value| {
        let content = document["content"].as_str().unwrap().to_lowercase();
        let words: Vec<&str> = query.split(' ').collect();
        f64::from(u8::try_from(words.iter().filter(|word| content.contains(**word)).count()).unwrap()) / 10.0
    };
    let mut found: Vec<(f64, &Value)> = store.values().map(|document| (share(document), document)).collect();
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    let chunk = |(rank, (score, document)): (usize, (f64, &Value))| {
        json!({
            "rank": rank + 1, "score": score, "chunk_id": format!("chk_{rank:032x}"), "document_id": document["id"],
            "span": {"start": 0, "end": 1}, "text": document["content"], "heading_path": [], "metadata": document["metadata"],
        })
    };
    found.into_iter().enumerate().map(chunk).collect()
}

fn tiny() -> Collection {
    collection::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/collections/tiny")).unwrap()
}

/// A stand-in that holds one document of another collection, and what runs against it.
struct House {
    store: Store,
    _server: MockServer,
    client: Client,
    credential: Credential,
    pace: Pace,
}

impl House {
    async fn open() -> Self {
        let server = MockServer::start().await;
        let store = Store::default();
        let other =
            json!({"id": "other:9", "content": "bolts frame tightened", "content_type": "text/plain", "metadata": {}});
        store.lock().unwrap().insert("other:9".to_owned(), other);
        Mock::given(any()).respond_with(StandIn(Arc::clone(&store))).mount(&server).await;
        let client = Client::new(&server.uri(), Bounds::default()).unwrap();
        let credential = Credential {
            tenant: "open-shelf".to_owned(),
            name: "all".to_owned(),
            scopes: Vec::new(),
            secret: Secret::new("key"),
        };
        Self { store, _server: server, client, credential, pace: Pace::new(None) }
    }

    fn wire<'a>(&'a self, fault: Option<&'a Fault>) -> Wire<'a> {
        let (client, credential, pace) = (&self.client, &self.credential, &self.pace);
        Wire { client, credential, pace, fault, stranger: Some(credential), seed: 7 }
    }

    async fn fill(&self, again: bool) -> Filled {
        fill(&self.wire(None), &tiny(), None, again, &ProgressBar::hidden()).await.unwrap()
    }

    async fn evaluate(&self, fault: Option<&Fault>) -> Evaluated {
        evaluate(&self.wire(fault), &tiny(), None, &ProgressBar::hidden()).await.unwrap()
    }
}

fn failing(now: Evaluated, before: &Evaluated) -> Vec<String> {
    let baseline = Baseline::of(before, "stand-in", "a test", "2026-03-02T09:15:00Z".to_owned(), None);
    let judged = judge(vec![(now, Some(baseline))], Terms { margin: MARGIN, seed: 7 }).remove(0);
    judged.gates.iter().filter(|gate| gate.fails()).map(|gate| gate.name.clone()).collect()
}

#[tokio::test]
async fn sends_what_is_missing_and_removes_what_is_foreign() {
    let house = House::open().await;
    assert_eq!(house.fill(false).await, Filled { sent: 3, kept: 0, removed: 1 });
    assert_eq!(house.fill(false).await, Filled { sent: 0, kept: 3, removed: 0 });
    house.store.lock().unwrap().remove("tiny:2");
    house.store.lock().unwrap().get_mut("tiny:1").unwrap()["metadata"]["title"] = "Nuts".into();
    assert_eq!(house.fill(false).await, Filled { sent: 2, kept: 1, removed: 0 });
    assert_eq!(house.fill(true).await, Filled { sent: 3, kept: 0, removed: 0 });
}

#[tokio::test]
async fn scores_documents_under_the_names_of_the_collection() {
    let house = House::open().await;
    house.fill(false).await;
    let found = house.evaluate(None).await;
    assert_eq!(found.found[0].ranking.documents()[0], "1");
    assert!((found.mean(Measure::GATED) - 1.0).abs() < 1e-12 && found.found.len() == 3);
    assert_eq!((found.documents, found.chunks), (3, 3));
    assert_eq!(failing(found.clone(), &found), Vec::<String>::new());
}

#[tokio::test]
async fn sees_what_is_lost_altered_and_too_much() {
    let house = House::open().await;
    house.fill(false).await;
    let before = house.evaluate(None).await;
    house.store.lock().unwrap().get_mut("tiny:1").unwrap()["metadata"]["meta"]["page"] = 1.into();
    assert_eq!(failing(house.evaluate(None).await, &before), ["metadata"]);
    house.fill(false).await;
    house.store.lock().unwrap().remove("tiny:3");
    let lost = failing(house.evaluate(None).await, &before);
    assert!(lost.contains(&"documents".to_owned()) && lost.contains(&"chunks".to_owned()), "{lost:?}");
    house.fill(false).await;
    let strange = json!({"id": "tiny:99", "content": "x", "content_type": "text/plain", "metadata": {}});
    house.store.lock().unwrap().insert("tiny:99".to_owned(), strange);
    assert_eq!(failing(house.evaluate(None).await, &before), ["documents"]);
}

#[tokio::test]
async fn faults_on_the_way_change_what_is_scored_and_nothing_else() {
    let house = House::open().await;
    house.fill(false).await;
    let before = house.evaluate(None).await;
    let swapped = house.evaluate(Some(&Fault::FirstTwoSwapped)).await;
    assert!(swapped.found.iter().all(|found| found.ranking.documents()[1] != before.found[0].ranking.documents()[1]
        || found.measure(Measure::GATED) < 1.0));
    assert!(swapped.mean(Measure::GATED) < 0.7, "{}", swapped.mean(Measure::GATED));
    let way = house.wire(Some(&Fault::TextTruncated));
    fill(&way, &tiny(), None, true, &ProgressBar::hidden()).await.unwrap();
    assert!(failing(house.evaluate(None).await, &before).contains(&"metadata".to_owned()));
    assert_eq!(house.fill(false).await.sent, 3);
    assert_eq!(failing(house.evaluate(None).await, &before), Vec::<String>::new());
}

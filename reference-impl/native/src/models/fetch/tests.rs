use std::time::Duration;

use std::sync::Arc;

use reference_core::answer::Prompt;
use reference_core::ports::{
    ChatCall, ChatDelta, ChatFinish, ChatMessage, ChatModel, ChatRole, EmbedPurpose, Embedder, GenerationRequest,
    Generator, ModelError, Passage, RerankCandidate, Reranker,
};
use reference_core::tenancy::RequestMark;
use reference_core::testkit::TestTenants;
use reference_core::trace::TracePoint;
use reference_providers::{
    Api, Endpoint, Provider, ProviderEmbedder, ProviderKind, ProviderModel, ProviderReranker, Secret,
};
use serde_json::{Value as Json, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::tasks::TokioTimer;

const SECRET: &str = "sk-not-to-be-seen";

fn provider(url: &str, kind: ProviderKind) -> Provider {
    Provider {
        id: "acme/m".to_owned(),
        kind,
        api: Api::OpenAi,
        url: format!("{url}/v1"),
        binding: None,
        model: "m-1".to_owned(),
        key: Secret::new(SECRET),
        timeout: Duration::from_secs(5),
        batch: 2,
        context_tokens: None,
    }
}

fn endpoint(provider: Provider) -> Endpoint {
    Endpoint::new(provider, Arc::new(HttpFetch::new(false).unwrap()), Arc::new(TokioTimer))
}

fn embedder(url: &str) -> ProviderEmbedder {
    ProviderEmbedder::new(endpoint(provider(url, ProviderKind::Embedding { dimensions: 2 }))).unwrap()
}

fn reranker(url: &str) -> ProviderReranker {
    ProviderReranker::new(endpoint(provider(url, ProviderKind::Rerank))).unwrap()
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    server
}

fn candidates(count: usize) -> Vec<RerankCandidate> {
    let candidate = |text| RerankCandidate { text, heading_path: Vec::new(), vector: Vec::new(), score: 0.5 };
    texts(count).into_iter().map(candidate).collect()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("text {at}")).collect()
}

/// What a failure is, with everything that it shows of itself.
fn told(error: &ModelError) -> String {
    let kind = match error {
        ModelError::Unavailable { .. } => "unavailable",
        ModelError::Refused { .. } => "refused",
        ModelError::Rejected { .. } => "rejected",
        ModelError::TimedOut { .. } => "timed out",
        ModelError::Unusable { .. } => "unusable",
        ModelError::BudgetExceeded { .. } => "over budget",
    };
    format!("{kind}: {error} {error:?}")
}

#[tokio::test]
async fn sends_texts_in_batches_and_orders_vectors_by_index() {
    let server = MockServer::start().await;
    let answer =
        json!({"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3.0, 4.0]}], "model": "m-1"});
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .and(header("authorization", format!("Bearer {SECRET}")))
        .and(body_partial_json(json!({"model": "m-1", "input": ["text 0", "text 1"]})))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(body_partial_json(json!({"input": ["text 2"]})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"data": [{"embedding": [0, 0]}]})))
        .expect(1)
        .mount(&server)
        .await;
    let owner = TestTenants::new().owner();
    let embedder = embedder(&server.uri());
    let vectors = embedder.embed(&owner, &texts(3), EmbedPurpose::Document).await.unwrap().vectors;
    assert_eq!(vectors, [vec![0.6, 0.8], vec![0.0, 1.0], vec![0.0, 0.0]]);
    assert_eq!((embedder.model(), embedder.dimensions()), ("acme/m", 2));
}

#[tokio::test]
async fn refuses_every_answer_that_does_not_fit_the_texts() {
    let owner = TestTenants::new().owner();
    let vector = |index: usize, numbers: &str| format!(r#"{{"index": {index}, "embedding": [{numbers}]}}"#);
    let data = |entries: &[String]| format!(r#"{{"data": [{}]}}"#, entries.join(","));
    for (answer, expected) in [
        (String::new(), "unusable: .. its answer is no JSON"),
        ("<html>".to_owned(), "its answer is no JSON"),
        (format!(r#"{{"error": "{SECRET}"}}"#), "its answer holds no vectors"),
        (r#"{"data": "none"}"#.to_owned(), "its answer holds no vectors"),
        (data(&[vector(0, "1, 0")]), "1 vectors for 2 texts"),
        (data(&[vector(0, "1, 0"), vector(1, "1, 0"), vector(2, "1, 0")]), "3 vectors for 2 texts"),
        (data(&[vector(0, "1, 0"), vector(0, "1, 0")]), "two vectors of the same `index`"),
        (data(&[vector(0, "1, 0"), vector(2, "1, 0")]), "an `index` beyond the texts"),
        (data(&[vector(0, "1, 0"), vector(1, "1, 0, 0")]), "a vector of 3 numbers, expected 2"),
        (data(&[vector(0, "1, 0"), vector(1, "")]), "a vector of 0 numbers, expected 2"),
        (data(&[vector(0, "1, 0"), vector(1, "NaN, 0")]), "its answer is no JSON"),
        (data(&[vector(0, "1, 0"), vector(1, "null, 0")]), "its answer holds no vectors"),
        (data(&[vector(0, "1, 0"), vector(1, "1e39, 0")]), "a number that is not finite"),
        (data(&[vector(0, "1, 0"), vector(1, "-1e300, 0")]), "a number that is not finite"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string(&*answer)).await;
        let error = embedder(&server.uri()).embed(&owner, &texts(2), EmbedPurpose::Query).await.unwrap_err();
        let (told, expected) = (told(&error), expected.trim_start_matches("unusable: .. "));
        assert!(told.starts_with("unusable: ") && told.contains(expected), "{answer}\n{told}");
        assert!(!told.contains(SECRET), "{told}");
    }
}

#[tokio::test]
async fn takes_refusals_and_silence_for_an_upstream_that_is_not_there() {
    let owner = TestTenants::new().owner();
    let echo = || ResponseTemplate::new(500).set_body_string(SECRET);
    for (response, expected) in [
        (
            ResponseTemplate::new(429).insert_header("retry-after", "1"),
            "refused: model `acme/m` did not take the call: status 429",
        ),
        (echo(), "unavailable: model `acme/m` is unavailable: status 500"),
        (ResponseTemplate::new(503), "refused: "),
        (
            ResponseTemplate::new(401).set_body_string(SECRET),
            "rejected: model `acme/m` rejected the call: it refused the key (status 401)",
        ),
        (ResponseTemplate::new(400), "rejected: "),
        (ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:9/"), "unusable: "),
    ] {
        let server = answering(response).await;
        let error = embedder(&server.uri()).embed(&owner, &texts(1), EmbedPurpose::Query).await.unwrap_err();
        let told = told(&error);
        assert!(told.contains(expected) && !told.contains(SECRET), "{told}");
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let error = embedder(&url).embed(&owner, &texts(1), EmbedPurpose::Query).await.unwrap_err();
    assert!(told(&error).starts_with("refused: "), "{error:?}");

    let slow = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(20))).await;
    let short = Provider { timeout: Duration::from_millis(50), ..provider(&slow.uri(), ProviderKind::Rerank) };
    let reranker = ProviderReranker::new(endpoint(short)).unwrap();
    let error = reranker.rerank(&owner, "q", &candidates(1)).await.unwrap_err();
    assert!(matches!(error, ModelError::TimedOut { after_ms: 50, .. }), "{error:?}");
}

#[tokio::test]
async fn orders_scores_by_index_and_holds_them_to_their_range() {
    let owner = TestTenants::new().owner();
    let server = MockServer::start().await;
    let asked = json!({"model": "m-1", "query": "why", "documents": ["text 0", "text 1"], "top_n": 2});
    let scores = json!({"results": [{"index": 1, "relevance_score": 1.5}, {"index": 0, "relevance_score": -0.25}]});
    Mock::given(path("/v1/rerank"))
        .and(body_partial_json(asked))
        .respond_with(ResponseTemplate::new(200).set_body_json(scores))
        .mount(&server)
        .await;
    assert_eq!(reranker(&server.uri()).rerank(&owner, "why", &candidates(2)).await.unwrap().scores, [0.0, 1.0]);
    let score = |index: i32, score: Json| json!({"index": index, "relevance_score": score});
    for (results, expected) in [
        (json!([score(0, json!(0.5))]), "1 scores for 2 texts"),
        (json!([score(0, json!(0.5)), score(0, json!(0.5))]), "two scores of the same `index`"),
        (json!([score(0, json!(0.5)), score(7, json!(0.5))]), "an `index` beyond the texts"),
        (json!([score(0, json!(0.5)), score(-1, json!(0.5))]), "its answer holds no scores"),
        (json!([score(0, json!(0.5)), score(1, json!(null))]), "its answer holds no scores"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_json(json!({"results": results}))).await;
        let error = reranker(&server.uri()).rerank(&owner, "why", &candidates(2)).await.unwrap_err();
        assert!(told(&error).contains(expected), "{}", told(&error));
    }
}

#[test]
fn shows_the_key_to_nobody() {
    let shown = format!("{:?} {:?}", embedder("http://127.0.0.1:1"), reranker("http://127.0.0.1:1"));
    assert!(!shown.contains(SECRET) && shown.contains("Secret(..)"), "{shown}");
}

#[test]
fn makes_no_adapter_of_another_kind() {
    let generation = endpoint(provider("http://127.0.0.1:1", ProviderKind::Generation));
    assert!(ProviderEmbedder::new(generation.clone()).is_none());
    assert!(ProviderReranker::new(generation).is_none());
    assert!(ProviderModel::new(endpoint(provider("http://127.0.0.1:1", ProviderKind::Rerank))).is_none());
}

fn request() -> GenerationRequest {
    GenerationRequest {
        question: "How long does the lever last?".to_owned(),
        terms: Vec::new(),
        passages: vec![Passage {
            document_id: "lever".to_owned(),
            chunk_id: "chk_lever".to_owned(),
            text: "The lever lasts 7 years.".to_owned(),
            heading_path: Vec::new(),
            score: 1.0,
            similarity: None,
        }],
        prompt: Prompt { system: "rules".to_owned(), user: "question".to_owned() },
        max_sentences: 3,
    }
}

fn model(url: &str) -> ProviderModel {
    ProviderModel::new(endpoint(provider(url, ProviderKind::Generation))).unwrap()
}

#[tokio::test]
async fn reads_sentences_markers_and_usage_and_passes_the_trace_on() {
    let answer = json!({
        "choices": [{"message": {"content": "The lever lasts 7 years [1]. It is blue [1]."}}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 9},
    });
    let server = MockServer::start().await;
    let messages = json!([{"role": "system", "content": "rules"}, {"role": "user", "content": "question"}]);
    Mock::given(path("/v1/chat/completions"))
        .and(header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        .and(header("x-request-id", "r-1"))
        .and(body_partial_json(json!({"model": "m-1", "messages": messages, "stream": false})))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let mark = RequestMark {
        request_id: "r-1".to_owned(),
        trace: TracePoint::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
        state: None,
        deadline_us: None,
        trail: None,
    };
    let tenant = TestTenants::new().owner().for_request(mark);
    let found = model(&server.uri()).generate(&tenant, &request()).await.unwrap();
    assert_eq!((found.tokens_in, found.tokens_out, found.sentences.len()), (Some(31), Some(9), 1));
    assert_eq!(found.sentences[0].passages, [0]);
}

#[tokio::test]
async fn streams_a_conversation_over_the_wire_and_tells_a_refusal() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n\
                  data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let message =
        ChatMessage { role: ChatRole::User, content: "hello".to_owned(), tool_calls: Vec::new(), tool_call_id: None };
    let call = ChatCall {
        messages: vec![message],
        question: "hello".to_owned(),
        passages: None,
        tools: Vec::new(),
        max_tokens: Some(9),
        temperature: None,
        stop: Vec::new(),
    };
    let owner = TestTenants::new().owner();
    let server = answering(ResponseTemplate::new(200).set_body_raw(stream, "text/event-stream")).await;
    let deltas: Vec<_> = model(&server.uri()).chat(&owner, &call).await.unwrap().collect().await;
    let deltas: Vec<ChatDelta> = deltas.into_iter().map(Result::unwrap).collect();
    assert_eq!(deltas, [ChatDelta::Text("Hi".to_owned()), ChatDelta::Finish(ChatFinish::Stop)]);

    let busy = answering(ResponseTemplate::new(429).insert_header("retry-after", "2").set_body_string(SECRET)).await;
    let error = model(&busy.uri()).chat(&owner, &call).await.err().unwrap();
    assert!(matches!(error, ModelError::Refused { retry_after_ms: Some(2000), .. }), "{error:?}");
    assert!(!told(&error).contains(SECRET));
}

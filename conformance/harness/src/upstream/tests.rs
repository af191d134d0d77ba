use std::time::Duration;

use super::*;
use crate::client::{Bounds, Client, Exchange, Request};

const KEY: &str = "sk-of-the-test";

struct Asked {
    upstream: Upstream,
    client: Client,
}

impl Asked {
    fn new() -> Self {
        let upstream = Upstream::with_key(KEY).unwrap();
        let client = Client::new(&upstream.uri(), Bounds { time: Duration::from_secs(2), body: 1 << 20 }).unwrap();
        Self { upstream, client }
    }

    async fn try_call(&self, path: &str, body: &Value) -> Result<Exchange, crate::client::ClientError> {
        let key = crate::credential::Secret::new(KEY);
        self.client.send(&Request::new("POST", path).bearer(&key).json(body)).await
    }

    async fn call(&self, path: &str, body: &Value) -> Exchange {
        self.try_call(path, body).await.unwrap()
    }

    async fn break_it(&self, operation: &str, fault: &Value) -> u16 {
        let request = Request::new("PUT", &format!("/faults/{operation}")).json(fault);
        self.client.send(&request).await.unwrap().response.status
    }
}

fn chat(stream: bool) -> Value {
    let prompt = "==== passage 1\nThe lever lasts 7 years. It is blue.\n==== end of passage 1\n\nQuestion: For how many years does the lever last?";
    json!({ "model": "m", "messages": [{ "role": "user", "content": prompt }], "stream": stream,
            "stream_options": { "include_usage": true } })
}

#[tokio::test]
async fn vectors_of_like_texts_lie_near_each_other() {
    let asked = Asked::new();
    let body = json!({ "model": "m", "input": ["the blue lever", "a blue lever", "rates of exchange"] });
    let first = asked.call("/v1/embeddings", &body).await.response.json().unwrap();
    let again = asked.call("/v1/embeddings", &body).await.response.json().unwrap();
    assert_eq!(first, again);
    let vector = |at: usize| -> Vec<f64> { serde_json::from_value(first["data"][at]["embedding"].clone()).unwrap() };
    let near = |a: usize, b: usize| vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum::<f64>();
    assert!((near(0, 0) - 1.0).abs() < 1e-3 && near(0, 1) > 0.5 && near(0, 1) > near(0, 2));
    assert_eq!((vector(0).len(), &first["usage"]["prompt_tokens"]), (64, &json!(9)));
}

#[tokio::test]
async fn writes_the_sentence_that_answers_whole_and_streamed() {
    let asked = Asked::new();
    let whole = asked.call("/v1/chat/completions", &chat(false)).await.response.json().unwrap();
    assert_eq!(whole["choices"][0]["message"]["content"], "The lever lasts 7 years.");
    assert_eq!(whole["usage"]["completion_tokens"], 5);
    let streamed = asked.call("/v1/chat/completions", &chat(true)).await.response;
    assert_eq!(streamed.media_type(), "text/event-stream");
    let text = String::from_utf8_lossy(&streamed.body).into_owned();
    let chunks: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    let joined: String = chunks.iter().filter_map(|it| it.pointer("/choices/0/delta/content")?.as_str()).collect();
    assert_eq!(joined, "The lever lasts 7 years.");
    assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn ranks_by_shared_words() {
    let asked = Asked::new();
    let body = json!({ "model": "m", "query": "blue lever", "documents": ["red wheel", "a blue lever"] });
    let found = asked.call("/v1/rerank", &body).await.response.json().unwrap();
    assert_eq!(found["results"][1], json!({ "index": 1, "relevance_score": 1.0 }));
    assert_eq!(found["results"][0]["relevance_score"], 0.0);
}

#[tokio::test]
async fn refuses_another_key_and_repeats_it() {
    let asked = Asked::new();
    let secret = crate::credential::Secret::new("sk-wrong");
    let request =
        Request::new("POST", "/v1/embeddings").bearer(&secret).json(&json!({ "model": "m", "input": "a text" }));
    let refused = asked.client.send(&request).await.unwrap().response;
    assert_eq!(refused.status, 401);
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(text.contains("sk-wrong") && text.contains("a text"), "{text}");
    assert_eq!(asked.upstream.key(), KEY);
}

#[tokio::test]
async fn breaks_as_it_is_told_to_and_is_whole_again() {
    let asked = Asked::new();
    let embeddings = json!({ "model": "m", "input": ["a"] });
    let whole = asked.call("/v1/embeddings", &embeddings).await;
    for (fault, status, is_json) in [
        (json!({ "kind": "status", "status": 429, "retry_after": 3 }), 429, true),
        (json!({ "kind": "status" }), 503, true),
        (json!({ "kind": "garbage" }), 200, false),
        (json!({ "kind": "cut" }), 200, false),
        (json!({ "kind": "misfit" }), 200, true),
        (json!({ "kind": "slow", "delay_ms": 20 }), 200, true),
    ] {
        assert_eq!(asked.break_it("embeddings", &fault).await, 204, "{fault}");
        let found = asked.call("/v1/embeddings", &embeddings).await;
        assert_eq!((found.response.status, found.response.json().is_some()), (status, is_json), "{fault}");
        let waited = fault["kind"] == "slow";
        assert_eq!(found.response.body == whole.response.body, waited, "{fault}");
        assert!(!waited || found.elapsed >= Duration::from_millis(20));
    }
    asked.break_it("embeddings", &json!({ "kind": "reset" })).await;
    let broken = asked.try_call("/v1/embeddings", &embeddings).await.unwrap_err();
    assert!(matches!(broken, crate::client::ClientError::Broken(_)), "{broken}");
    asked.break_it("embeddings", &json!({ "kind": "hang" })).await;
    let hung = asked.try_call("/v1/embeddings", &embeddings).await.unwrap_err();
    assert!(matches!(hung, crate::client::ClientError::TimedOut(_)), "{hung}");
    asked.client.send(&Request::new("DELETE", "/faults")).await.unwrap();
    assert_eq!(asked.call("/v1/embeddings", &embeddings).await.response.body, whole.response.body);
}

#[tokio::test]
async fn a_fault_may_count_its_calls_and_strikes_its_operation_alone() {
    let asked = Asked::new();
    asked.break_it("chat", &json!({ "kind": "status", "calls": 2 })).await;
    let embeddings = json!({ "model": "m", "input": "a" });
    let mut statuses = vec![asked.call("/v1/embeddings", &embeddings).await.response.status];
    for _ in 0..3 {
        statuses.push(asked.call("/v1/chat/completions", &chat(false)).await.response.status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    asked.break_it("chat", &json!({ "kind": "cut" })).await;
    let cut = asked.call("/v1/chat/completions", &chat(true)).await.response;
    assert!(!String::from_utf8_lossy(&cut.body).contains("[DONE]"));
    asked.break_it("chat", &json!({ "kind": "writes", "content": "Just this." })).await;
    let said = asked.call("/v1/chat/completions", &chat(false)).await.response.json().unwrap();
    assert_eq!(said["choices"][0]["message"]["content"], "Just this.");
    let tools = json!([{ "name": "summarize", "arguments": { "text": "The mill turns." } }]);
    asked.break_it("chat", &json!({ "kind": "tools", "tools": tools })).await;
    let whole = asked.call("/v1/chat/completions", &chat(false)).await.response.json().unwrap();
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
        "{\"text\":\"The mill turns.\"}"
    );
    let streamed = asked.call("/v1/chat/completions", &chat(true)).await.response;
    let streamed = String::from_utf8_lossy(&streamed.body).into_owned();
    assert!(streamed.matches("tool_calls\":[").count() == 2 && streamed.contains("[DONE]"), "{streamed}");
    let mut after = chat(false);
    after["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "role": "tool", "tool_call_id": "host-0", "content": "It turns." }));
    let told = asked.call("/v1/chat/completions", &after).await.response.json().unwrap();
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    for (operation, fault) in [("sound", json!({ "kind": "cut" })), ("chat", json!({ "kind": "odd" }))] {
        assert_eq!(asked.break_it(operation, &fault).await, 400, "{fault}");
    }
}

#[tokio::test]
async fn remembers_what_it_was_sent() {
    let asked = Asked::new();
    asked.call("/v1/embeddings", &json!({ "model": "one", "input": ["a mark 4711", "another"] })).await;
    let plain =
        Request::new("POST", "/v1/rerank").json(&json!({ "model": "two", "query": "mark 4711", "documents": [] }));
    asked.client.send(&plain).await.unwrap();
    let found = |query: &'static str| async {
        asked.client.send(&Request::new("GET", query)).await.unwrap().response.json().unwrap()
    };
    let both = found("/requests?holds=mark%204711").await;
    assert_eq!((&both["count"], &both["requests"][0]["model"]), (&json!(2), &json!("one")));
    assert_eq!((&both["requests"][0]["authorized"], &both["requests"][1]["authorized"]), (&json!(true), &json!(false)));
    assert_eq!(found("/requests?holds=4711&operation=rerank").await["count"], 1);
    assert_eq!(found("/requests?holds=4712").await["count"], 0);
}

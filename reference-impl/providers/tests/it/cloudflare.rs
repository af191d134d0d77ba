//! Workers AI over REST, and models behind an AI Gateway.

use reference_core::ports::{EmbedPurpose, Embedder, RerankCandidate, Reranker};
use reference_providers::{Gateway, ProviderEmbedder, ProviderReranker};
use serde_json::{Value as Json, json};

use super::*;

fn workers_ai() -> Api {
    Api::WorkersAi { account: "acc".to_owned() }
}

fn gateway(provider: &str, cache_ttl_s: Option<u64>) -> Api {
    let (id, provider) = ("platform".to_owned(), provider.to_owned());
    let gateway = Gateway { id, provider, cache_ttl_s, token: Secret::new("gateway-token"), direct_url: None };
    Api::AiGateway { account: "acc".to_owned(), gateway }
}

/// The answers of Workers AI come within this.
fn wrapped(result: &Json) -> Arc<Upstream> {
    Upstream::json(&json!({"result": result, "success": true, "errors": [], "messages": []}))
}

fn sent(upstream: &Upstream) -> Json {
    serde_json::from_str(&upstream.asked().body).unwrap()
}

#[test]
fn runs_models_of_workers_ai() {
    let texts = ["one".to_owned(), "two".to_owned()];
    let tenant = tenant();
    let vectors = wrapped(&json!({"shape": [2, 2], "data": [[0.6, 0.8], [0.0, 2.0]], "pooling": "cls"}));
    let kind = ProviderKind::Embedding { dimensions: 2 };
    let embedder = ProviderEmbedder::new(endpoint(&vectors, provider(kind, workers_ai()))).unwrap();
    let found = embedder.embed(&tenant, &texts, EmbedPurpose::Document).now_or_never().unwrap().unwrap();
    assert_eq!((found.vectors, found.tokens_in), (vec![vec![0.6, 0.8], vec![0.0, 1.0]], None));
    assert_eq!(vectors.asked().url, "https://up.example/v1/accounts/acc/ai/run/m-1");
    assert_eq!(
        (sent(&vectors), header(&vectors.asked(), "authorization")),
        (json!({"text": texts}), Some("Bearer recorded-key"))
    );

    let scores = wrapped(&json!({"response": [{"id": 1, "score": 0.75}, {"id": 0, "score": 0.25}]}));
    let reranker = ProviderReranker::new(endpoint(&scores, provider(ProviderKind::Rerank, workers_ai()))).unwrap();
    let candidate = |text: &String| RerankCandidate {
        text: text.clone(),
        heading_path: Vec::new(),
        vector: Vec::new(),
        score: 0.5,
    };
    let candidates: Vec<RerankCandidate> = texts.iter().map(candidate).collect();
    let found = reranker.rerank(&tenant, "why", &candidates).now_or_never().unwrap().unwrap();
    assert_eq!(found.scores, [0.25, 0.75]);
    assert_eq!(sent(&scores), json!({"query": "why", "contexts": [{"text": "one"}, {"text": "two"}], "top_k": 2}));
}

#[test]
fn streams_conversations_of_workers_ai_in_both_of_its_forms() {
    let call = conversation(vec![message(ChatRole::User, "hello")]);
    let own = "data: {\"response\":\"Hi\",\"p\":\"ab\"}\n\ndata: {\"response\":7}\n\n\
               data: {\"response\":\"\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n";
    let upstream = Arc::new(Upstream::new("text/event-stream", own));
    let found = well(&upstream, workers_ai(), &call);
    assert_eq!(found, [text("Hi"), text("7"), STOP, ChatDelta::Usage { tokens_in: 3, tokens_out: 2 }]);
    let message = json!({"role": "user", "content": "hello"});
    assert_eq!(sent(&upstream), json!({"messages": [message], "stream": true}));

    let newer = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n\
                 data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let found = well(&Arc::new(Upstream::new("text/event-stream", newer)), workers_ai(), &call);
    assert_eq!(found, [text("Hi"), STOP]);
    let found = well(&wrapped(&json!({"response": "Hi"})), workers_ai(), &call);
    assert_eq!(found, [text("Hi"), STOP], "a model that does not stream");
}

#[test]
fn believes_workers_ai_when_it_says_that_it_failed() {
    let told = json!({"result": null, "success": false, "errors": [{"code": 3040, "message": SECRET}], "messages": []});
    let error = deltas(&Upstream::json(&told), workers_ai(), &conversation(Vec::new())).unwrap_err();
    assert!(matches!(error, ModelError::Unavailable { .. }) && !error.to_string().contains(SECRET), "{error:?}");
}

#[test]
fn goes_through_the_tenants_own_gateway_with_its_mark() {
    let call = conversation(vec![message(ChatRole::User, "hello")]);
    let mark = tenant().request().unwrap().clone();
    let whole = json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]});
    let ask = |api: Api, own: Option<&str>| {
        let tenants = TestTenants::with(|settings| settings.models.gateway = own.map(str::to_owned));
        let upstream = Upstream::json(&whole);
        let model = ProviderModel::new(endpoint(&upstream, provider(ProviderKind::Generation, api))).unwrap();
        let tenant = tenants.owner().for_request(mark.clone());
        assert!(model.chat(&tenant, &call).now_or_never().unwrap().is_ok());
        upstream.asked()
    };
    let base = "https://up.example/v1/acc";
    assert_eq!(ask(gateway("compat", None), None).url, format!("{base}/platform/compat/chat/completions"));
    assert_eq!(ask(gateway("openai", None), Some("own")).url, format!("{base}/own/openai/chat/completions"));
    assert_eq!(ask(gateway("workers-ai", None), Some("own")).url, format!("{base}/own/workers-ai/m-1"));

    let request = ask(gateway("compat", Some(300)), None);
    let metadata: Json = serde_json::from_str(header(&request, "cf-aig-metadata").unwrap()).unwrap();
    assert_eq!(metadata, json!({"tenant": "aurora-bikes", "model": "acme/m", "request_id": "r-1"}));
    for (name, expected) in [
        ("cf-aig-cache-ttl", Some("300")),
        ("cf-aig-skip-cache", None),
        ("cf-aig-authorization", Some("Bearer gateway-token")),
        ("authorization", Some("Bearer recorded-key")),
        ("traceparent", Some(TRACE)),
        ("tracestate", Some("vendor=1")),
        ("x-request-id", Some("r-1")),
    ] {
        assert_eq!(header(&request, name), expected, "{name}");
    }
    let shown = format!("{request:?}");
    assert!(!shown.contains("gateway-token") && !shown.contains(SECRET), "{shown}");
    let never = ask(gateway("compat", Some(0)), None);
    assert_eq!((header(&never, "cf-aig-skip-cache"), header(&never, "cf-aig-cache-key")), (Some("true"), None));
}

#[test]
fn shares_no_entry_of_a_gateways_cache_between_tenants() {
    let key = |tenant: TenantContext, content: &str| {
        let upstream = Upstream::json(&json!({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}));
        let provider = provider(ProviderKind::Generation, gateway("compat", Some(60)));
        let model = ProviderModel::new(endpoint(&upstream, provider)).unwrap();
        let call = conversation(vec![message(ChatRole::User, content)]);
        assert!(model.chat(&tenant, &call).now_or_never().unwrap().is_ok());
        header(&upstream.asked(), "cf-aig-cache-key").unwrap().to_owned()
    };
    let tenants = TestTenants::new();
    assert_eq!(key(tenants.owner(), "a"), key(tenants.owner(), "a"));
    assert_ne!(key(tenants.owner(), "a"), key(tenants.owner(), "b"));
    assert_ne!(key(tenants.owner(), "a"), key(tenants.stranger(), "a"));
}

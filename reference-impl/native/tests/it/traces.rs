//! What a collector gets of a running server: one tree of spans a request, whatever it asks for, and nothing that was sent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::program::{Answer, Program, exchange, fixtures, key};

/// The caller's span in every request of these tests.
const CALLER: &str = "00f067aa0ba902b7";
/// Words of what is sent, which no span may hold.
const SENT: [&str; 4] = ["groningen", "tower", "pl_", "Bearer"];

/// A server whose spans go to a stand-in collector, and whose models behind URLs are another stand-in.
struct World {
    program: Program,
    collector: MockServer,
    upstream: MockServer,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let (folder, collector, upstream) =
            (tempfile::tempdir().unwrap(), MockServer::start().await, MockServer::start().await);
        let takes = Mock::given(method("POST")).and(path("/v1/traces"));
        let takes = takes.and(header("content-type", "application/x-protobuf"));
        takes.respond_with(ResponseTemplate::new(200)).mount(&collector).await;
        let (program, _) = Program::start_as(folder.path(), &fixtures().join("tenants"), |command| {
            command.args(["--otlp", &collector.uri(), "--trace-ratio", "0"]);
            command.arg(format!("--provider-url=far/embed={}/v1", upstream.uri()));
        });
        Self { program, collector, upstream, _folder: folder }
    }

    /// One request within trace number `trace`.
    fn ask(&self, trace: u8, flags: &str, tenant: &str, (verb, at): (&str, &str), body: Option<&Value>) -> Answer {
        let key = key(tenant, "all");
        let trace = id(trace);
        let fields = format!(
            "authorization: Bearer {key}\r\ntraceparent: 00-{trace}-{CALLER}-{flags}\r\ntracestate: vendor=1\r\n"
        );
        exchange(&self.program.address, verb, at, &fields, body).unwrap()
    }

    /// Stops the server and gives its log and what the collector got, span by span, by trace.
    async fn collected(self) -> (Vec<Value>, BTreeMap<String, Vec<Span>>) {
        let (code, output) = self.program.stop();
        assert_eq!(code, Some(0));
        let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for message in self.collector.received_requests().await.unwrap() {
            let letters = String::from_utf8_lossy(&message.body).to_lowercase();
            for word in SENT {
                assert!(!letters.contains(&word.to_lowercase()), "a span holds `{word}`");
            }
            let told = ExportTraceServiceRequest::decode(&message.body[..]).unwrap();
            for resource in told.resource_spans {
                let service = resource.resource.unwrap().attributes;
                assert!(service.iter().any(|it| it.key == "service.name"), "{service:?}");
                let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.for_each(|span| traces.entry(hex(&span.trace_id)).or_default().push(span));
            }
        }
        (output.iter().map(|line| serde_json::from_str(line).unwrap()).collect(), traces)
    }
}

fn id(trace: u8) -> String {
    format!("4bf92f3577b34da6a3ce929d0e0e47{trace:02x}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A tree by what it holds: each span's name under its parents' names, sorted. There is one root, under the caller's span.
fn tree(spans: &[Span]) -> Vec<String> {
    let by_id: BTreeMap<String, &Span> = spans.iter().map(|span| (hex(&span.span_id), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "no two spans share an id: {spans:#?}");
    let roots = spans.iter().filter(|span| hex(&span.parent_span_id) == CALLER).count();
    assert_eq!(roots, 1, "one root: {spans:#?}");
    let way = |span: &Span| {
        let (mut names, mut at) = (vec![span.name.clone()], span);
        while hex(&at.parent_span_id) != CALLER {
            let parent = by_id.get(&hex(&at.parent_span_id)).unwrap_or_else(|| panic!("no parent: {at:#?}"));
            names.push(parent.name.clone());
            assert!(names.len() < 10, "a circle: {names:?}");
            at = parent;
        }
        names.reverse();
        names.join(" > ")
    };
    let mut ways: Vec<String> = spans.iter().map(way).collect();
    ways.sort();
    ways
}

/// What a span says of itself.
fn attribute(span: &Span, key: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    let found = span.attributes.iter().find(|it| it.key == key)?;
    let value = found.value.as_ref()?.value.as_ref()?;
    if let Any::StringValue(text) = value {
        return Some(text.clone());
    }
    let Any::IntValue(number) = value else { panic!("{key}: {value:?}") };
    Some(number.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_finds_one_tree_a_request() {
    let world = World::start().await;
    let text =
        json!({"id": "tower", "content_type": "text/plain", "content": "The tower of Groningen is 97 metres high."});
    let documents = json!({"documents": [text]});
    assert_eq!(world.ask(1, "01", "aurora-bikes", ("POST", "/ingest"), Some(&documents)).status, 200);
    let query = json!({"query": "How high is the tower of Groningen?"});
    assert_eq!(world.ask(2, "01", "aurora-bikes", ("POST", "/search"), Some(&query)).status, 200);
    let chat =
        json!({"messages": [{"role": "user", "content": "How high is the tower of Groningen?"}], "stream": true});
    let said = world.ask(3, "01", "aurora-bikes", ("POST", "/chat"), Some(&chat));
    assert!(said.status == 200 && said.body.ends_with("data: [DONE]\n\n"), "{said:?}");
    let call = json!({"tool": "classify_intent", "arguments": {"text": "How high is the tower of Groningen?"}});
    let called = world.ask(4, "01", "aurora-bikes", ("POST", "/tools/execute"), Some(&call));
    assert_eq!(called.status, 200, "{called:?}");
    // Another text: what is known already is not embedded again.
    let other = json!({"id": "mill", "content_type": "text/plain", "content": "The mill of Groningen is old."});
    let queued = json!({"documents": [other], "async": true});
    let started = world.ask(5, "01", "aurora-bikes", ("POST", "/ingest"), Some(&queued));
    assert_eq!(started.status, 202, "{started:?}");
    let job = started.json()["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    loop {
        let seen = world.ask(6, "00", "aurora-bikes", ("GET", &format!("/jobs/{job}")), None).json();
        if seen["status"] == "succeeded" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{seen}");
    }
    assert_eq!(world.program.call("GET", "/health", None, None).status, 200);

    let (lines, traces) = world.collected().await;
    assert!(!traces.contains_key(&id(6)), "what its caller does not record is not sent");
    assert_eq!(traces.len(), 5, "nor is a share of nothing: {:?}", traces.keys());
    let has = |trace: u8, wanted: &[&str]| {
        let found = tree(&traces[&id(trace)]);
        for way in wanted {
            assert!(found.iter().any(|it| it == way), "`{way}` is not in {found:#?}");
        }
    };
    has(1, &["POST /ingest > admit", "POST /ingest > embed > attempt", "POST /ingest > database"]);
    has(
        2,
        &[
            "POST /search > cache",
            "POST /search > rewrite",
            "POST /search > retrieve > embed > attempt",
            "POST /search > generate > attempt",
        ],
    );
    has(3, &["POST /chat > generate > attempt", "POST /chat > retrieve"]);
    has(4, &["POST /tools/execute > tool"]);
    has(5, &["POST /ingest > job ingest > document > embed > attempt", "POST /ingest > job ingest > database"]);
    let root = traces[&id(2)].iter().find(|span| span.name == "POST /search").unwrap();
    let line = lines.iter().find(|line| line["trace_id"] == id(2)).unwrap();
    for (key, value) in [
        ("plumbline.tenant", &line["tenant"]),
        ("plumbline.operation", &line["operation"]),
        ("plumbline.request_id", &line["request_id"]),
        ("http.response.status_code", &json!("200")),
    ] {
        assert_eq!(attribute(root, key).as_deref(), value.as_str(), "{key}");
    }
    assert_eq!(line["spans"].as_array().unwrap().len() + 1, traces[&id(2)].len(), "the log tells the same steps");
    assert!(lines.iter().filter(|line| line["trace_id"] == id(6)).all(|line| line.get("spans").is_none()));
    let job_span = traces[&id(5)].iter().find(|span| span.name == "job ingest").unwrap();
    assert_eq!(attribute(job_span, "plumbline.job_id"), Some(job));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_of_a_call_is_a_span_that_its_upstream_knows() {
    let world = World::start().await;
    let embeds = || Mock::given(method("POST")).and(path("/v1/embeddings"));
    embeds().respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&world.upstream).await;
    let vector = json!({"object": "list", "model": "embed", "data": [{"object": "embedding", "index": 0, "embedding": vec![0.5; 64]}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3}});
    embeds().respond_with(ResponseTemplate::new(200).set_body_json(vector)).mount(&world.upstream).await;
    let query = json!({"query": "How high is the tower?"});
    let found = world.ask(7, "01", "far-reach", ("POST", "/retrieve"), Some(&query));
    assert_eq!(found.status, 200, "{found:?}");

    let seen = world.upstream.received_requests().await.unwrap();
    let value = |at: usize, name: &str| seen[at].headers[name].to_str().unwrap().to_owned();
    assert_eq!(seen.len(), 2, "one try failed and one went well");
    let told: Vec<String> = [0, 1].iter().map(|&at| value(at, "traceparent")).collect();
    assert!([0, 1].iter().all(|&at| value(at, "tracestate") == "vendor=1"));
    assert_eq!(value(0, "x-request-id"), value(1, "x-request-id"));
    let (_, traces) = world.collected().await;
    let spans = &traces[&id(7)];
    let tries: Vec<&Span> = spans.iter().filter(|span| span.name == "attempt").collect();
    assert_eq!(
        tree(spans).iter().filter(|way| *way == "POST /retrieve > retrieve > embed > attempt").count(),
        2,
        "{spans:#?}"
    );
    for (span, (told, outcome)) in tries.iter().zip(told.iter().zip(["error", "ok"])) {
        assert_eq!(*told, format!("00-{}-{}-01", id(7), hex(&span.span_id)));
        assert_eq!(attribute(span, "plumbline.outcome").as_deref(), Some(outcome));
    }
}

#[test]
fn a_collector_that_is_away_holds_nobody_up_and_what_it_misses_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (program, _) = Program::start_as(folder.path(), &fixtures().join("tenants"), |command| {
        // Nobody listens there; a connection is refused at once.
        command.args(["--otlp", "http://127.0.0.1:9", "--trace-ratio", "1"]);
    });
    let metrics = || {
        let key = key("aurora-bikes", "operator");
        program.call("GET", "/metrics", Some(&key), None).body
    };
    let began = Instant::now();
    while !metrics().contains("plumbline_trace_spans_dropped_total{reason=\"not_taken\"}") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", metrics());
    }
    let (code, output) = program.stop();
    assert!(code == Some(0) && !output.is_empty());
}

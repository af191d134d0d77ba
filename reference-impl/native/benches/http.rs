//! Over HTTP, with the fixtures' default tenant: chunks ingested a second against embedding alone, and `/retrieve` at ten thousand chunks.
//!
//! `cargo bench -p reference-impl --bench http`. With `-- large` instead: one document of a hundred thousand chunks, and the
//! most memory that the process had, alone, since the kernel counts it for the whole process.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a bench")]
#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use minilm::MiniLm;
use reference_core::ingest::chunk::chunk;
use reference_core::ingest::convert::convert;
use reference_core::ingest::{ChunkOptions, ContentType, DocumentInput};
use reference_core::ports::{EmbedPurpose, Embedder};
use reference_core::retrieve::{HashedEmbedder, RetrieveRequest};
use reference_core::tenancy::RetrievalMode;
use reference_core::testkit::TestTenants;
use reference_impl::config::{self, DemoFiles};
use reference_impl::data_folder::DataFolder;
use reference_impl::deployment::{self, Deployment};
use reference_impl::models::{MiniLmEmbedder, WordPieceTokenizer};
use reference_impl::server;
use reference_impl::telemetry::JsonLines;
use serde_json::{Value, json};

/// The tenant with default settings.
const TENANT: &str = "open-shelf";
/// Chunks that `/retrieve` is measured at.
const CHUNKS: usize = 10_000;
/// Questions of each mode.
const QUERIES: usize = 200;
/// Documents ingested over HTTP, and as many embedded alone, by turns.
const ROUNDS: usize = 8;
/// Words of each of them: some twenty chunks of the default size.
const WORDS: usize = 4_000;
/// Texts that ingestion embeds at once.
const EMBED_BATCH: usize = 64;

const VOCABULARY: &str = "the a of and to in is that for it was on with as are by this from or which be at an have not \
    water well pump valve pressure brake wheel chain frame battery charge cable sensor panel roof gate lamp clinic patient \
    nurse visit record letter invoice order store shelf parcel route driver station platform ticket morning evening winter \
    summer repair warranty manual chapter figure table measure report survey storm river bridge tunnel engine motor gear \
    bearing filter tank paint steel copper glass timber cotton paper archive museum gallery painter composer orchestra";

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Sentences of words of which few are frequent and many are rare.
    fn text(&mut self, words: usize) -> String {
        let vocabulary: Vec<&str> = VOCABULARY.split_whitespace().collect();
        let mut text = String::new();
        for at in 1..=words {
            let near = self.below(vocabulary.len()) + 1;
            text.push_str(vocabulary[self.below(near)]);
            // A number now and then, as in any text, makes every chunk its own.
            if self.below(12) == 0 {
                text.push(' ');
                text.push_str(&self.below(100_000).to_string());
            }
            text.push_str(if at % 14 == 0 { ". " } else { " " });
        }
        text
    }
}

/// A running server and a client of its default tenant.
struct Server {
    deployment: Arc<Deployment>,
    base: String,
    key: String,
    client: Client<HttpConnector, Full<Bytes>>,
    _data: DataFolder,
}

impl Server {
    /// Serves the fixtures, the default tenant with `embedding`.
    async fn start(embedding: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let tenants = fixtures.join("tenants");
        let mut loaded = config::load(&tenants, &deployment::models(), Some(&DemoFiles::beside(&tenants)))
            .map_err(|it| it.to_string())
            .unwrap();
        let tenant = loaded.tenants.iter_mut().find(|it| it.tenant.as_str() == TENANT).unwrap();
        embedding.clone_into(&mut tenant.models.embedding);
        let keys: Vec<Value> =
            serde_yaml::from_str(&std::fs::read_to_string(fixtures.join("credentials/keys.yaml")).unwrap()).unwrap();
        let key = keys.iter().find(|it| it["tenant"] == TENANT && it["name"] == "all").unwrap();
        let data = DataFolder::temporary().map_err(|it| it.to_string()).unwrap();
        let limits = loaded.platform.server;
        let telemetry = Arc::new(JsonLines::new(Box::new(std::io::sink()), Box::new(std::io::sink())));
        let deployment = Arc::new(Deployment::assemble(loaded, &data, telemetry, true, false).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(server::serve(listener, deployment.router.clone(), limits, std::future::pending()));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { deployment, base, key: key["key"].as_str().unwrap().to_owned(), client, _data: data }
    }

    /// Sends `body` and gives the answer, which must be a success, and how long it took.
    async fn post(&self, path: &str, body: &Value) -> (Value, Duration) {
        let request = Request::post(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let started = Instant::now();
        let answer = self.client.request(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let took = started.elapsed();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(status.is_success(), "{path}: {status} {answer}");
        (answer, took)
    }

    /// Ingests one document and gives the number of its chunks.
    async fn ingest(&self, id: &str, content: &str, size: Option<u32>) -> (usize, Duration) {
        let mut body = json!({"documents": [{"id": id, "content_type": "text/plain", "content": content}]});
        if let Some(size) = size {
            body["options"] = json!({"size": size, "overlap": 0});
        }
        let (answer, took) = self.post("/ingest", &body).await;
        let document = &answer["documents"][0];
        assert_eq!(document["status"], "created", "{answer}");
        (usize::try_from(document["chunks"].as_u64().unwrap()).unwrap(), took)
    }
}

/// Chunks a second over HTTP and of the embedder alone, by turns.
async fn ingestion() {
    let server = Server::start(MiniLmEmbedder::MODEL).await;
    let model = Arc::new(MiniLm::load().unwrap());
    let places = std::thread::available_parallelism().map_or(1, usize::from);
    let embedder = MiniLmEmbedder::new(Arc::clone(&model), places);
    let tokenizer = WordPieceTokenizer::new(Arc::clone(model.pieces()));
    let owner = TestTenants::new().owner();
    let settings = {
        let tenant = server.deployment.registry.all().into_iter().find(|it| it.tenant.as_str() == TENANT);
        tenant.unwrap().chunking
    };
    let mut random = Random(1);
    let (mut ingested, mut embedded) = ((0, Duration::ZERO), (0, Duration::ZERO));
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let (chunks, took) = server.ingest(&format!("d{round}"), &random.text(WORDS), None).await;
        let extracted = convert(ContentType::Plain, &random.text(WORDS)).unwrap();
        let texts: Vec<String> =
            chunk("d", &extracted, settings, &tokenizer).into_iter().map(|chunk| chunk.text).collect();
        let started = Instant::now();
        for batch in texts.chunks(EMBED_BATCH) {
            embedder.embed(&owner, batch, EmbedPurpose::Document).await.unwrap();
        }
        let alone = started.elapsed();
        ratios.push((chunks as f64 / took.as_secs_f64()) / (texts.len() as f64 / alone.as_secs_f64()));
        ingested = (ingested.0 + chunks, ingested.1 + took);
        embedded = (embedded.0 + texts.len(), embedded.1 + alone);
    }
    ratios.sort_by(f64::total_cmp);
    let rate = |(chunks, took): (usize, Duration)| chunks as f64 / took.as_secs_f64();
    println!(
        "| chunks | ingested a second over HTTP | embedded alone a second | ratio | lower and upper quartile of rounds |"
    );
    println!("|---|---|---|---|---|");
    println!(
        "| {} | {:.1} | {:.1} | {:.2} | {:.2}, {:.2} |\n",
        ingested.0,
        rate(ingested),
        rate(embedded),
        rate(ingested) / rate(embedded),
        ratios[ROUNDS / 4],
        ratios[ROUNDS - 1 - ROUNDS / 4],
    );
}

/// `/retrieve` at ten thousand chunks of `size` tokens.
async fn retrieve(embedding: &str, size: u32) {
    let server = Server::start(embedding).await;
    let mut random = Random(2);
    let (mut chunks, mut spent) = (0, Duration::ZERO);
    while chunks < CHUNKS {
        let (more, took) = server.ingest(&format!("d{chunks}"), &random.text(3_000), Some(size)).await;
        (chunks, spent) = (chunks + more, spent + took);
    }
    let queries: Vec<String> = (0..QUERIES).map(|_| random.text(7)).collect();
    let rate = chunks as f64 / spent.as_secs_f64();
    for mode in RetrievalMode::ALL {
        let mut times = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            // A question of its own in each mode: none finds its vector kept.
            let query = json!({"query": format!("{query} {mode} {at}"), "mode": mode.as_str(), "top_k": 10});
            times.push(server.post("/retrieve", &query).await.1);
        }
        times.sort();
        let millis = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
        println!("| {embedding} | {chunks} | {rate:.0} | {mode} | {:.2} | {:.2} |", millis(50), millis(95));
    }
}

/// One document of about five megabytes and a hundred thousand chunks.
async fn large() {
    let server = Server::start(HashedEmbedder::MODEL).await;
    let before = resident();
    let mut random = Random(3);
    let letter = |random: &mut Random| char::from(b'a' + u8::try_from(random.below(26)).unwrap());
    let mut content = String::new();
    for _ in 0..16 * 100_000 {
        content.extend([letter(&mut random), letter(&mut random), ' ']);
    }
    let bytes = content.len();
    // A tenant whose settings are the default ones, the hashed embedder among them.
    let owner = TestTenants::new().owner();
    let document = DocumentInput {
        id: "large".to_owned(),
        content_type: ContentType::Plain,
        content,
        metadata: serde_json::Map::new(),
    };
    let options = ChunkOptions { size: Some(16), overlap: Some(0), strategy: None };
    let started = Instant::now();
    let report = server.deployment.platform.ingest(&owner, &[document], options).await.unwrap();
    let took = started.elapsed().as_secs_f64();
    println!("before: {before}");
    println!("{bytes} bytes, {} chunks: ingested in {took:.1} s, {}", report.documents[0].chunks, resident());
    let query = RetrieveRequest::new("ab cd ef".to_owned());
    server.deployment.platform.retrieve(&owner, &query).await.unwrap();
    println!("and searched: {}", resident());
}

/// The most memory that this process has had, as Linux tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    peak.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn main() {
    let given = |wanted: &str| std::env::args().skip(1).any(|argument| argument == wanted);
    // `cargo bench` says so; `cargo test` does not.
    if given("--test") || !given("--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        if given("large") {
            large().await;
            return;
        }
        ingestion().await;
        println!("| embedding | chunks | ingested a second | mode | p50 ms | p95 ms |");
        println!("|---|---|---|---|---|---|");
        retrieve(HashedEmbedder::MODEL, 64).await;
        retrieve(MiniLmEmbedder::MODEL, 16).await;
    });
}

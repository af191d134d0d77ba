//! Usage and budgets.

use reference_core::auth::ApiKey;
use reference_core::tenancy::TenantId;
use reference_core::testkit::SeededIds;
use serde_json::{Value, json};

use super::Probes;
use super::world::{MERIDIAN, World, header};
use crate::program::Answer;

const TENANT: &str = "spender";
const GENERATION: &str = "extractive-v1";
const EMBEDDING: &str = "hashed-lexical-v1";
const RERANK: &str = "term-overlap-v1";

pub(super) const PROBES: Probes = &[
    ("usage-of-embeddings-lost", |it| spent(it).read(EMBEDDING) > 0),
    ("usage-of-rerank-lost", |it| spent(it).read(RERANK) > 0),
    ("usage-of-generation-lost", |it| spent(it).read(GENERATION) > 0),
    ("usage-of-speech-lost", |it| {
        spent(it);
        speak(it);
        usage(it)["totals"]["characters"] == json!(SAID.len())
    }),
    ("speech-budget-ignored", |it| {
        spent(it);
        // The first text goes past the one character that is left, and the second finds none.
        [speak(it), speak(it)] == [200, 429]
    }),
    ("tool-job-budget-ignored", |it| {
        budget(it, 0);
        let arguments = json!({"text": "Where is my parcel?", "categories": ["delivery", "repair"]});
        let body = json!({"tool": "classify_intent", "arguments": arguments, "async": true});
        by(it, "POST", "/tools/execute", Some(body)).status == 429
    }),
    ("usage-counted-twice", |it| {
        let spent = spent(it);
        spent.sum("tokens_in") == spent.told["tokens_in"].as_u64().unwrap() + spent.ingested
    }),
    ("usage-of-another-tenant", |it| spent(it).sum("tokens_in") > 0),
    ("usage-totals-not-the-sum", |it| {
        let spent = spent(it);
        spent.report["totals"]["tokens_in"] == json!(spent.sum("tokens_in"))
    }),
    ("cached-answers-counted", |it| {
        spent(it);
        ask(it, "refresh");
        let before = usage(it)["totals"].clone();
        ask(it, "use").json()["cache"]["hit"] == json!(true) && usage(it)["totals"] == before
    }),
    ("budget-warning-early", |it| {
        spent(it);
        header(&ask(it, "bypass"), "x-budget-warning").is_none()
    }),
    ("budget-warning-missing", |it| {
        budget(it, used_after(it) + 1);
        header(&ask(it, "bypass"), "x-budget-warning").is_some()
    }),
    ("budget-never-refuses", |it| refused(it).status == 429),
    ("budget-checked-after-the-call", |it| {
        budget(it, used_after(it));
        let calls = || {
            let counted = it.program.control("GET", &format!("/counters?tenant={TENANT}"), None).json();
            counted["ports"]["generator"]["calls"].clone()
        };
        let before = calls();
        ask(it, "bypass").status == 429 && calls() == before
    }),
    ("budget-hold-kept", |it| {
        budget(it, used_after(it) * 10);
        [200, 200] == [0, 1].map(|_| ask(it, "bypass").status)
    }),
    ("budget-shared-by-tenants", |it| {
        refused(it);
        it.post(MERIDIAN, "/search", json!({"query": "How often is the gate painted?", "cache": "bypass"})).status
            == 200
    }),
    ("budget-refuses-everything", |it| {
        refused(it);
        by(it, "GET", "/documents", None).status == 200
    }),
    ("usage-cost-wrong", |it| {
        let spent = spent(it);
        let generation = spent.of(GENERATION);
        let (read, cost) = (generation["tokens_in"].as_f64().unwrap(), generation["cost_usd"].as_f64().unwrap());
        (cost - read).abs() < 1e-6
    }),
    ("budget-remaining-wrong", |it| {
        let budget = spent(it).report["budget"].clone();
        let number = |name: &str| budget[name].as_u64().unwrap();
        number("remaining_tokens") == number("limit_tokens") - number("used_tokens")
    }),
    ("usage-day-not-utc", |it| spent(it).report["budget"]["resets_at"].as_str().unwrap().contains("T00:00:00")),
    ("usage-day-never-ends", |it| {
        spent(it);
        it.advance(TENANT, 86_400_000);
        usage(it)["budget"]["used_tokens"] == json!(0)
    }),
    ("log-lacks-models", |it| line(it)["model"] == json!(GENERATION)),
    ("log-lacks-tokens", |it| line(it)["tokens_in"].as_u64().is_some_and(|tokens| tokens > 0)),
];

/// What a fresh tenant spent on a document and a question.
struct Spent {
    report: Value,
    /// Tokens that the ingestion used.
    ingested: u64,
    /// What the answer told.
    told: Value,
}

impl Spent {
    fn of(&self, model: &str) -> Value {
        let models = self.report["days"][0]["models"].as_array().cloned().unwrap_or_default();
        models.into_iter().find(|it| it["model"] == json!(model)).unwrap_or_default()
    }

    fn read(&self, model: &str) -> u64 {
        self.of(model)["tokens_in"].as_u64().unwrap_or_default()
    }

    fn sum(&self, field: &str) -> u64 {
        let models = self.report["days"][0]["models"].as_array().cloned().unwrap_or_default();
        models.iter().map(|it| it[field].as_u64().unwrap()).sum()
    }
}

fn by(it: &World, method: &str, path: &str, body: Option<Value>) -> Answer {
    it.program.call(method, path, Some(own_key().expose()), body.as_ref())
}

/// The tenant's key, the same each time.
fn own_key() -> ApiKey {
    ApiKey::generate(TenantId::parse(TENANT).unwrap(), &SeededIds::new(9))
}

fn budget(it: &World, tokens: u64) -> Answer {
    let settings = json!({
        "tenant": TENANT, "display_name": "Spender", "features": ["usage", "rerank", "tools", "tts"],
        "tools": ["classify_intent"], "tts": {"providers": ["espeak-ng"]},
        "models": {"embedding": EMBEDDING, "generation": GENERATION, "rerank": RERANK},
        "budget": {
            "tokens_per_day": tokens,
            "speech_characters_per_day": 1,
            "usd_per_million_tokens": {GENERATION: {"input_usd": 1_000_000, "output_usd": 0}},
        },
        "credentials": [{
            "name": "all", "key_sha256": own_key().digest().to_hex(), "scopes": ["admin"], "state": "active",
        }],
    });
    it.program.control("PUT", &format!("/tenants/{TENANT}"), Some(&settings))
}

/// What is said.
const SAID: &str = "The lamp is lit.";

/// The status of speech.
fn speak(it: &World) -> u16 {
    by(it, "POST", "/tts", Some(json!({"text": SAID, "format": "pcm"}))).status
}

fn usage(it: &World) -> Value {
    by(it, "GET", "/usage", None).json()
}

fn ask(it: &World, cache: &str) -> Answer {
    let body = json!({"query": "How many wicks does the heron lamp have?", "cache": cache});
    by(it, "POST", "/search", Some(body))
}

/// A tenant without any past, and what it spends.
fn spent(it: &World) -> Spent {
    it.program.control("DELETE", &format!("/tenants/{TENANT}"), None);
    budget(it, 1_000_000);
    let document = json!({"id": "lamp", "content": "The heron lamp has four wicks.", "content_type": "text/plain"});
    by(it, "POST", "/ingest", Some(json!({"documents": [document]})));
    let ingested = usage(it)["totals"]["tokens_in"].as_u64().unwrap_or_default();
    let told = ask(it, "bypass").json()["usage"].clone();
    Spent { report: usage(it), ingested, told }
}

fn used_after(it: &World) -> u64 {
    spent(it).report["budget"]["used_tokens"].as_u64().unwrap()
}

/// The answer to a question beyond the budget.
fn refused(it: &World) -> Answer {
    budget(it, used_after(it));
    ask(it, "bypass")
}

/// The log line of a question.
fn line(it: &World) -> Value {
    spent(it);
    it.program.line_of("/search", || drop(ask(it, "bypass")))
}

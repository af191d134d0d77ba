//! The meter and the budget under models that say what they are told to.

mod budgets;
mod chats;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};

use super::*;
use crate::ingest::UnicodeWords;
use crate::platform::{INDEX_BYTES, Platform, Ports};
use crate::ports::{
    Background, BoxFuture, ChatCall, ChatDelta, ChatDeltas, ChatFinish, ChatMessage, ChatModel, ChatRole, EmbedPurpose,
    Embedded, Embedder, EmbedderKind, Generation, GenerationRequest, Generator, GeneratorKind, MemoryKeyValue,
    ModelError, RerankCandidate, Reranked, Reranker,
};
use crate::retrieve::HashedEmbedder;
use crate::tenancy::{ModelPrice, TenantContext};
use crate::testkit::{MemoryDatabases, TestTenants, TestTimer};

const CHAT: &str = "talker-v1";

/// Keeps what it is given until it is asked to run it.
#[derive(Default)]
struct Later(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Background for Later {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }
}

/// All models at once: each call gives way once before it answers, and counts or fails as told.
#[derive(Default)]
struct Models {
    calls: AtomicUsize,
    down: std::sync::atomic::AtomicBool,
    /// What the host counts.
    counted: Mutex<Option<(u64, u64)>>,
    says: Mutex<Vec<ChatDelta>>,
}

impl Models {
    async fn call(&self) -> Result<Option<(u64, u64)>, ModelError> {
        self.calls.fetch_add(1, SeqCst);
        let mut waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        if self.down.load(SeqCst) {
            return Err(ModelError::TimedOut { model: "m".to_owned(), after_ms: 1 });
        }
        Ok(*self.counted.lock().unwrap())
    }
}

impl Embedder for Models {
    fn model(&self) -> &str {
        HashedEmbedder::MODEL
    }

    fn dimensions(&self) -> usize {
        512
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Lexical
    }

    fn embed<'a>(
        &'a self,
        tenant: &'a TenantContext,
        texts: &'a [String],
        purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async move {
            let counted = self.call().await?;
            let embedded = HashedEmbedder.embed(tenant, texts, purpose).await?;
            Ok(Embedded { tokens_in: counted.map(|(read, _)| read), ..embedded })
        })
    }
}

impl Reranker for Models {
    fn model(&self) -> &'static str {
        "scorer-v1"
    }

    fn rerank<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        _query: &'a str,
        candidates: &'a [RerankCandidate],
    ) -> BoxFuture<'a, Result<Reranked, ModelError>> {
        Box::pin(async move {
            let tokens_in = self.call().await?.map(|(read, _)| read);
            Ok(Reranked { scores: vec![0.5; candidates.len()], tokens_in })
        })
    }
}

impl Generator for Models {
    fn model(&self) -> &'static str {
        "writer-v1"
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn generate<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        _request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        Box::pin(async move {
            let counted = self.call().await?;
            let (tokens_in, tokens_out) = (counted.map(|it| it.0), counted.map(|it| it.1));
            Ok(Generation { sentences: Vec::new(), written: Some("one two three".to_owned()), tokens_in, tokens_out })
        })
    }
}

impl ChatModel for Models {
    fn model(&self) -> &str {
        CHAT
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Model
    }

    fn chat<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        _call: &'a ChatCall,
    ) -> BoxFuture<'a, Result<ChatDeltas, ModelError>> {
        Box::pin(async move {
            self.call().await?;
            let says = self.says.lock().unwrap().clone();
            Ok(stream::iter(says).map(Ok).boxed())
        })
    }
}

struct Rig {
    platform: Platform,
    databases: Arc<MemoryDatabases>,
    tenants: TestTenants,
    models: Arc<Models>,
    later: Arc<Later>,
}

fn rig(tokens_per_day: Option<u64>) -> Rig {
    let tenants = TestTenants::with(|settings| {
        let price = ModelPrice { input_usd: 2.0, output_usd: 10.0 };
        let usd_per_million_tokens = [("writer-v1".to_owned(), price)].into();
        settings.budget = tokens_per_day.map(|tokens_per_day| BudgetSettings {
            tokens_per_day,
            usd_per_million_tokens,
            speech_characters_per_day: Some(10),
            usd_per_million_characters: [("speaker".to_owned(), 1e6)].into(),
        });
    });
    let (databases, models, later) = (Arc::new(MemoryDatabases::new()), Arc::new(Models::default()), Arc::default());
    let ports = Ports {
        databases: databases.clone(),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: Arc::clone(&later) as Arc<Later>,
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![models.clone()],
        generators: vec![models.clone()],
        rerankers: vec![models.clone()],
        chat_models: vec![models.clone()],
        timer: Arc::new(TestTimer::default()),
    };
    Rig { platform: Platform::new(ports, &[7; 32], INDEX_BYTES), databases, tenants, models, later }
}

impl Rig {
    async fn embed(&self, tenant: &TenantContext, text: &str) -> Result<Embedded, ModelError> {
        let embedder = self.platform.ports().embedder(HashedEmbedder::MODEL).unwrap();
        embedder.embed(tenant, &[text.to_owned()], EmbedPurpose::Query).await
    }

    async fn write(&self, tenant: &TenantContext) -> Result<Generation, ModelError> {
        let generator = self.platform.ports().generator("writer-v1").unwrap();
        let (system, user) = ("be brief".to_owned(), "why ?".to_owned());
        let request = GenerationRequest {
            question: String::new(),
            terms: Vec::new(),
            passages: Vec::new(),
            prompt: crate::answer::Prompt { system, user },
            max_sentences: 1,
        };
        generator.generate(tenant, &request).await
    }

    async fn chat(&self, tenant: &TenantContext, max_tokens: u32) -> Result<ChatDeltas, ModelError> {
        let message = ChatMessage {
            role: ChatRole::User,
            content: "one two three four".to_owned(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        };
        let call = ChatCall {
            messages: vec![message],
            question: String::new(),
            passages: None,
            tools: Vec::new(),
            max_tokens: Some(max_tokens),
            temperature: None,
            stop: Vec::new(),
        };
        self.platform.ports().chat_model(CHAT).unwrap().chat(tenant, &call).await
    }

    /// Rows of today: model, requests, tokens read and written.
    async fn today(&self, tenant: &TenantContext) -> Vec<(String, u64, u64, u64)> {
        let report = self.platform.usage(tenant, None, None).await.unwrap();
        let models = report.days.into_iter().filter(|day| day.date == report.to).flat_map(|day| day.models);
        models.map(|it| (it.model, it.sums.requests, it.sums.tokens.read, it.sums.tokens.written)).collect()
    }

    async fn used(&self, tenant: &TenantContext) -> u64 {
        self.today(tenant).await.iter().map(|(_, _, read, written)| read + written).sum()
    }

    async fn run_later(&self) {
        let work = std::mem::take(&mut *self.later.0.lock().unwrap());
        join_all(work).await;
    }

    fn calls(&self) -> usize {
        self.models.calls.load(SeqCst)
    }
}

fn over(result: &Result<impl Sized, ModelError>) -> bool {
    matches!(result, Err(ModelError::BudgetExceeded { .. }))
}

#[tokio::test]
async fn counts_what_the_host_counted_or_else_what_the_tokenizer_counts() {
    let candidate = || RerankCandidate {
        text: "five words are in here".to_owned(),
        heading_path: Vec::new(),
        vector: Vec::new(),
        score: 0.5,
    };
    for (counted, expected) in [
        (None, [("hashed-lexical-v1", 3, 0), ("scorer-v1", 11, 0), ("writer-v1", 4, 3)]),
        (Some((70, 9)), [("hashed-lexical-v1", 70, 0), ("scorer-v1", 70, 0), ("writer-v1", 70, 9)]),
    ] {
        let rig = rig(None);
        *rig.models.counted.lock().unwrap() = counted;
        let owner = rig.tenants.owner();
        rig.embed(&owner, "one two three").await.unwrap();
        let reranker = rig.platform.ports().rerankers.first().cloned().unwrap();
        reranker.rerank(&owner, "query", &[candidate(), candidate()]).await.unwrap();
        rig.write(&owner).await.unwrap();
        assert_eq!(rig.today(&owner).await, [], "nothing is written before the end");
        rig.platform.settle(&owner).await;
        let expected: Vec<_> =
            expected.into_iter().map(|(model, read, written)| (model.to_owned(), 1, read, written)).collect();
        assert_eq!(rig.today(&owner).await, expected);
        assert_eq!(owner.tally().generation_model().as_deref(), Some("writer-v1"));
        assert_eq!(owner.tally().embedding_model().as_deref(), Some("hashed-lexical-v1"));
        assert_eq!(rig.today(&rig.tenants.stranger()).await, [], "another tenant has used nothing");
    }
}

#[tokio::test]
async fn one_request_is_counted_once_for_a_model_however_often_it_calls_it() {
    let rig = rig(Some(1_000_000));
    for _ in 0..2 {
        let owner = rig.tenants.owner();
        for _ in 0..3 {
            rig.write(&owner).await.unwrap();
        }
        rig.platform.settle(&owner).await;
        rig.platform.settle(&owner).await;
    }
    let owner = rig.tenants.owner();
    assert_eq!(rig.today(&owner).await, [("writer-v1".to_owned(), 2, 24, 18)]);
    let report = rig.platform.usage(&owner, None, None).await.unwrap();
    assert!((report.totals.cost_usd - (24.0 * 2.0 + 18.0 * 10.0) / 1e6).abs() < 1e-12, "{report:?}");
    let budget = report.budget.unwrap();
    assert_eq!((budget.share.used, budget.remaining), (42, 999_958));
    assert_eq!(budget.resets_at, crate::testkit::ManualClock::START + DAY_MS);
}

#[tokio::test]
async fn books_that_cannot_be_read_let_nothing_through_that_a_budget_bounds() {
    let rig = rig(Some(1_000));
    let owner = rig.tenants.owner();
    rig.databases.set_down(true);
    assert!(matches!(rig.write(&owner).await, Err(ModelError::Unavailable { .. })));
    assert_eq!(rig.calls(), 0);
    // What was used when the books went out of reach is written once they are back.
    rig.databases.set_down(false);
    rig.write(&owner).await.unwrap();
    rig.databases.set_down(true);
    rig.platform.settle(&owner).await;
    rig.databases.set_down(false);
    drop(owner);
    rig.run_later().await;
    assert_eq!(rig.used(&rig.tenants.owner()).await, 7);
}

#[test]
fn warns_from_four_fifths_on() {
    for (used, limit, warning) in [
        (0, 100, None),
        (79, 100, None),
        (80, 100, Some("0.8")),
        (83, 100, Some("0.83")),
        (7_999, 10_000, None),
        (99_999, 100_000, Some("0.9999")),
        (250, 100, Some("2.5")),
        (4, 5, Some("0.8")),
        (0, 0, Some("1")),
        (9, 0, Some("1")),
    ] {
        assert_eq!(Share { used, limit }.warning().as_deref(), warning, "{used} of {limit}");
    }
}

#[test]
fn costs_follow_the_tenants_prices() {
    let price = ModelPrice { input_usd: 0.5, output_usd: 4.0 };
    let budget = BudgetSettings {
        tokens_per_day: 1,
        usd_per_million_tokens: [("priced".to_owned(), price)].into(),
        ..BudgetSettings::default()
    };
    let tokens = Tokens { read: 1_000_000, written: 250_000 };
    assert!((cost(Some(&budget), "priced", tokens) - 1.5).abs() < 1e-12);
    assert!(cost(Some(&budget), "other", tokens).abs() < f64::EPSILON);
    assert!(cost(None, "priced", tokens).abs() < f64::EPSILON);
}

//! The house that the platform's tests live in: a platform in memory whose models and background work they can steer.

use super::*;

/// Keeps what it is given until it is asked to run it, and counts how often it was asked to wake somebody.
#[derive(Default)]
pub(super) struct Later(pub(super) Mutex<Vec<BoxFuture<'static, ()>>>, pub(super) AtomicUsize);

impl Background for Later {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(work);
    }

    fn wake_later<'a>(&'a self, _tenant: &'a TenantContext) -> BoxFuture<'a, ()> {
        self.1.fetch_add(1, Relaxed);
        Box::pin(std::future::ready(()))
    }
}

/// The hashed embedder with a switch, another length where asked, and a count.
#[derive(Default)]
pub(super) struct Switched {
    /// Texts of documents that it was asked for, also while it was down.
    pub(super) asked: AtomicUsize,
    pub(super) down: AtomicBool,
    pub(super) longer: AtomicBool,
    /// A value that stands in every vector where given.
    pub(super) poison: Mutex<Option<f32>>,
}

impl Embedder for Switched {
    fn model(&self) -> &str {
        HashedEmbedder::MODEL
    }

    fn dimensions(&self) -> usize {
        if self.longer.load(Relaxed) { 513 } else { 512 }
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
        if purpose == EmbedPurpose::Document {
            self.asked.fetch_add(texts.len(), Relaxed);
        }
        if self.down.load(Relaxed) {
            let error = ModelError::Unavailable { model: "hashed-lexical-v1".to_owned(), reason: "down".to_owned() };
            return Box::pin(async move { Err(error) });
        }
        let poison = *self.poison.lock().unwrap();
        Box::pin(async move {
            let mut embedded = HashedEmbedder.embed(tenant, texts, purpose).await?;
            if let Some(poison) = poison {
                for vector in &mut embedded.vectors {
                    vector[3] = poison;
                }
            }
            Ok(embedded)
        })
    }
}

/// The extractive generator with a switch, or a model that writes what it is told before it takes sentences from passages.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) down: AtomicBool,
    pub(super) says: Mutex<Option<String>>,
}

impl Generator for Writer {
    fn model(&self) -> &str {
        Extractive::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        if self.says.lock().unwrap().is_some() { GeneratorKind::Model } else { GeneratorKind::Extractive }
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        if self.down.load(Relaxed) {
            let error = ModelError::TimedOut { model: "extractive-v1".to_owned(), after_ms: 1 };
            return Box::pin(async move { Err(error) });
        }
        let said = self.says.lock().unwrap().clone();
        Box::pin(async move {
            let taken = Extractive.generate(tenant, request).await?;
            Ok(Generation { written: said, ..taken })
        })
    }
}

pub(super) struct House {
    pub(super) platform: Arc<Platform>,
    pub(super) tenants: TestTenants,
    pub(super) embedder: Arc<Switched>,
    pub(super) writer: Arc<Writer>,
    pub(super) later: Arc<Later>,
}

pub(super) fn house_with(change: impl Fn(&mut TenantSettings)) -> House {
    let tenants = TestTenants::with(change);
    let embedder = Arc::new(Switched::default());
    let writer = Arc::new(Writer::default());
    let later = Arc::new(Later::default());
    let ports = Ports {
        databases: Arc::new(MemoryDatabases::new()),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: later.clone(),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![embedder.clone()],
        generators: vec![writer.clone()],
        rerankers: vec![Arc::new(TermOverlap)],
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    let platform = Arc::new(Platform::new(ports, &[7; 32], INDEX_BYTES));
    House { platform, tenants, embedder, writer, later }
}

pub(super) fn house() -> House {
    house_with(|_| {})
}

pub(super) fn document(id: &str, content: &str, metadata: &Json) -> DocumentInput {
    DocumentInput {
        id: id.to_owned(),
        content_type: ContentType::Markdown,
        content: content.to_owned(),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
    }
}

pub(super) fn corpus() -> Vec<DocumentInput> {
    vec![
        document(
            "warranty",
            "# Warranty\n\nThe warranty lasts 2 years from the date of purchase and covers the frame and the motor. \
             It does not cover tyres.\n\n## Claims\n\nClaims need the original receipt.",
            &json!({"area": "legal", "version": 2, "public": true, "title": "Warranty terms"}),
        ),
        document(
            "refund",
            "# Refund policy\n\nA customer may ask for a refund within 17 days of delivery. Refunds are paid back to the \
             original payment method within 11 business days.",
            &json!({"area": "billing", "version": 1, "public": true}),
        ),
        document(
            "battery",
            "# Battery care\n\nCharge the battery indoors at room temperature. A full charge takes 4 hours. \
             Store the battery half full in winter.",
            &json!({"area": "product", "version": 3, "public": false}),
        ),
    ]
}

pub(super) async fn filled() -> (House, TenantContext) {
    let house = house();
    let owner = house.tenants.owner();
    let report = house.platform.ingest(&owner, &corpus(), ChunkOptions::default()).await.unwrap();
    assert!(report.documents.iter().all(|it| it.status == DocumentStatus::Created && it.chunks > 0));
    (house, owner)
}

/// The report of an ingest job.
pub(super) async fn report_of(house: &House, tenant: &TenantContext, id: &str) -> IngestReport {
    match house.platform.job_result(tenant, id).await.unwrap() {
        JobReport::Ingest(report) => report,
        other @ (JobReport::Tool(_) | JobReport::Speech(_)) => panic!("an ingest gave another result: {other:?}"),
    }
}

pub(super) async fn search(house: &House, tenant: &TenantContext, query: &str) -> SearchAnswer {
    house.platform.search(tenant, &SearchRequest::new(query)).await.unwrap()
}

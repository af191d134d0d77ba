//! What the measurements of answers share: a platform in memory, whose generator remembers what it saw.

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use minilm::MiniLm;
use reference_core::answer::Extractive;
use reference_core::ingest::UnicodeWords;
use reference_core::platform::{INDEX_BYTES, Platform, Ports};
use reference_core::ports::{
    Background, BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, Generation, GenerationRequest, Generator,
    GeneratorKind, MemoryKeyValue, ModelError,
};
use reference_core::retrieve::{Evidence, HashedEmbedder};
use reference_core::tenancy::TenantContext;
use reference_core::testkit::{MemoryDatabases, TestTenants, TestTimer};
use serde_json::Value;

/// Remembers the last request, so that what the generator saw can be told.
#[derive(Default)]
pub(crate) struct Watched(pub(crate) Mutex<Option<GenerationRequest>>);

impl Generator for Watched {
    fn model(&self) -> &str {
        Extractive::MODEL
    }

    fn kind(&self) -> GeneratorKind {
        GeneratorKind::Extractive
    }

    fn generate<'a>(
        &'a self,
        tenant: &'a TenantContext,
        request: &'a GenerationRequest,
    ) -> BoxFuture<'a, Result<Generation, ModelError>> {
        if let Ok(mut last) = self.0.lock() {
            *last = Some(request.clone());
        }
        Extractive.generate(tenant, request)
    }
}

struct Never;

impl Background for Never {
    fn spawn(&self, _work: BoxFuture<'static, ()>) {}
}

/// all-MiniLM-L6-v2, as the native host has it, on one thread.
struct Neural(MiniLm);

impl Embedder for Neural {
    fn model(&self) -> &str {
        minilm::MODEL
    }

    fn dimensions(&self) -> usize {
        minilm::DIMENSIONS
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Neural
    }

    fn embed<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        texts: &'a [String],
        _purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async move { Ok(self.0.embed(texts).into()) })
    }
}

/// A platform in memory that answers by `watched`; `neural` embeds by meaning and has the reranker for those tenants that use it,
/// as the native host does; else words are hashed.
pub(crate) fn platform(tenants: &TestTenants, watched: &Arc<Watched>, neural: bool) -> Result<Platform> {
    let embedder: Arc<dyn Embedder> = if neural { Arc::new(Neural(MiniLm::load()?)) } else { Arc::new(HashedEmbedder) };
    let ports = Ports {
        databases: Arc::new(MemoryDatabases::new()),
        clock: tenants.clock.clone(),
        ids: tenants.ids.clone(),
        key_value: Arc::new(MemoryKeyValue::new(1 << 20)),
        background: Arc::new(Never),
        tokenizer: Arc::new(UnicodeWords),
        embedders: vec![embedder],
        generators: vec![Arc::clone(watched) as Arc<dyn Generator>],
        rerankers: if neural { vec![Arc::new(Evidence)] } else { Vec::new() },
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    Ok(Platform::new(ports, &[7; 32], INDEX_BYTES))
}

/// The objects of a file that holds one a line.
pub(crate) fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    text.lines().map(|line| serde_json::from_str(line).context("a line is no JSON")).collect()
}

/// A text of an object; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

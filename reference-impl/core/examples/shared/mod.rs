//! What the measurements of answers share: a platform in memory, whose generator remembers what it saw, and collections of
//! documents and questions.

use std::collections::HashMap;
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
use reference_core::retrieve::HashedEmbedder;
use reference_core::tenancy::TenantContext;
use reference_core::testkit::{MemoryDatabases, TestTenants, TestTimer};
use serde_json::{Value, json};

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

/// A platform in memory that answers by `watched`; `neural` embeds by meaning, else words are hashed.
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
        rerankers: Vec::new(),
        chat_models: Vec::new(),
        timer: Arc::new(TestTimer::default()),
    };
    Ok(Platform::new(ports, &[7; 32], INDEX_BYTES))
}

/// A collection: documents, questions, and by question the answer with the documents that hold it.
pub(crate) struct Corpus {
    pub(crate) documents: Vec<Value>,
    pub(crate) queries: Vec<Value>,
    pub(crate) answers: HashMap<String, Value>,
}

impl Corpus {
    /// Reads a folder of `docs.jsonl`, `queries.jsonl` and `answers.jsonl`, or a fixture corpus.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        if folder.join("documents.yaml").exists() {
            return Self::fixture(folder);
        }
        let answers = lines(&folder.join("answers.jsonl"))?.into_iter().map(|mut answer| {
            answer["doc_ids"] = json!([answer["doc_id"]]);
            (text(&answer, "query_id").to_owned(), answer)
        });
        Ok(Self {
            answers: answers.collect(),
            documents: lines(&folder.join("docs.jsonl"))?,
            queries: lines(&folder.join("queries.jsonl"))?,
        })
    }

    fn fixture(folder: &Path) -> Result<Self> {
        let listed = std::fs::read_to_string(folder.join("documents.yaml")).context("reading documents.yaml")?;
        let mut documents: Vec<Value> = serde_yaml::from_str(&listed).context("documents.yaml is no YAML")?;
        for document in &mut documents {
            let file = folder.join(text(document, "file"));
            document["title"] = document["metadata"]["title"].clone();
            document["text"] =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?.into();
        }
        let queries = lines(&folder.join("questions.jsonl"))?;
        let answers = queries.iter().filter(|query| query["answer"].is_string()).map(|query| {
            let judged = query["judgements"].as_object();
            let holding: Vec<&String> = judged.into_iter().flatten().map(|(document, _)| document).collect();
            (text(query, "id").to_owned(), json!({"answer": query["answer"], "doc_ids": holding}))
        });
        Ok(Self { answers: answers.collect(), documents, queries })
    }
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

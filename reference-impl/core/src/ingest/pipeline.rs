//! The way of a document into the index: convert, cut, embed, write at once.

use std::collections::{HashMap, HashSet};

use contract_types::ErrorCode;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::chunk::{Chunk, chunk};
use super::convert::convert;
use super::error::IngestError;
use super::known::{TextHash, known, text_hash};
use super::metadata;
use super::model::{ChunkOptions, DocumentInput, DocumentOutcome, DocumentStatus, IngestReport, ItemError};
use super::tokens::Tokenizer;
use super::write::content_hash;
use crate::ports::{
    Columns, Database, DatabaseError, EmbedPurpose, Embedder, ModelError, Statement, UnixMillis, Value,
};
use crate::retrieve::index::{corpus_version, due, due_statement, embedding_name, maintain};
use crate::retrieve::quantised::is_finite;
use crate::sabotage::{self, Sabotage};
use crate::safety;
use crate::tenancy::{ChunkSettings, TenantContext};

/// Texts in one call of the embedder: large enough to amortise a network call, small enough for any host's limit.
const EMBED_BATCH: usize = 64;
/// Texts that are looked for among the stored ones in one call of the database: their vectors come back at once.
const LOOK_UPS: usize = 1024;
/// Smallest chunk size that a request may ask for, in tokens.
const MIN_CHUNK_SIZE: u32 = 16;
/// Version of conversion and chunking: documents that were cut otherwise are cut again when they are sent again.
const CUT: &str = "2";
/// Position of the guard in the batch that writes a document.
const MODEL_GUARD: usize = 1;

/// What ingestion works with; the database is the tenant's own.
pub(crate) struct Pipeline<'a> {
    pub(crate) tenant: &'a TenantContext,
    pub(crate) database: &'a dyn Database,
    pub(crate) embedder: &'a dyn Embedder,
    pub(crate) tokenizer: &'a dyn Tokenizer,
    pub(crate) now: UnixMillis,
    /// Held to in every batch that writes a document; where it fails, nothing of the document is written.
    pub(crate) guard: Option<Statement>,
}

/// The chunk settings that a request's options come to.
///
/// # Errors
///
/// [`IngestError::ChunkSize`], [`IngestError::Overlap`].
pub(crate) fn chunk_settings(tenant: &TenantContext, options: ChunkOptions) -> Result<ChunkSettings, IngestError> {
    let defaults = tenant.settings().chunking;
    let limit = tenant.settings().limits.chunk_size_tokens_max;
    let size_tokens = options.size.unwrap_or(defaults.size_tokens);
    let too_large = size_tokens > limit && !sabotage::on(Sabotage::ChunkSizeLimitIgnored);
    if size_tokens < MIN_CHUNK_SIZE || too_large {
        return Err(IngestError::ChunkSize { limit });
    }
    // A tenant's default overlap may be more than a request's small size allows; only what was asked for is refused.
    let overlap_tokens = options.overlap.unwrap_or_else(|| defaults.overlap_tokens.min(size_tokens / 4));
    if overlap_tokens >= size_tokens && !sabotage::on(Sabotage::OverlapNotChecked) {
        return Err(IngestError::Overlap { size: size_tokens });
    }
    Ok(ChunkSettings { size_tokens, overlap_tokens, strategy: options.strategy.unwrap_or(defaults.strategy) })
}

/// Checks a request as a whole.
///
/// # Errors
///
/// [`IngestError::TooManyDocuments`], [`IngestError::RepeatedId`], [`IngestError::Metadata`] and those of the options.
pub(crate) fn check(
    tenant: &TenantContext,
    documents: &[DocumentInput],
    options: ChunkOptions,
) -> Result<ChunkSettings, IngestError> {
    let limit = tenant.settings().limits.documents_per_request;
    let mut most = limit as usize;
    if sabotage::on(Sabotage::DocumentsLimitTooWide) {
        most += 1;
    }
    if sabotage::on(Sabotage::DocumentsLimitTooStrict) {
        most -= 1;
    }
    if documents.len() > most {
        return Err(IngestError::TooManyDocuments { found: documents.len(), limit });
    }
    let mut ids = HashSet::new();
    if let Some(index) = documents.iter().position(|document| !ids.insert(document.id.as_str()))
        && !sabotage::on(Sabotage::RepeatedIdsAccepted)
    {
        return Err(IngestError::RepeatedId { index });
    }
    for (index, document) in documents.iter().enumerate() {
        metadata::check(&document.metadata).map_err(|fault| IngestError::Metadata { index, fault })?;
    }
    let settings = chunk_settings(tenant, options)?;
    // Last, because it reads everything: a text that is refused is refused before anything is written.
    for document in documents {
        safety::review_document(tenant, &document.content)?;
    }
    Ok(settings)
}

impl Pipeline<'_> {
    /// Ingests all documents, each on its own.
    ///
    /// # Errors
    ///
    /// A failure of the database before anything was written, an index of another model, or [`IngestError::Model`] where no
    /// document at all could be embedded. What fails of a single document, its embedding included, stands in its outcome.
    pub(crate) async fn ingest(
        &self,
        documents: &[DocumentInput],
        settings: ChunkSettings,
    ) -> Result<IngestReport, IngestError> {
        let mut outcomes = Vec::with_capacity(documents.len());
        let mut unembedded = Vec::new();
        for document in documents {
            if sabotage::on(Sabotage::FailureEndsRequest)
                && outcomes.iter().any(|it: &DocumentOutcome| it.status == DocumentStatus::Failed)
            {
                outcomes.push(outcome(document, DocumentStatus::Failed, 0));
                continue;
            }
            match self.one(document, settings).await {
                Ok(outcome) => outcomes.push(outcome),
                // The first call of the request was refused, so no document that needs one gets in.
                Err(error @ IngestError::Model(ModelError::BudgetExceeded { .. })) => return Err(error),
                Err(error @ IngestError::Model(_)) => {
                    outcomes.push(self.failed(document, &error).await);
                    unembedded.push(error);
                }
                Err(error) if outcomes.is_empty() => return Err(error),
                Err(error) => outcomes.push(self.failed(document, &error).await),
            }
        }
        // Then the request as a whole has come to nothing, for a reason that passes: it is to be sent again.
        if unembedded.len() == documents.len()
            && let Some(error) = unembedded.into_iter().next()
        {
            return Err(error);
        }
        if sabotage::on(Sabotage::OutcomesReversed) {
            outcomes.reverse();
        }
        let version = corpus_version(self.database).await?;
        Ok(IngestReport { documents: outcomes, corpus_version: u64::try_from(version).unwrap_or(0) })
    }

    /// Ingests one document. A document that cannot be read is an outcome, not an error.
    ///
    /// # Errors
    ///
    /// Upstream failures; nothing of the document was written then.
    pub(crate) async fn one(
        &self,
        document: &DocumentInput,
        settings: ChunkSettings,
    ) -> Result<DocumentOutcome, IngestError> {
        if sabotage::on(Sabotage::DocumentTextLogged) {
            tracing::warn!(text = document.content, "a document is brought in");
        }
        let fingerprint = self.fingerprint(document, settings);
        let stored = self.stored(&document.id).await?;
        if let Some((held, chunks)) = &stored
            && (*held == fingerprint || sabotage::on(Sabotage::ChangedContentIgnored))
            && !sabotage::on(Sabotage::SameDocumentUpdated)
        {
            return Ok(outcome(document, DocumentStatus::Unchanged, *chunks));
        }
        let extracted = match convert(document.content_type, &document.content) {
            Ok(extracted) => extracted,
            Err(error) => {
                let error = ItemError { code: ErrorCode::ValidationError, message: error.to_string() };
                let held = stored.map_or(0, |(_, chunks)| chunks);
                let failed = outcome(document, DocumentStatus::Failed, held);
                return Ok(DocumentOutcome { error: Some(error), ..failed });
            }
        };
        let chunks = chunk(&document.id, &extracted, settings, self.tokenizer);
        let hashes: Vec<TextHash> = chunks.iter().map(text_hash).collect();
        let vectors = self.embed(&chunks, &hashes).await?;
        let vectors: Vec<_> = hashes.into_iter().zip(vectors).collect();
        let written = chunks.len();
        let mut statements = self.write(document, &fingerprint, extracted.text, chunks, vectors);
        let sealing = statements.len();
        statements.push(due_statement());
        statements.extend(self.guard.clone());
        let answers = self.database.batch(statements).await.map_err(|error| match error {
            DatabaseError::GuardFailed { index: MODEL_GUARD } => {
                IngestError::IndexMismatch { model: self.embedder.model().to_owned() }
            }
            error @ (DatabaseError::GuardFailed { .. }
            | DatabaseError::Unavailable { .. }
            | DatabaseError::Refused { .. }) => IngestError::Database(error),
        })?;
        if due(answers.get(sealing)) {
            maintain(self.tenant.id(), self.database).await;
        }
        let known = stored.is_some() || sabotage::on(Sabotage::CreatedReportedAsUpdated);
        let status = if known { DocumentStatus::Updated } else { DocumentStatus::Created };
        Ok(outcome(document, status, u32::try_from(written).unwrap_or(u32::MAX)))
    }

    /// The outcome of a document that an upstream failure kept out; what was there before is still there.
    pub(crate) async fn failed(&self, document: &DocumentInput, error: &IngestError) -> DocumentOutcome {
        let held = self.stored(&document.id).await.ok().flatten().map_or(0, |(_, chunks)| chunks);
        let error = ItemError { code: error.code(), message: error.to_string() };
        DocumentOutcome { error: Some(error), ..outcome(document, DocumentStatus::Failed, held) }
    }

    /// Over everything that the stored chunks and their metadata depend on. Vectors are left out: the model of all of them
    /// is known, and a reindex renews them without the content.
    fn fingerprint(&self, document: &DocumentInput, settings: ChunkSettings) -> String {
        let cut = format!("{CUT} {} {} {}", settings.size_tokens, settings.overlap_tokens, settings.strategy);
        let mut metadata = Json::Object(document.metadata.clone()).to_string();
        if sabotage::on(Sabotage::MetadataChangeIgnored) {
            metadata.clear();
        }
        let mut hash = Sha256::new();
        for part in [document.content_type.as_str(), &document.content, &metadata, &cut, self.tokenizer.name()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(hash.finalize())
    }

    /// Fingerprint and number of chunks of the document as it is stored; no fingerprint where the vectors are of another
    /// model than the present one.
    async fn stored(&self, id: &str) -> Result<Option<(String, u32)>, IngestError> {
        let embedding = embedding_name(self.embedder.model(), self.embedder.dimensions());
        let statement = Statement::new(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM meta WHERE key = 'embedding' AND value = ?2) THEN fingerprint ELSE '' END, \
             chunks FROM documents WHERE id = ?1",
            vec![Value::Text(id.to_owned()), Value::Text(embedding)],
        );
        let rows = self.database.batch(vec![statement]).await?;
        let Some(row) = rows.first().and_then(|rows| rows.first()) else { return Ok(None) };
        let mut columns = Columns::of(row);
        let fingerprint = columns.text()?.to_owned();
        Ok(Some((fingerprint, u32::try_from(columns.size()?).unwrap_or(u32::MAX))))
    }

    /// The vector of each chunk: as it is stored already, or from the model, which is asked once for each text.
    async fn embed(&self, chunks: &[Chunk], hashes: &[TextHash]) -> Result<Vec<Vec<f32>>, IngestError> {
        let (model, dimensions) = (self.embedder.model(), self.embedder.dimensions());
        let mut vectors: HashMap<TextHash, Vec<f32>> = HashMap::new();
        for hashes in hashes.chunks(LOOK_UPS) {
            vectors.extend(known(self.database, model, dimensions, hashes).await?);
        }
        let mut asked = HashSet::new();
        let unknown: Vec<(&Chunk, TextHash)> = chunks
            .iter()
            .zip(hashes.iter().copied())
            .filter(|(_, hash)| !vectors.contains_key(hash) && asked.insert(*hash))
            .collect();
        for batch in unknown.chunks(EMBED_BATCH) {
            let texts: Vec<String> =
                batch.iter().map(|(chunk, _)| embedded_text(&chunk.heading_path, &chunk.text)).collect();
            let embedded = self.embedder.embed(self.tenant, &texts, EmbedPurpose::Document).await?.vectors;
            if embedded.len() != texts.len() || embedded.iter().any(|vector| vector.len() != dimensions) {
                let reason = "wrong number or length of vectors".to_owned();
                return Err(ModelError::Unusable { model: model.to_owned(), reason }.into());
            }
            if !embedded.iter().all(|vector| is_finite(vector)) {
                return Err(ModelError::not_finite(model).into());
            }
            vectors.extend(batch.iter().map(|(_, hash)| *hash).zip(embedded));
        }
        Ok(hashes.iter().filter_map(|hash| vectors.get(hash).cloned()).collect())
    }
}

/// The text that a chunk's vector is made of: the headings above it often hold the very words that it is asked for by.
pub(crate) fn embedded_text(heading_path: &[String], text: &str) -> String {
    if heading_path.is_empty() { text.to_owned() } else { format!("{}\n{text}", heading_path.join(" > ")) }
}

fn outcome(document: &DocumentInput, status: DocumentStatus, chunks: u32) -> DocumentOutcome {
    let mut content_hash = content_hash(&document.content);
    if sabotage::on(Sabotage::ContentHashWrong) {
        content_hash = super::write::content_hash(document.content.trim_end_matches('.'));
    }
    DocumentOutcome { id: document.id.clone(), status, chunks, content_hash, error: None }
}

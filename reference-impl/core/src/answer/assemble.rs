//! Puts an answer together out of retrieved chunks.

use serde_json::Value as Json;

use super::citations::{Citation, cite};
use super::confidence::{Band, Confidence};
use super::evidence::Evidence;
use super::follow_ups::follow_ups;
use crate::ports::{Generation, GenerationRequest, Generator, ModelError};
use crate::retrieve::RankedChunk;
use crate::sabotage::{self, Sabotage};
use crate::safety;
use crate::tenancy::TenantContext;

/// What stands where the documents do not answer.
pub const NO_ANSWER: &str = "I could not find an answer to this in the available documents.";

/// A document that was retrieved for an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The document.
    pub document_id: String,
    /// Its title: from the metadata, otherwise its first heading.
    pub title: Option<String>,
    /// Best score of its chunks.
    pub score: f64,
    /// Its retrieved chunks, best first.
    pub chunk_ids: Vec<String>,
    /// Its metadata, as ingested.
    pub metadata: Json,
}

/// An answer with everything that supports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text with markers; empty where no generator was available.
    pub text: String,
    /// Its citations.
    pub citations: Vec<Citation>,
    /// Documents that were retrieved, best first; none where the documents do not answer.
    pub sources: Vec<Source>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What could be asked next.
    pub follow_ups: Vec<String>,
    /// Tokens that the generator counted, in and out.
    pub counted: (Option<u64>, Option<u64>),
}

impl Answer {
    /// No answer, for `reason`.
    pub fn none(text: &str, reason: &str) -> Self {
        Self {
            text: text.to_owned(),
            citations: Vec::new(),
            sources: Vec::new(),
            confidence: Confidence::none(reason),
            follow_ups: Vec::new(),
            counted: (None, None),
        }
    }

    /// Sources without a written answer, for want of a generator. Nothing has checked whether they answer the question, so
    /// the confidence is the least that still has sources.
    pub(crate) fn sources_alone(tenant: &TenantContext, chunks: &[RankedChunk]) -> Self {
        let thresholds = tenant.settings().retrieval.confidence;
        let confidence = Confidence {
            score: thresholds.low,
            band: Band::of(thresholds.low, thresholds),
            reasons: vec!["no generator was available".to_owned()],
        };
        Self { sources: sources(chunks), confidence, ..Self::none("", "") }
    }
}

/// Has `generator` answer `request`, whose passages are `chunks` in the same order, and checks the outcome.
///
/// # Errors
///
/// [`ModelError`] of the generator.
pub(crate) async fn answer(
    tenant: &TenantContext,
    generator: &dyn Generator,
    request: &GenerationRequest,
    chunks: &[RankedChunk],
) -> Result<Answer, ModelError> {
    let Generation { sentences, tokens_in, tokens_out } = generator.generate(tenant, request).await?;
    let counted = (tokens_in, tokens_out);
    if sabotage::on(Sabotage::DocumentsGiveOrders)
        && let Some(order) = chunks.iter().find_map(|chunk| safety::order(&chunk.text))
    {
        return Ok(Answer { text: order.to_owned(), counted, ..Answer::sources_alone(tenant, chunks) });
    }
    let cited = cite(request, &sentences, &|quote| safety::longest_clean_part(tenant, quote));
    if cited.citations.is_empty() {
        if let Some(altered) = unsupported(tenant, chunks) {
            return Ok(Answer { counted, ..altered });
        }
        return Ok(Answer { counted, ..Answer::none(NO_ANSWER, "no passage supports an answer") });
    }
    let thresholds = tenant.settings().retrieval.confidence;
    let mut confidence = match Evidence::of(request, &cited.citations) {
        Some(evidence) => Confidence::of(&evidence, &cited.citations, thresholds),
        None => Confidence::none("no sentence of a passage answers the question"),
    };
    if confidence.band == Band::None {
        if let Some(altered) = unsupported(tenant, chunks) {
            return Ok(Answer { counted, ..altered });
        }
        let none = Answer::none(NO_ANSWER, "");
        return Ok(Answer { confidence, counted, ..none });
    }
    let clean = |quote: &str| safety::longest_clean_part(tenant, quote);
    let follow_ups = follow_ups(request, &cited.text, &clean);
    if sabotage::on(Sabotage::BandAlwaysHigh) {
        confidence.band = Band::High;
    }
    let mut sources = sources(chunks);
    if sabotage::on(Sabotage::CitedDocumentNotASource)
        && let Some(first) = cited.citations.first()
    {
        sources.retain(|source| source.document_id != first.document_id);
    }
    Ok(Answer { text: cited.text, citations: cited.citations, sources, confidence, follow_ups, counted })
}

/// What the flaws make of an answer without support.
fn unsupported(tenant: &TenantContext, chunks: &[RankedChunk]) -> Option<Answer> {
    if sabotage::on(Sabotage::InventsWithoutSupport) {
        let sure = Answer::sources_alone(tenant, chunks);
        return Some(Answer { text: "Yes, that is so in every case.".to_owned(), ..sure });
    }
    let listed = sabotage::on(Sabotage::SourcesWithoutSupport);
    listed.then(|| Answer { sources: sources(chunks), ..Answer::none(NO_ANSWER, "no passage supports an answer") })
}

fn sources(chunks: &[RankedChunk]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for chunk in chunks {
        if let Some(source) = sources.iter_mut().find(|source| source.document_id == chunk.document_id) {
            source.chunk_ids.push(chunk.chunk_id.clone());
            continue;
        }
        let title = chunk.metadata.get("title").and_then(Json::as_str).filter(|title| !title.trim().is_empty());
        sources.push(Source {
            document_id: chunk.document_id.clone(),
            title: title.map(str::to_owned).or_else(|| chunk.heading_path.first().cloned()),
            score: chunk.score,
            chunk_ids: vec![chunk.chunk_id.clone()],
            metadata: chunk.metadata.clone(),
        });
    }
    sources
}

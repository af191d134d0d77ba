//! Puts an answer together out of retrieved chunks.

use serde_json::Value as Json;

use super::citations::{Citation, cite};
use super::confidence::{Band, Confidence};
use super::evidence::Evidence;
use super::follow_ups::follow_ups;
use super::orders::Matter;
use crate::ports::{GeneratedSentence, Generation, GenerationRequest, Generator, GeneratorKind, ModelError, Passage};
use crate::redact::redacted;
use crate::retrieve::RankedChunk;
use crate::retrieve::words::content_stems;
use crate::sabotage::{self, Sabotage};
use crate::safety::{self, Blocked, Finding};
use crate::tenancy::{SafetyAction, TenantContext};

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
#[derive(Clone, PartialEq)]
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
    /// What the safety filters found in what was read and in what a model wrote before it was checked.
    pub findings: Vec<Finding>,
}

redacted!(Answer { confidence, counted, findings } hides { text, citations, sources, follow_ups });

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
            findings: Vec::new(),
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
    let Generation { mut sentences, written, tokens_in, tokens_out } = generator.generate(tenant, request).await?;
    let counted = (tokens_in, tokens_out);
    let mut findings = planted(tenant, request);
    if generator.kind() != GeneratorKind::Extractive {
        findings.extend(leaked(tenant, written.as_deref(), &mut sentences));
    }
    let outcome = checked(tenant, request, &sentences, chunks);
    Ok(Answer { counted, findings, ..outcome })
}

/// One finding for each passage in which something gives orders that the tenant's rule for prompt injection knows.
pub(crate) fn planted(tenant: &TenantContext, request: &GenerationRequest) -> Vec<Finding> {
    let asked = content_stems(&request.question);
    let of_passage = |passage: &Passage| {
        let orders = Matter::of(&asked, passage).orders;
        orders.into_iter().find_map(|order| safety::planted(tenant, &passage.text[order]))
    };
    request.passages.iter().filter_map(of_passage).collect()
}

/// Takes the words of the system prompt out of what a model wrote, as the tenant's rule says.
fn leaked(tenant: &TenantContext, written: Option<&str>, sentences: &mut Vec<GeneratedSentence>) -> Vec<Finding> {
    // A model may spread the prompt over sentences, so that they are read as one text first.
    let joined = || sentences.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(" ");
    let found = match safety::review_written(tenant, &written.map_or_else(joined, str::to_owned)) {
        Err(Blocked(finding)) => {
            sentences.clear();
            return vec![finding];
        }
        Ok(passed) => passed.findings,
    };
    if found.iter().any(|it| it.action == SafetyAction::Redact) {
        // Where no sentence alone holds enough words of the prompt, those that passages support are left as they are.
        sentences.retain(|it| safety::review_written(tenant, &it.text).is_ok_and(|passed| passed.text == it.text));
    }
    found
}

/// The answer that is left of `sentences` once every one of them is held against the passages.
fn checked(
    tenant: &TenantContext,
    request: &GenerationRequest,
    sentences: &[GeneratedSentence],
    chunks: &[RankedChunk],
) -> Answer {
    if sabotage::on(Sabotage::DocumentsGiveOrders)
        && let Some(order) = chunks.iter().find_map(|chunk| safety::order(&chunk.text))
    {
        return Answer { text: order.to_owned(), ..Answer::sources_alone(tenant, chunks) };
    }
    let cited = cite(request, sentences, &|quote| safety::longest_clean_part(tenant, quote));
    if cited.citations.is_empty() {
        if let Some(altered) = unsupported(tenant, chunks) {
            return altered;
        }
        return Answer::none(NO_ANSWER, "no passage supports an answer");
    }
    let thresholds = tenant.settings().retrieval.confidence;
    let mut confidence = match Evidence::of(request, &cited.citations) {
        Some(evidence) => Confidence::of(&evidence, &cited.citations, thresholds),
        None => Confidence::none("no sentence of a passage answers the question"),
    };
    if confidence.band == Band::None {
        if let Some(altered) = unsupported(tenant, chunks) {
            return altered;
        }
        let none = Answer::none(NO_ANSWER, "");
        return Answer { confidence, ..none };
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
    Answer {
        text: cited.text,
        citations: cited.citations,
        sources,
        confidence,
        follow_ups,
        counted: (None, None),
        findings: Vec::new(),
    }
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

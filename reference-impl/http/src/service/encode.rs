//! Core's types as wire types.

use std::{ops::Range, str::FromStr};

use contract_types as wire;
use reference_core::{
    answer::{Citation, Source},
    chat::{ToolUse, ToolUsed},
    ingest::{self, DocumentOutcome, DocumentSummary, IngestReport, StoredChunk},
    ports::UnixMillis,
    retrieve::{Degradation, Explain, RankedChunk, Retrieved},
    sabotage::{self, Sabotage},
    safety::Finding,
    search::{CacheReport, SearchAnswer, SearchTimings, Usage},
    store::jobs::{Job, JobFailure, JobStatus},
    tenancy::SafetyDirection,
};
use serde_json::Value;

/// Most safety findings of an answer, as the contract bounds them.
const MOST_FINDINGS: usize = 100;

/// A word that core and the contract spell alike; tests hold every one of them.
pub(super) fn word<T: FromStr>(text: &str) -> T {
    T::from_str(text).unwrap_or_else(|_| unreachable!("core says `{text}`, which the contract does not know"))
}

#[expect(clippy::cast_precision_loss, reason = "no stage takes 2^52 microseconds")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

pub(super) fn time(at: UnixMillis) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    if sabotage::on(Sabotage::TimesNotInUtc) {
        return timestamp.display_with_offset(jiff::tz::offset(2)).to_string();
    }
    format!("{timestamp:.3}")
}

fn span(range: &Range<usize>) -> wire::ByteSpan {
    wire::ByteSpan::new(range.start as u64, range.end as u64)
}

fn metadata(value: Value) -> wire::Metadata {
    match value {
        Value::Object(map) => wire::Metadata(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            wire::Metadata(serde_json::Map::new())
        }
    }
}

pub(super) fn report(report: IngestReport) -> wire::IngestReport {
    wire::IngestReport::new(report.documents.into_iter().map(outcome).collect(), report.corpus_version)
}

fn outcome(outcome: DocumentOutcome) -> wire::DocumentOutcome {
    let mut wire = wire::DocumentOutcome::new(
        outcome.id.into(),
        word(outcome.status.as_str()),
        u64::from(outcome.chunks),
        outcome.content_hash.into(),
    );
    wire.error = outcome.error.map(|error| wire::ItemError::new(error.code, error.message));
    wire
}

fn failure(failure: JobFailure) -> wire::ItemError {
    wire::ItemError::new(failure.code, failure.message)
}

pub(super) fn job(job: Job) -> wire::Job {
    let mut done = job.done;
    if sabotage::on(Sabotage::JobProgressFalls) {
        done = job.total - job.done;
    }
    if sabotage::on(Sabotage::JobProgressExceedsTotal) && job.status == JobStatus::Succeeded {
        done = job.total + 1;
    }
    let progress = wire::JobProgress::new(u64::from(done), u64::from(job.total));
    let mut wire = wire::Job::new(
        job.id.as_str().into(),
        word(job.kind.as_str()),
        word(job.status.as_str()),
        time(job.created_at),
        time(job.updated_at),
        progress,
    );
    // The contract speaks of expiry where there is a result to expire.
    wire.expires_at = job.expires_at.filter(|_| job.status == JobStatus::Succeeded).map(time);
    let items = job.items.into_iter().map(|item| {
        let mut wire = wire::JobItem::new(item.id, word(item.status.as_str()));
        wire.error = item.error.map(failure).filter(|_| !sabotage::on(Sabotage::JobItemErrorsLost));
        wire
    });
    wire.items = Some(items.collect::<Vec<_>>()).filter(|items| !items.is_empty());
    wire.error = job.error.map(failure);
    wire
}

pub(super) fn summary(document: DocumentSummary) -> wire::DocumentSummary {
    wire::DocumentSummary::new(
        document.id.into(),
        word(document.content_type.as_str()),
        document.content_hash.into(),
        document.size_bytes,
        u64::from(document.chunks),
        wire::Metadata(document.metadata),
        time(document.created_at),
        time(document.updated_at),
    )
}

pub(super) fn document(document: ingest::Document) -> wire::Document {
    let summary = summary(document.summary);
    wire::Document::new(
        summary.id,
        summary.content_type,
        summary.content_hash,
        summary.size_bytes,
        summary.chunks,
        summary.metadata,
        summary.created_at,
        summary.updated_at,
        document.text,
    )
}

pub(super) fn chunk(chunk: StoredChunk) -> wire::Chunk {
    wire::Chunk::new(
        chunk.id.into(),
        chunk.document_id.into(),
        u64::from(chunk.ordinal),
        span(&chunk.span),
        u64::from(chunk.tokens),
        chunk.text,
        chunk.heading_path,
    )
}

pub(super) fn retrieved(retrieved: Retrieved) -> wire::RetrieveResponse {
    let mut wire = wire::RetrieveResponse::new(retrieved.chunks.into_iter().map(ranked).collect());
    wire.explain = retrieved.explain.map(explain);
    wire.degraded = degraded(&retrieved.degraded);
    wire
}

fn ranked(chunk: RankedChunk) -> wire::RankedChunk {
    wire::RankedChunk::new(
        u64::from(chunk.rank),
        chunk.score,
        chunk.chunk_id.into(),
        chunk.document_id.into(),
        span(&chunk.span),
        chunk.text,
        chunk.heading_path,
        metadata(chunk.metadata),
    )
}

fn explain(explain: Explain) -> wire::Explain {
    let candidates = explain.candidates.into_iter().map(|candidate| {
        let mut wire = wire::CandidateScore::new(candidate.chunk_id.into(), candidate.fused);
        wire.dense = candidate.dense;
        wire.lexical = candidate.lexical;
        wire.reranked = candidate.reranked;
        wire
    });
    let mut wire = wire::Explain::new(
        explain.embedding_cache_hit,
        word(explain.mode.as_str()),
        explain.embedding_model.into(),
        candidates.collect(),
    );
    wire.filtered_out = Some(explain.filtered_out as u64);
    wire
}

pub(super) fn degraded(found: &[Degradation]) -> Option<Vec<wire::Degradation>> {
    let told = !found.is_empty() && !sabotage::on(Sabotage::DegradationHidden);
    told.then(|| found.iter().map(|degradation| word(degradation.as_str())).collect())
}

/// A safety finding; core names what was looked for, the contract calls that its category.
pub(super) fn finding(finding: &Finding) -> wire::SafetyFinding {
    let side = match finding.direction {
        SafetyDirection::Input => wire::SafetyFilter::Input,
        SafetyDirection::Output => wire::SafetyFilter::Output,
    };
    let action = wire::SafetyAction::from_str(finding.action.as_str()).unwrap_or(wire::SafetyAction::Flag);
    wire::SafetyFinding::new(side, word(finding.filter.as_str()), finding.score, finding.threshold, action)
}

/// What was found, as many as the contract has room for; `None` for nothing.
pub(super) fn safety(found: &[Finding]) -> Option<Vec<wire::SafetyFinding>> {
    let findings: Vec<wire::SafetyFinding> = found.iter().take(MOST_FINDINGS).map(finding).collect();
    (!findings.is_empty()).then_some(findings)
}

/// What model calls used.
pub(super) fn usage(usage: Usage) -> wire::Usage {
    let mut wire = wire::Usage::new(usage.tokens_in, usage.tokens_out, usage.cost_usd);
    wire.model = (!usage.model.is_empty()).then(|| usage.model.into());
    wire
}

pub(super) fn cache(cache: CacheReport) -> wire::CacheReport {
    wire::CacheReport::new(cache.hit, cache.age_ms, cache.ttl_ms)
}

pub(super) fn timings(timings: SearchTimings) -> wire::Timings {
    wire::Timings::new(
        milliseconds(timings.total_us),
        milliseconds(timings.rewrite_us),
        milliseconds(timings.embed_us),
        if sabotage::on(Sabotage::TimingsExceedTotal) {
            milliseconds(timings.total_us) + 1.0
        } else {
            milliseconds(timings.retrieve_us)
        },
        milliseconds(timings.rerank_us),
        milliseconds(timings.generate_us),
    )
}

pub(super) fn answer(answer: SearchAnswer, request_id: &str) -> wire::SearchAnswer {
    let confidence = wire::Confidence::new(
        answer.confidence.score,
        word(answer.confidence.band.as_str()),
        answer.confidence.reasons,
    );
    let corrections = answer.query.corrections.into_iter().map(|it| wire::Correction::new(it.from, it.to)).collect();
    let query = wire::QueryReport::new(
        answer.query.original,
        word(answer.query.intent.as_str()),
        answer.query.intent_score,
        answer.query.rewritten,
        answer.query.expansions,
        corrections,
    );
    let timings = timings(answer.timings);
    let usage = usage(answer.usage);
    let mut wire = wire::SearchAnswer::new(
        answer.answer,
        answer.citations.into_iter().map(citation).collect(),
        answer.sources.into_iter().map(source).collect(),
        confidence,
        answer.follow_ups,
        query,
        cache(answer.cache),
        timings,
        usage,
        request_id.into(),
    );
    wire.degraded = degraded(&answer.degraded);
    wire.safety = safety(&answer.safety);
    wire
}

pub(super) fn citation(citation: Citation) -> wire::Citation {
    wire::Citation::new(
        u64::from(citation.marker),
        citation.document_id.into(),
        citation.chunk_id.into(),
        citation.quote,
        span(&citation.chunk_span),
        span(&citation.answer_span),
        citation.confidence,
    )
}

fn source(source: Source) -> wire::Source {
    let chunks = source.chunk_ids.into_iter().map(Into::into).collect::<Vec<wire::ChunkId>>();
    let mut wire = wire::Source::new(source.document_id.into(), source.score, chunks, metadata(source.metadata));
    wire.title = source.title;
    wire
}

pub(super) fn tool_use(told: ToolUse) -> wire::ToolCall {
    wire::ToolCall::new(told.id.into(), told.tool.into(), told.arguments)
}

pub(super) fn tool_used(used: ToolUsed) -> wire::ToolCallResult {
    #[expect(clippy::cast_precision_loss, reason = "no tool runs 2^52 microseconds")]
    let duration_ms = used.duration_us as f64 / 1000.0;
    let outcome = word(used.outcome.as_str());
    let mut told = wire::ToolCallResult::new(used.call_id.into(), used.tool.into(), outcome, duration_ms);
    told.result = used.result.map(object);
    told.error =
        used.error.map(|(code, message)| wire::ItemError::new(code, message.chars().take(1000).collect::<String>()));
    told
}

/// A tool's result, which its schema makes an object.
pub(super) fn object(result: Value) -> serde_json::Map<String, Value> {
    match result {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => serde_json::Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use contract_types as wire;
    use reference_core::{
        answer::Band,
        ingest::{ContentType, DocumentStatus},
        retrieve::Degradation,
        search::Intent,
        store::jobs::{JobKind, JobStatus},
        tenancy::{Feature, RetrievalMode, SafetyFilter, Scope},
    };

    /// Every word of core is one of the contract's.
    #[test]
    fn spells_every_word_as_the_contract_does() {
        macro_rules! agree {
            ($($core:ty => $wire:ty),+ $(,)?) => {
                $(for value in <$core>::ALL {
                    assert!(<$wire>::from_str(value.as_str()).is_ok(), "`{}` of {}", value.as_str(), stringify!($core));
                })+
            };
        }
        agree!(
            reference_core::chat::Finish => wire::FinishReason,
            reference_core::session::Speaker => wire::ChatRole,
            Band => wire::ConfidenceBand,
            ContentType => wire::ContentType,
            Degradation => wire::Degradation,
            DocumentStatus => wire::DocumentStatus,
            Feature => wire::Feature,
            Intent => wire::Intent,
            JobKind => wire::JobKind,
            JobStatus => wire::JobStatus,
            RetrievalMode => wire::RetrievalMode,
            SafetyFilter => wire::SafetyCategory,
            Scope => wire::Scope,
        );
    }
}

//! Cached answers: their keys and their form.

use std::ops::Range;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::intent::Intent;
use super::model::{QueryReport, SearchAnswer, SearchRequest, Usage};
use super::shape::Shape;
use super::spelling::Correction;
use crate::answer::{Band, Citation, Confidence, Source};
use crate::ports::UnixMillis;
use crate::sabotage::{self, Sabotage};
use crate::safety::{self, Finding};
use crate::tenancy::{SafetyAction, SafetyDirection, SafetyFilter, TenantContext};

/// Version of the contract and of the stored form: answers of another one are never read.
const FORM: &str = "1.0.0/3";

/// A stored answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) answer: SearchAnswer,
    pub(super) since: UnixMillis,
    pub(super) ttl_ms: i64,
}

/// What an answer depends on, beside the request.
pub(super) struct KeyParts<'a> {
    pub(super) embedding_model: &'a str,
    pub(super) generation_model: &'a str,
    pub(super) reranker: Option<&'a str>,
    pub(super) corpus_version: i64,
    pub(super) shape: Shape,
    /// Everything else, each part by name.
    pub(super) further: Vec<(&'static str, String)>,
}

/// The key of an answer: 64 hexadecimal digits over everything that it depends on. Queries that differ in letter case,
/// white space or canonical Unicode form alone share one.
pub(super) fn key(tenant: &TenantContext, query: &str, request: &SearchRequest, parts: &KeyParts<'_>) -> String {
    let mut query = normalised(query);
    if sabotage::on(Sabotage::CacheJoinsSimilarQueries) {
        let mut words: Vec<&str> = query.split(' ').collect();
        words.sort_unstable();
        query = words.join(" ");
    }
    // Settings that shape answers are part of the key, so that a changed configuration is seen at once.
    let mut options = format!(
        "{:?} {:?} {:?} {:?} {} {}",
        request.top_k, request.min_score, request.mode, request.rerank, request.correct_spelling, parts.shape.settings,
    );
    if sabotage::on(Sabotage::CacheIgnoresOptions) {
        options.clear();
    }
    let mut filter = request.filter.canonical();
    if sabotage::on(Sabotage::CacheIgnoresFilter) {
        filter.clear();
    }
    let mut version = parts.corpus_version.to_string();
    if sabotage::on(Sabotage::CacheSurvivesIngest) {
        version.clear();
    }
    let mut hash = Sha256::new();
    for part in [
        tenant.id().as_str(),
        FORM,
        parts.embedding_model,
        parts.generation_model,
        parts.reranker.unwrap_or_default(),
        &query,
        &filter,
        &options,
        &version,
        &parts.shape.features,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    for part in parts.further.iter().flat_map(|(name, value)| [*name, value.as_str()]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// What queries that say the same have in common. Canonical forms alone: letters that merely look alike, such as `²` and
/// `2`, stay apart.
fn normalised(query: &str) -> String {
    if sabotage::on(Sabotage::CacheSeesWhiteSpace) {
        return query.to_owned();
    }
    // One form before lower case and again after it, which may take letters apart.
    let lower = query.nfc().collect::<String>().to_lowercase();
    let composed: String = lower.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn encode(stored: &Stored) -> String {
    let answer = &stored.answer;
    let span = |range: &Range<usize>| json!([range.start, range.end]);
    let citations: Vec<Json> = answer
        .citations
        .iter()
        .map(|it| {
            json!({
                "marker": it.marker, "document": it.document_id, "chunk": it.chunk_id, "quote": it.quote,
                "chunk_span": span(&it.chunk_span), "answer_span": span(&it.answer_span), "confidence": it.confidence,
            })
        })
        .collect();
    let sources: Vec<Json> = answer
        .sources
        .iter()
        .map(|it| {
            json!({
                "document": it.document_id, "title": it.title, "score": it.score, "chunks": it.chunk_ids,
                "metadata": it.metadata,
            })
        })
        .collect();
    let safety: Vec<Json> = answer
        .safety
        .iter()
        .map(|it| {
            json!({
                "direction": it.direction.as_str(), "filter": it.filter.as_str(), "category": it.category,
                "score": it.score, "threshold": it.threshold, "action": it.action.as_str(),
            })
        })
        .collect();
    let corrections: Vec<Json> = answer.query.corrections.iter().map(|it| json!([it.from, it.to])).collect();
    json!({
        "stored_at": stored.since,
        "ttl_ms": stored.ttl_ms,
        "answer": answer.answer,
        "citations": citations,
        "sources": sources,
        "score": answer.confidence.score,
        "band": answer.confidence.band.as_str(),
        "reasons": answer.confidence.reasons,
        "follow_ups": answer.follow_ups,
        "original": answer.query.original,
        "intent": answer.query.intent.as_str(),
        "intent_score": answer.query.intent_score,
        "rewritten": answer.query.rewritten,
        "expansions": answer.query.expansions,
        "corrections": corrections,
        "safety": safety,
    })
    .to_string()
}

/// The stored answer; `None` for anything that [`encode`] does not write.
pub(super) fn decode(text: &str) -> Option<Stored> {
    let json: Json = serde_json::from_str(text).ok()?;
    let citations = json["citations"].as_array()?.iter().map(citation).collect::<Option<_>>()?;
    let sources = json["sources"].as_array()?.iter().map(source).collect::<Option<_>>()?;
    let corrections = json["corrections"]
        .as_array()?
        .iter()
        .map(|it| Some(Correction { from: text_of(&it[0])?, to: text_of(&it[1])? }))
        .collect::<Option<_>>()?;
    let answer = SearchAnswer {
        answer: text_of(&json["answer"])?,
        citations,
        sources,
        confidence: Confidence {
            score: json["score"].as_f64()?,
            band: Band::parse(json["band"].as_str()?)?,
            reasons: texts(&json["reasons"])?,
        },
        follow_ups: texts(&json["follow_ups"])?,
        query: QueryReport {
            original: text_of(&json["original"])?,
            intent: Intent::parse(json["intent"].as_str()?)?,
            intent_score: json["intent_score"].as_f64()?,
            rewritten: text_of(&json["rewritten"])?,
            expansions: texts(&json["expansions"])?,
            corrections,
        },
        cache: super::CacheReport::default(),
        timings: super::SearchTimings::default(),
        usage: Usage::default(),
        degraded: Vec::new(),
        safety: json["safety"].as_array()?.iter().map(finding).collect::<Option<_>>()?,
    };
    Some(Stored { answer, since: json["stored_at"].as_i64()?, ttl_ms: json["ttl_ms"].as_i64()? })
}

fn citation(json: &Json) -> Option<Citation> {
    Some(Citation {
        marker: u32::try_from(json["marker"].as_u64()?).ok()?,
        document_id: text_of(&json["document"])?,
        chunk_id: text_of(&json["chunk"])?,
        quote: text_of(&json["quote"])?,
        chunk_span: span_of(&json["chunk_span"])?,
        answer_span: span_of(&json["answer_span"])?,
        confidence: json["confidence"].as_f64()?,
    })
}

fn finding(json: &Json) -> Option<Finding> {
    Some(Finding {
        direction: SafetyDirection::parse(json["direction"].as_str()?)?,
        filter: SafetyFilter::parse(json["filter"].as_str()?)?,
        category: safety::category(json["category"].as_str()?)?,
        score: json["score"].as_f64()?,
        threshold: json["threshold"].as_f64()?,
        action: SafetyAction::parse(json["action"].as_str()?)?,
    })
}

fn source(json: &Json) -> Option<Source> {
    Some(Source {
        document_id: text_of(&json["document"])?,
        title: json["title"].as_str().map(str::to_owned),
        score: json["score"].as_f64()?,
        chunk_ids: texts(&json["chunks"])?,
        metadata: json["metadata"].clone(),
    })
}

fn span_of(json: &Json) -> Option<Range<usize>> {
    let place = |index: usize| usize::try_from(json[index].as_u64()?).ok();
    Some(place(0)?..place(1)?)
}

fn text_of(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

/// The key of an entry that every tenant finds, for the flaw of sharing answers.
#[cfg(feature = "sabotage")]
pub(super) fn shared_key(query: &str) -> String {
    format!("shared {}", normalised(query))
}

fn texts(json: &Json) -> Option<Vec<String>> {
    json.as_array()?.iter().map(text_of).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tenancy::RetrievalMode;
    use crate::testkit::TestTenants;

    fn parts() -> KeyParts<'static> {
        KeyParts {
            shape: Shape::of(TestTenants::new().owner().settings()),
            embedding_model: "e",
            generation_model: "g",
            reranker: None,
            corpus_version: 1,
            further: vec![("prompt", "1".to_owned())],
        }
    }

    #[test]
    fn keys_by_everything_that_an_answer_depends_on() {
        let tenants = TestTenants::new();
        let tenant = tenants.owner();
        let plain = SearchRequest::new("how long");
        let request = |change: fn(&mut SearchRequest)| {
            let mut request = plain.clone();
            change(&mut request);
            key(&tenant, "how long", &request, &parts())
        };
        let part = |change: fn(&mut KeyParts<'_>)| {
            let mut parts = parts();
            change(&mut parts);
            key(&tenant, "how long", &plain, &parts)
        };
        let first = key(&tenant, "how long", &plain, &parts());
        let others = [
            key(&tenants.stranger(), "how long", &plain, &parts()),
            key(&tenant, "how long?", &plain, &parts()),
            request(|it| it.top_k = Some(3)),
            request(|it| it.min_score = Some(0.5)),
            request(|it| it.mode = Some(RetrievalMode::Lexical)),
            request(|it| it.rerank = Some(false)),
            request(|it| it.correct_spelling = false),
            part(|it| it.embedding_model = "e2"),
            part(|it| it.generation_model = "g2"),
            part(|it| it.reranker = Some("r")),
            part(|it| it.corpus_version = 2),
            part(|it| it.shape.settings = "others".into()),
            part(|it| it.shape.features = "others".into()),
            part(|it| it.further = vec![("prompt", "2".to_owned())]),
            part(|it| it.further = vec![("prompt2", "1".to_owned())]),
            part(|it| it.further = Vec::new()),
        ];
        let all: std::collections::BTreeSet<&String> = others.iter().chain([&first]).collect();
        assert_eq!(all.len(), others.len() + 1, "each change gives another key");
        assert_eq!(first, key(&tenant, " How  LONG ", &plain, &parts()));
        // How the cache is used is no part of what is in it.
        for mode in [super::super::CacheMode::Bypass, super::super::CacheMode::Refresh] {
            assert_eq!(first, key(&tenant, "how long", &SearchRequest { cache: mode, ..plain.clone() }, &parts()));
        }
    }

    #[test]
    fn puts_queries_together_that_differ_in_case_white_space_or_form_alone() {
        let same = [
            ("How LONG?", "how long?"),
            (" how\tlong\u{a0}is\r\nit ", "how long is it"),
            ("Caf\u{e9}", "CAFE\u{301}"),
            ("\u{212b}ngstr\u{f6}m", "A\u{30a}NGSTRO\u{308}M"),
            ("\u{130}zmir", "i\u{307}zmir"),
        ];
        for (one, other) in same {
            assert_eq!(normalised(one), normalised(other), "{one:?} and {other:?}");
        }
        let apart = [
            ("E2", "E29"),
            ("x2", "x\u{b2}"),
            ("ab", "a b"),
            ("3.5", "35"),
            ("cafe", "caf\u{e9}"),
            ("a", "\u{ff41}"),
            ("why", "why?"),
        ];
        for (one, other) in apart {
            assert_ne!(normalised(one), normalised(other), "{one:?} and {other:?}");
        }
    }

    /// An answer with something in every place that is stored.
    pub(in crate::search) fn sample() -> SearchAnswer {
        SearchAnswer {
            answer: "Two years. [1]".to_owned(),
            citations: vec![Citation {
                marker: 1,
                document_id: "d".to_owned(),
                chunk_id: "c".to_owned(),
                quote: "Two years.".to_owned(),
                chunk_span: 3..13,
                answer_span: 0..10,
                confidence: 0.75,
            }],
            sources: vec![Source {
                document_id: "d".to_owned(),
                title: None,
                score: 0.123_456,
                chunk_ids: vec!["c".to_owned()],
                metadata: json!({"n": 9_007_199_254_740_991_i64, "x": null}),
            }],
            confidence: Confidence { score: 0.5, band: Band::Medium, reasons: vec!["r".to_owned()] },
            follow_ups: vec!["f".to_owned()],
            query: QueryReport {
                original: "q".to_owned(),
                intent: Intent::Question,
                intent_score: 0.95,
                rewritten: "q".to_owned(),
                expansions: vec!["e".to_owned()],
                corrections: vec![Correction { from: "a".to_owned(), to: "b".to_owned() }],
            },
            cache: super::super::CacheReport::default(),
            timings: super::super::SearchTimings::default(),
            usage: Usage::default(),
            degraded: Vec::new(),
            safety: vec![Finding {
                direction: SafetyDirection::Output,
                filter: SafetyFilter::Secrets,
                category: "cloud_key",
                score: 0.95,
                threshold: 0.8,
                action: SafetyAction::Redact,
            }],
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        let stored = Stored { answer: sample(), since: 5, ttl_ms: 7 };
        assert_eq!(decode(&encode(&stored)), Some(stored));
        for junk in ["", "{}", "[]", "null"] {
            assert_eq!(decode(junk), None);
        }
    }
}

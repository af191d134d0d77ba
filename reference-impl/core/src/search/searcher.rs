//! The whole search: understand, look into the cache, retrieve, answer, check.

use std::sync::Arc;

use super::cache::{KeyParts, key};
use super::error::SearchError;
use super::figures::CacheCounters;
use super::flight::Flights;
use super::intent::Intent;
use super::kept::{Answered, KeptAnswer};
use super::known::{Heard, Known};
use super::model::{CacheMode, CacheReport, QueryReport, SearchAnswer, SearchRequest, SearchTimings, Usage};
use super::shape::Shapes;
use super::understand::{Understood, understand};
use crate::answer::{self, Answer, NO_ANSWER, flatten};
use crate::ingest::Tokenizer;
use crate::ports::{Clock, EmbedderKind, GenerationRequest, Generator, KeyValue, Passage, Reranker};
use crate::retrieve::index::corpus_state;
use crate::retrieve::{
    Degradation, Filter, RankedChunk, RetrieveError, RetrieveRequest, Retrieved, Retriever, Sources,
};
use crate::sabotage::{self, Sabotage};
use crate::safety::{self, Blocked, Passed};
use crate::tenancy::{Feature, SafetyAction, TenantContext};
use crate::trace::{StepName, StepOutcome};
use crate::usage::{self, Used};

/// Most sentences of an answer.
const MAX_SENTENCES: usize = 3;
/// Most chunks that a request may ask for.
const MAX_TOP_K: usize = 100;
/// Passages that the generator sees.
const MAX_PASSAGES: usize = 12;

/// What one search works with; everything that stores is the tenant's own.
pub(crate) struct Searcher<'a> {
    pub(crate) tenant: &'a TenantContext,
    pub(crate) sources: Sources<'a>,
    pub(crate) retriever: &'a Retriever,
    /// The model that was asked for, then those that write when it is down; none that is not part of the deployment.
    pub(crate) generators: &'a [Arc<dyn Generator>],
    pub(crate) generation_model: &'a str,
    pub(crate) key_value: &'a dyn KeyValue,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) tokenizer: &'a dyn Tokenizer,
    /// Equal searches under way.
    pub(crate) flights: &'a Arc<Flights>,
    /// Settings as the cache's keys know them.
    pub(crate) shapes: &'a Shapes,
    /// What is known of queries and entries.
    pub(crate) known: &'a Known,
    /// What the cache did.
    pub(crate) counters: &'a CacheCounters,
}

/// Checks everything about a request that needs no store.
///
/// # Errors
///
/// Everything of [`SearchError`] that is the request's fault.
pub(crate) fn check(tenant: &TenantContext, request: &SearchRequest) -> Result<(), SearchError> {
    let settings = tenant.settings();
    let limit = settings.limits.query_chars;
    if request.query.trim().is_empty() && !sabotage::on(Sabotage::BlankQueriesAccepted) {
        return Err(SearchError::EmptyQuery);
    }
    let control = |character: char| character.is_control() && !character.is_whitespace();
    if request.query.contains(control) && !sabotage::on(Sabotage::ControlCharactersAccepted) {
        return Err(SearchError::ControlCharacter);
    }
    let mut length = request.query.chars().count();
    if sabotage::on(Sabotage::QueryLimitCountsBytes) {
        length = request.query.len();
    }
    if length > limit as usize && !sabotage::on(Sabotage::QueryLimitIgnored) {
        return Err(SearchError::QueryTooLong { limit });
    }
    if request.top_k.is_some_and(|count| count == 0 || count > MAX_TOP_K) {
        return Err(SearchError::TopK);
    }
    if request.model.as_ref().is_some_and(|model| !settings.allows_model(model))
        && !sabotage::on(Sabotage::UnknownModelIgnored)
    {
        return Err(SearchError::UnknownModel);
    }
    Ok(())
}

/// A search that nothing refuses any more, and how far it has come.
pub(crate) enum Begun {
    /// Its answer was in the cache.
    Cached(Box<KeptAnswer>),
    /// Its answer has yet to be found.
    Open(Open),
}

/// What is known of a search before anything is looked up.
pub(crate) struct Open {
    /// The query as the safety rules let it through, and what it is after.
    pub(super) heard: Arc<Heard>,
    /// Where its answer will be kept.
    pub(super) key: String,
    /// What it has had to do without so far.
    pub(super) degraded: Vec<Degradation>,
    /// When it began, in microseconds of the monotonic clock.
    pub(super) started: u64,
    /// Flights that had landed when the cache was looked at.
    pub(super) landed: u64,
}

impl Begun {
    /// Whether a generator may be asked.
    pub(crate) fn generates(&self) -> bool {
        match self {
            Self::Cached(_) => false,
            Self::Open(open) => open.heard.intent.retrieves(),
        }
    }
}

impl Searcher<'_> {
    /// Everything that can refuse the request, and the look into the cache.
    pub(crate) async fn begin(&self, request: &SearchRequest) -> Result<Begun, SearchError> {
        let started = self.clock.monotonic_us();
        check(self.tenant, request)?;
        // From here on the query stands alone, so that nothing that is kept or sent depends on the conversation.
        let heard = if request.history.is_empty() {
            self.known.hear(self.tenant, &request.query)?
        } else {
            Arc::new(Heard::after(&request.history, self.tenant, &request.query)?)
        };
        let query = &heard.query;
        if heard.intent == Intent::Unsafe {
            let finding = safety::unsafe_request(query);
            return Err(finding.map_or(SearchError::EmptyQuery, |finding| Blocked(finding).into()));
        }
        let mut degraded = Vec::new();
        let (mark, corpus_version) = corpus_state(self.sources.database).await.map_err(RetrieveError::from)?;
        let parts = KeyParts {
            embedding_model: self.sources.embedder.model(),
            generation_model: self.generation_model,
            reranker: self.sources.reranker.map(Reranker::model),
            corpus_version,
            shape: self.shapes.of(self.tenant),
            further: Self::further_key_parts(&mark),
        };
        let key = key(self.tenant, query, request, &parts);
        let reads = request.cache == CacheMode::Use
            || (request.cache == CacheMode::Bypass && sabotage::on(Sabotage::CacheBypassReads));
        #[cfg(feature = "sabotage")]
        self.take_shared(&key, query).await;
        let landed = self.flights.landed();
        if reads
            && !sabotage::on(Sabotage::CacheNeverHits)
            && let Some((entry, cache)) = self.cached(&key, &mut degraded).await
        {
            self.counters.count(self.tenant.id(), |figures| figures.hits += 1);
            let total_us = self.clock.monotonic_us().saturating_sub(started);
            let original = request.query.clone();
            return Ok(Begun::Cached(Box::new(KeptAnswer { entry, cache, original, heard, degraded, total_us })));
        }
        if sabotage::on(Sabotage::CacheFailureFailsRequest) && !degraded.is_empty() {
            return Err(unavailable(query));
        }
        Ok(Begun::Open(Open { heard, key, degraded, started, landed }))
    }

    /// The answer of a search that has begun.
    pub(crate) async fn finish(&self, request: &SearchRequest, begun: Begun) -> Result<Answered, SearchError> {
        match begun {
            Begun::Cached(kept) => Ok(Answered::Kept(kept)),
            Begun::Open(open) => self.fly(request, open).await.map(|answer| Answered::Made(Box::new(answer))),
        }
    }

    pub(super) async fn fresh(
        &self,
        request: &SearchRequest,
        query: &str,
        (mut intent, mut intent_score): (Intent, f64),
    ) -> Result<SearchAnswer, SearchError> {
        let mut timings = SearchTimings::default();
        let started = self.clock.monotonic_us();
        let (_, rewriting) = self.tenant.step(StepName::Rewrite);
        let mut understood = Understood { rewritten: flatten(query), ..Understood::default() };
        if intent.retrieves() {
            let index = self.retriever.index(self.tenant, self.sources.database).await?;
            let vocabulary = self.retriever.vocabulary(self.tenant, self.sources.database).await?;
            let asked = request.correct_spelling || sabotage::on(Sabotage::SpellingAlwaysCorrected);
            let correct = asked
                && !sabotage::on(Sabotage::SpellingNeverCorrected)
                && self.tenant.settings().has_feature(Feature::SpellCorrection);
            understood = understand(query, &vocabulary, index.len(), correct);
            #[cfg(feature = "sabotage")]
            self.foreign_expansions(&mut understood, query);
            // Where vectors know nothing of meaning, a query without any known word cannot find anything but chance.
            let blind = self.sources.embedder.kind() == EmbedderKind::Lexical;
            if blind && understood.known == 0 && !index.is_empty() {
                (intent, intent_score) = (Intent::OutOfScope, 0.6);
            }
        }
        rewriting.end(StepOutcome::Ok);
        timings.rewrite_us = self.clock.monotonic_us().saturating_sub(started);

        let mut degraded = Vec::new();
        let before = self.tenant.tally().used();
        let answer = match intent {
            Intent::ChitChat if !sabotage::on(Sabotage::ChitChatRetrieves) => {
                Answer::none("Hello! Ask me anything about the available documents.", "chit-chat")
            }
            Intent::OutOfScope => Answer::none(NO_ANSWER, "the question is outside the documents"),
            Intent::ChitChat | Intent::Unsafe | Intent::Question | Intent::Navigational | Intent::Command => {
                let retrieved = self.retrieve(request, &understood).await?;
                timings.embed_us = retrieved.timings.embed_us;
                timings.retrieve_us = retrieved.timings.retrieve_us;
                timings.rerank_us = retrieved.timings.rerank_us;
                degraded = retrieved.degraded;
                let began = self.clock.monotonic_us();
                let answer = self.answer(&understood, &retrieved.chunks, &mut degraded).await;
                if sabotage::on(Sabotage::GeneratorFailureFailsRequest)
                    && degraded.contains(&Degradation::GeneratorUnavailable)
                {
                    return Err(unavailable(query));
                }
                #[cfg(feature = "sabotage")]
                let answer = self.cite_another(answer, &retrieved.chunks).await;
                timings.generate_us = self.clock.monotonic_us().saturating_sub(began);
                answer
            }
        };
        // Quotes were cut clean before; what a generator wrote itself is looked at here.
        if let Some(finding) = answer.findings.iter().find(|it| it.action == SafetyAction::Block) {
            return Err(Blocked(finding.clone()).into());
        }
        let Passed { text, findings } = safety::review_answer(self.tenant, &answer.text)?;
        let findings = answer.findings.iter().cloned().chain(findings).collect();
        let (text, citations) = if text == answer.text { (text, answer.citations) } else { fit(&answer, text) };
        Ok(SearchAnswer {
            answer: text,
            citations,
            sources: answer.sources,
            confidence: answer.confidence,
            follow_ups: answer.follow_ups,
            query: QueryReport {
                original: if sabotage::on(Sabotage::QueryReportedRewritten) {
                    request.query.trim().to_lowercase()
                } else {
                    request.query.clone()
                },
                intent,
                intent_score,
                rewritten: understood.rewritten,
                expansions: if sabotage::on(Sabotage::ExpansionsNotReported) {
                    Vec::new()
                } else {
                    understood.expansions
                },
                corrections: if sabotage::on(Sabotage::CorrectionNotReported) {
                    Vec::new()
                } else {
                    understood.corrections
                },
            },
            cache: CacheReport::default(),
            timings,
            usage: self.used(&before),
            degraded,
            safety: findings,
        })
    }

    async fn retrieve(&self, request: &SearchRequest, understood: &Understood) -> Result<Retrieved, SearchError> {
        let mut filter: Filter = request.filter.clone();
        if sabotage::on(Sabotage::SearchFilterIgnored) {
            filter = Filter::default();
        }
        let mut top_k = request.top_k;
        if sabotage::on(Sabotage::SearchTopKIgnored) {
            top_k = None;
        }
        let wanted = RetrieveRequest {
            query: understood.rewritten.clone(),
            top_k: top_k.unwrap_or(self.tenant.settings().retrieval.top_k as usize),
            min_score: request.min_score,
            filter,
            mode: request.mode,
            rerank: request.rerank,
            explain: false,
        };
        Ok(self.retriever.retrieve(self.tenant, &self.sources, &wanted, &understood.expansions).await?)
    }

    async fn answer(&self, understood: &Understood, chunks: &[RankedChunk], degraded: &mut Vec<Degradation>) -> Answer {
        let meaning = self.sources.embedder.kind() != EmbedderKind::Lexical;
        let passages: Vec<Passage> = chunks
            .iter()
            .take(MAX_PASSAGES)
            .map(|chunk| Passage {
                document_id: chunk.document_id.clone(),
                chunk_id: chunk.chunk_id.clone(),
                text: chunk.text.clone(),
                heading_path: chunk.heading_path.clone(),
                score: chunk.score,
                similarity: chunk.similarity.filter(|_| meaning),
            })
            .collect();
        let settings = self.tenant.settings();
        let prompt = answer::assemble_prompt(
            &settings.answer_prompt.template,
            &settings.display_name,
            &understood.rewritten,
            &passages,
            self.context_tokens(),
            &|text| self.tokenizer.count(text),
        );
        let request = GenerationRequest {
            question: understood.rewritten.clone(),
            terms: understood.terms.clone(),
            passages,
            prompt,
            max_sentences: MAX_SENTENCES,
        };
        if chunks.is_empty() {
            return Answer::none(NO_ANSWER, "no passage was found");
        }
        let Some(answer) = self.write(&request, chunks).await else {
            degraded.push(Degradation::GeneratorUnavailable);
            return Answer::sources_alone(self.tenant, chunks);
        };
        answer
    }

    /// The answer of the first model that gives one.
    async fn write(&self, request: &GenerationRequest, chunks: &[RankedChunk]) -> Option<Answer> {
        for generator in self.generators {
            if let Ok(answer) = answer::answer(self.tenant, &**generator, request, chunks).await {
                return Some(answer);
            }
        }
        None
    }

    /// Tokens that a prompt may have: the tenant's bound, or that of the model that reads least.
    fn context_tokens(&self) -> usize {
        let tenant = self.tenant.settings().answer_prompt.context_tokens as usize;
        let models = self.generators.iter().filter_map(|generator| generator.context_tokens());
        models.fold(tenant, usize::min)
    }

    /// What the request used since `before`, as the meter counted it.
    fn used(&self, before: &Used) -> Usage {
        let mut told = usage::told(self.tenant, before);
        if sabotage::on(Sabotage::FallbackNotNamed) && !told.model.is_empty() {
            self.generation_model.clone_into(&mut told.model);
        }
        told
    }
}

/// For the flaws of failing where a degraded answer is possible.
pub(super) fn unavailable(what: &str) -> SearchError {
    let reason = format!("{} characters were asked for", what.len());
    RetrieveError::Database(crate::ports::DatabaseError::Unavailable { reason }).into()
}

/// Redaction moved the text: citations keep their markers and find their sentences again between them.
fn fit(answer: &Answer, text: String) -> (String, Vec<answer::Citation>) {
    let mut start = 0;
    let mut citations = answer.citations.clone();
    let mut at = 0;
    while at < citations.len() {
        let same = citations[at..].iter().take_while(|it| it.answer_span == answer.citations[at].answer_span).count();
        let marker = format!(" [{}]", citations[at].marker);
        let Some(end) = text[start..].find(&marker).map(|offset| start + offset) else { break };
        let sentence = start + (text[start..end].len() - text[start..end].trim_start().len());
        for citation in &mut citations[at..at + same] {
            citation.answer_span = sentence..end;
        }
        let last = format!("[{}]", citations[at + same - 1].marker);
        start = text[end..].find(&last).map_or(end + marker.len(), |offset| end + offset + last.len());
        at += same;
    }
    (text, citations)
}

//! The retrieval pipeline: embed, look up both halves, fuse, rerank, cut.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dense::nearest;
use super::error::RetrieveError;
use super::fusion::{DEPTH, fuse, min_max, round};
use super::index::{CorpusIndex, IndexCache, embedding_name, version_of, version_statement};
use super::lexical::{HEADING_WEIGHT, full_text_query};
use super::model::{CandidateScore, Degradation, Explain, RankedChunk, RetrieveRequest, RetrieveTimings, Retrieved};
use super::query_cache::QueryCache;
use super::rows::Columns;
use super::words::{stem, words};
use crate::ports::{Clock, Database, EmbedPurpose, Embedder, ModelError, Reranker, Statement, Value};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{RetrievalMode, TenantContext};

/// How many candidates a reranker looks at: all that can be asked for, so that asking for more never changes the first.
const RERANK_DEPTH: usize = 100;
/// How often a retrieval tries to see documents that are replaced under it.
const ATTEMPTS: usize = 12;
/// Greatest raw score of the word search that is told.
const MAX_LEXICAL: f64 = 1e6;

/// Retrieves. Holds what is worth keeping between queries; nothing of it crosses tenants.
pub struct Retriever {
    indexes: IndexCache,
    queries: QueryCache,
    clock: Arc<dyn Clock>,
}

/// What one retrieval works with; the database is the tenant's own.
pub(crate) struct Sources<'a> {
    pub(crate) database: &'a dyn Database,
    pub(crate) embedder: &'a dyn Embedder,
    pub(crate) reranker: Option<&'a dyn Reranker>,
}

/// Scores of one chunk on the way.
#[derive(Debug, Clone, Default)]
struct Candidate {
    position: usize,
    /// Raw cosine, and the same scaled.
    cosine: Option<f64>,
    dense: Option<f64>,
    /// Raw BM25, and the same scaled.
    bm25: Option<f64>,
    lexical: Option<f64>,
    fused: f64,
    reranked: Option<f64>,
}

impl Candidate {
    fn score(&self) -> f64 {
        self.reranked.unwrap_or(self.fused)
    }
}

impl Retriever {
    /// A retriever that keeps at most `index_bytes` of indexes in memory, over all tenants.
    pub fn new(clock: Arc<dyn Clock>, index_bytes: usize) -> Self {
        Self { indexes: IndexCache::new(index_bytes), queries: QueryCache::default(), clock }
    }

    /// The tenant's index as of now.
    pub(crate) async fn index(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
    ) -> Result<Arc<CorpusIndex>, RetrieveError> {
        Ok(self.indexes.current(tenant.id(), database).await?)
    }

    /// The tenant's index, where it is in memory.
    #[cfg(feature = "sabotage")]
    pub(crate) fn held(&self, tenant: &TenantContext) -> Option<Arc<CorpusIndex>> {
        self.indexes.held(tenant.id())
    }

    /// Forgets everything of the tenant.
    pub(crate) fn forget(&self, tenant: &TenantContext) {
        self.indexes.forget(tenant.id());
        self.queries.forget(tenant.id());
    }

    /// Retrieves for `request`, whose lexical half also looks for `expansions`.
    pub(crate) async fn retrieve(
        &self,
        tenant: &TenantContext,
        sources: &Sources<'_>,
        request: &RetrieveRequest,
        expansions: &[String],
    ) -> Result<Retrieved, RetrieveError> {
        for _ in 1..ATTEMPTS {
            if let (retrieved, true) = self.attempt(tenant, sources, request, expansions).await? {
                return Ok(retrieved);
            }
        }
        // The corpus changes without a pause: what is found of it now is the best there is.
        Ok(self.attempt(tenant, sources, request, expansions).await?.0)
    }

    /// One try, and whether it saw one version of the corpus from the index to the last text. Where it did not, a document
    /// was replaced or deleted meanwhile, and neither its old nor its new form may have been seen.
    async fn attempt(
        &self,
        tenant: &TenantContext,
        sources: &Sources<'_>,
        request: &RetrieveRequest,
        expansions: &[String],
    ) -> Result<(Retrieved, bool), RetrieveError> {
        let settings = tenant.settings();
        if request.rerank == Some(true)
            && sources.reranker.is_none()
            && !sabotage::on(Sabotage::RerankUndeclaredAccepted)
        {
            return Err(RetrieveError::RerankNotEnabled);
        }
        let reranker = sources.reranker.filter(|_| request.rerank != Some(false));
        let mut degraded = Vec::new();
        let mut mode = request.mode.unwrap_or(settings.retrieval.mode);
        if sabotage::on(Sabotage::ModeIgnored) {
            mode = RetrievalMode::Lexical;
        }

        let started = self.clock.monotonic_us();
        let index = self.index(tenant, sources.database).await?;
        let read = self.clock.monotonic_us();
        let mut vector = None;
        if mode != RetrievalMode::Lexical {
            check_embedding(&index, sources.embedder)?;
            let mut embedded = self.embed(tenant, sources.embedder, &request.query).await;
            if sabotage::on(Sabotage::QueryModelDiffers) {
                embedded = embedded.map(|(vector, known)| (Arc::new(of_another_model(&vector)), known));
            }
            if sabotage::on(Sabotage::EmbeddingFailureFailsRequest)
                && let Err(error) = embedded
            {
                return Err(RetrieveError::Model(error));
            }
            if let Ok(embedded) = embedded {
                vector = Some(embedded);
            } else {
                degraded.push(Degradation::EmbeddingUnavailable);
                mode = RetrievalMode::Lexical;
            }
        }
        let embedded = self.clock.monotonic_us();

        let passes: Vec<bool> = index.documents.iter().map(|it| request.filter.matches(&it.metadata)).collect();
        let allowed = |position: usize| {
            if sabotage::on(Sabotage::LastChunksNotIndexed) && last_of_several(&index, position) {
                return false;
            }
            sabotage::on(Sabotage::FilterAfterTopK) || passes[index.entries[position].document]
        };
        let filtered_out = (0..index.entries.len()).filter(|position| !allowed(*position)).count();
        let dense = vector.as_ref().map(|(vector, _)| nearest(&index, &allowed, vector, DEPTH)).unwrap_or_default();
        let (lexical, unchanged) = match mode {
            RetrievalMode::Dense => (Vec::new(), true),
            RetrievalMode::Lexical | RetrievalMode::Hybrid => {
                lexical(&index, &allowed, sources.database, &request.query, expansions).await?
            }
        };
        let weight = match mode {
            RetrievalMode::Dense => 0.0,
            RetrievalMode::Lexical => 1.0,
            RetrievalMode::Hybrid => settings.retrieval.lexical_weight,
        };
        let mut candidates = merge(&dense, &lexical, weight);
        sort(&index, &mut candidates);
        let mut depth = if reranker.is_some() { RERANK_DEPTH } else { request.top_k };
        if sabotage::on(Sabotage::OneChunkTooMany) {
            depth += 1;
        }
        let (mut texts, version) = self.texts(&index, sources.database, candidates.iter().take(depth)).await?;
        let whole = unchanged && version == index.version && texts.len() == candidates.len().min(depth);
        let retrieved = self.clock.monotonic_us();

        if let Some(reranker) = reranker {
            let scored = texts.len().min(candidates.len());
            let bodies: Vec<String> = candidates
                .iter()
                .take(scored)
                .map(|it| texts.get(&it.position).map(|text| text.body.clone()).unwrap_or_default())
                .collect();
            match reranker.rerank(tenant, &request.query, &bodies).await {
                Ok(scores) if scores.len() == bodies.len() => {
                    candidates.truncate(scored);
                    candidates.iter_mut().zip(scores).for_each(|(it, score)| it.reranked = Some(round(score)));
                    sort(&index, &mut candidates);
                }
                Ok(_) | Err(_) => degraded.push(Degradation::RerankerUnavailable),
            }
        }
        let reranked = self.clock.monotonic_us();

        let mut top_k = request.top_k;
        if sabotage::on(Sabotage::OneChunkTooMany) {
            top_k += 1;
        }
        if sabotage::on(Sabotage::OneChunkTooFew) {
            top_k -= 1;
        }
        let passing = |it: &&Candidate| {
            request.min_score.is_none_or(|least| {
                let above = it.score() > least || !sabotage::on(Sabotage::MinScoreExclusive);
                (it.score() >= least && above) || sabotage::on(Sabotage::MinScoreIgnored)
            })
        };
        let mut chunks: Vec<RankedChunk> = candidates
            .iter()
            .filter(passing)
            .filter_map(|it| Some((it, texts.remove(&it.position)?)))
            .take(top_k)
            .filter(|(it, _)| !sabotage::on(Sabotage::FilterAfterTopK) || passes[index.entries[it.position].document])
            .zip(1_u32..)
            .map(|((it, text), rank)| text.ranked(&index, it, rank))
            .collect();
        alter(&mut chunks);
        if sabotage::on(Sabotage::EmptyResultFails) && chunks.is_empty() {
            let reason = "nothing matches".to_owned();
            return Err(crate::ports::DatabaseError::Refused { index: 0, reason }.into());
        }
        if sabotage::on(Sabotage::ExplainLacksTheBest) && !candidates.is_empty() {
            candidates.remove(0);
        }
        let explains = request.explain || sabotage::on(Sabotage::ExplainAlways);
        let explain = explains.then(|| Explain {
            embedding_cache_hit: vector.as_ref().is_some_and(|(_, hit)| *hit),
            mode: if sabotage::on(Sabotage::ExplainNamesAnotherMode) { RetrievalMode::Hybrid } else { mode },
            candidates: explained(&index, &candidates),
            embedding_model: sources.embedder.model().to_owned(),
            filtered_out,
        });
        let timings = RetrieveTimings {
            embed_us: embedded.saturating_sub(read),
            retrieve_us: read.saturating_sub(started) + retrieved.saturating_sub(embedded),
            rerank_us: reranked.saturating_sub(retrieved),
        };
        Ok((Retrieved { chunks, explain, degraded, timings }, whole))
    }

    /// The query's vector, and whether it was already known.
    async fn embed(
        &self,
        tenant: &TenantContext,
        embedder: &dyn Embedder,
        query: &str,
    ) -> Result<(Arc<Vec<f32>>, bool), ModelError> {
        if let Some(vector) = self.queries.get(tenant.id(), embedder.model(), query)
            && !sabotage::on(Sabotage::QueriesEmbeddedAgain)
        {
            return Ok((vector, true));
        }
        let mut vectors = embedder.embed(tenant, &[query.to_owned()], EmbedPurpose::Query).await?;
        match vectors.pop() {
            Some(vector) if vectors.is_empty() && vector.len() == embedder.dimensions() => {
                let vector = Arc::new(vector);
                self.queries.put(tenant.id(), embedder.model(), query, &vector);
                Ok((vector, false))
            }
            Some(_) | None => Err(ModelError::Unusable {
                model: embedder.model().to_owned(),
                reason: "wrong number or length of vectors".to_owned(),
            }),
        }
    }

    /// Texts of the candidates by position, and the corpus version that they are of.
    async fn texts(
        &self,
        index: &CorpusIndex,
        database: &dyn Database,
        candidates: impl Iterator<Item = &Candidate>,
    ) -> Result<(HashMap<usize, ChunkText>, i64), RetrieveError> {
        let positions: Vec<usize> = candidates.map(|it| it.position).collect();
        let mut statements: Vec<Statement> = positions
            .iter()
            .map(|position| {
                // By id and not by row: rows are used again once the corpus has changed meanwhile.
                Statement::new(
                    "SELECT span_start, span_end, text, heading_path FROM chunks WHERE id = ?1",
                    vec![Value::Text(index.entries[*position].chunk_id.clone())],
                )
            })
            .collect();
        statements.push(version_statement());
        let answers = database.batch(statements).await?;
        let version = version_of(answers.last())?;
        let mut texts = HashMap::new();
        for (position, rows) in positions.into_iter().zip(answers) {
            let Some(row) = rows.first() else { continue };
            let mut columns = Columns::of(row);
            let span = columns.size()?..columns.size()?;
            let body = columns.text()?.to_owned();
            texts.insert(position, ChunkText { span, body, heading_path: columns.strings()? });
        }
        Ok((texts, version))
    }
}

struct ChunkText {
    span: std::ops::Range<usize>,
    body: String,
    heading_path: Vec<String>,
}

impl ChunkText {
    fn ranked(self, index: &CorpusIndex, candidate: &Candidate, rank: u32) -> RankedChunk {
        let entry = &index.entries[candidate.position];
        let document = &index.documents[entry.document];
        RankedChunk {
            rank,
            score: candidate.score(),
            chunk_id: entry.chunk_id.clone(),
            document_id: document.id.clone(),
            span: self.span,
            text: self.body,
            heading_path: self.heading_path,
            metadata: document.metadata.clone(),
            similarity: candidate.cosine,
        }
    }
}

/// What the flaws of retrieval make of its result.
fn alter(chunks: &mut Vec<RankedChunk>) {
    if sabotage::on(Sabotage::ChunkRetrievedTwice)
        && let Some(best) = chunks.first().cloned()
    {
        chunks.insert(0, best);
    }
    if sabotage::on(Sabotage::ScoresRise) {
        chunks.reverse();
    }
    if sabotage::on(Sabotage::RetrievalDiffersFromRunToRun) && !chunks.is_empty() {
        static ODD: AtomicBool = AtomicBool::new(false);
        if ODD.fetch_xor(true, Ordering::Relaxed) {
            chunks.remove(0);
        }
    }
    for chunk in chunks.iter_mut() {
        if sabotage::on(Sabotage::RetrievedTextTrimmed) {
            chunk.text.pop();
        }
        if sabotage::on(Sabotage::RetrievedMetadataLost) {
            chunk.metadata = serde_json::Value::Null;
        }
    }
    chunks.iter_mut().zip(1_u32..).for_each(|(chunk, rank)| chunk.rank = rank);
}

/// Whether this is the last chunk of a document that has several; entries are in the order of rows, which documents fill one
/// after the other.
fn last_of_several(index: &CorpusIndex, position: usize) -> bool {
    let document = |position: usize| index.entries.get(position).map(|entry| entry.document);
    let before = position.checked_sub(1).and_then(document);
    before == document(position) && document(position + 1) != document(position)
}

/// What is told of the candidates, best fused score first whatever a reranker made of them.
fn explained(index: &CorpusIndex, candidates: &[Candidate]) -> Vec<CandidateScore> {
    let id = |candidate: &Candidate| &index.entries[candidate.position].chunk_id;
    let mut ordered: Vec<&Candidate> = candidates.iter().collect();
    ordered.sort_unstable_by(|one, other| other.fused.total_cmp(&one.fused).then_with(|| id(one).cmp(id(other))));
    let told = |candidate: &Candidate| CandidateScore {
        chunk_id: id(candidate).clone(),
        dense: candidate.cosine.map(|cosine| cosine.clamp(-1.0, 1.0)),
        lexical: candidate.bm25.map(|bm25| bm25.clamp(0.0, MAX_LEXICAL)),
        fused: candidate.fused,
        reranked: candidate.reranked,
    };
    ordered.into_iter().map(told).collect()
}

/// An index and a query of different models must not be compared.
fn check_embedding(index: &CorpusIndex, embedder: &dyn Embedder) -> Result<(), RetrieveError> {
    let query = embedding_name(embedder.model(), embedder.dimensions());
    match &index.embedding {
        Some(index) if *index != query => Err(RetrieveError::IndexMismatch { index: index.clone(), query }),
        Some(_) | None => Ok(()),
    }
}

/// Matches by row, for an index that shows the corpus as it is now.
const BY_ROW: &str = "SELECT rowid, -bm25(chunks_fts, ?2, 1.0) FROM chunks_fts WHERE chunks_fts MATCH ?1";
/// Matches by chunk id: rows are used again once the corpus has changed, ids never are.
const BY_ID: &str = "SELECT chunks.id, -bm25(chunks_fts, ?2, 1.0) FROM chunks_fts \
     JOIN chunks ON chunks.rowid = chunks_fts.rowid WHERE chunks_fts MATCH ?1";

/// The words of `query` that are their own stems: of a stemmed index, all that a query without stemming finds.
fn own_stems(query: &str) -> String {
    words(query).into_iter().filter(|word| stem(word) == *word).collect::<Vec<_>>().join(" ")
}

/// A vector of the same length that another model could have made: the same figures, each in another place.
fn of_another_model(vector: &[f32]) -> Vec<f32> {
    vector.iter().rev().copied().collect()
}

/// The best of the lexical half, as positions and BM25 scores, best first, and whether the corpus still was as the index
/// shows it. Every match is read where the index is
/// filtered, so that a filter never costs a match.
async fn lexical(
    index: &CorpusIndex,
    allowed: &(dyn Fn(usize) -> bool + Sync),
    database: &dyn Database,
    query: &str,
    expansions: &[String],
) -> Result<(Vec<(usize, f64)>, bool), RetrieveError> {
    let cut;
    let query = if sabotage::on(Sabotage::ExactTermsIgnored) {
        let plain = |word: &&str| !word.chars().any(|character| character.is_ascii_digit());
        cut = query.split_whitespace().filter(plain).collect::<Vec<_>>().join(" ");
        &cut
    } else {
        query
    };
    let unstemmed;
    let (query, expansions) = if sabotage::on(Sabotage::StemmingOff) {
        unstemmed = own_stems(query);
        (unstemmed.as_str(), &[][..])
    } else {
        (query, expansions)
    };
    let Some(query) = full_text_query(query, expansions) else { return Ok((Vec::new(), true)) };
    let params = vec![Value::Text(query), Value::Real(HEADING_WEIGHT)];
    let rows = database.batch(vec![Statement::new(BY_ROW, params.clone()), version_statement()]).await?;
    let mut scored = Vec::new();
    let unchanged = version_of(rows.get(1))? == index.version;
    if unchanged {
        for row in rows.first().into_iter().flatten() {
            let mut columns = Columns::of(row);
            let (rowid, score) = (columns.integer()?, columns.real()?);
            scored.extend(index.position(rowid).map(|position| (position, score)));
        }
    } else {
        // Documents came or went since the index was read; what both know of is all that the last attempt can go by.
        let positions: HashMap<&str, usize> =
            index.entries.iter().enumerate().map(|(position, entry)| (entry.chunk_id.as_str(), position)).collect();
        let rows = database.batch(vec![Statement::new(BY_ID, params)]).await?;
        for row in rows.first().into_iter().flatten() {
            let mut columns = Columns::of(row);
            let (id, score) = (columns.text()?, columns.real()?);
            scored.extend(positions.get(id).map(|position| (*position, score)));
        }
    }
    scored.retain(|(position, _)| allowed(*position));
    let id = |position: usize| &index.entries[position].chunk_id;
    scored.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then_with(|| id(one.0).cmp(id(other.0))));
    scored.truncate(DEPTH);
    Ok((scored, unchanged))
}

fn merge(dense: &[(usize, f64)], lexical: &[(usize, f64)], lexical_weight: f64) -> Vec<Candidate> {
    let scaled = |ranked: &[(usize, f64)]| min_max(&ranked.iter().map(|(_, score)| *score).collect::<Vec<_>>());
    let mut candidates: HashMap<usize, Candidate> = HashMap::new();
    for ((position, cosine), score) in dense.iter().zip(scaled(dense)) {
        let it = candidates.entry(*position).or_default();
        (it.cosine, it.dense) = (Some(*cosine), Some(score));
    }
    for ((position, bm25), score) in lexical.iter().zip(scaled(lexical)) {
        let it = candidates.entry(*position).or_default();
        (it.bm25, it.lexical) = (Some(*bm25), Some(score));
    }
    candidates
        .into_iter()
        .map(|(position, it)| Candidate { position, fused: round(fuse(it.dense, it.lexical, lexical_weight)), ..it })
        .collect()
}

/// Best first; equal scores are in the order of chunk ids.
fn sort(index: &CorpusIndex, candidates: &mut [Candidate]) {
    let id = |it: &Candidate| &index.entries[it.position].chunk_id;
    let ids = |one: &Candidate, other: &Candidate| {
        if sabotage::on(Sabotage::TiesInReverse) { id(other).cmp(id(one)) } else { id(one).cmp(id(other)) }
    };
    candidates.sort_unstable_by(|one, other| other.score().total_cmp(&one.score()).then_with(|| ids(one, other)));
}

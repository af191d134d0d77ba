//! What either half found, on one scale and in one order.

use std::collections::HashMap;

use super::fusion::{fuse, min_max, reciprocal_ranks, round};
use super::index::{CorpusIndex, Position};
use super::model::CandidateScore;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::Fusion;

/// Greatest raw score of the word search that is told.
const MAX_LEXICAL: f64 = 1e6;

/// Scores of one chunk on the way.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidate {
    pub(super) position: Position,
    /// Raw cosine, and the same scaled.
    pub(super) cosine: Option<f64>,
    dense: Option<f64>,
    /// Raw BM25, and the same scaled.
    bm25: Option<f64>,
    lexical: Option<f64>,
    pub(super) fused: f64,
    pub(super) reranked: Option<f64>,
}

impl Candidate {
    pub(super) fn score(&self) -> f64 {
        self.reranked.unwrap_or(self.fused)
    }
}

/// Fuses the halves; `lexical_weight` of the lexical one.
pub(super) fn merge(
    dense: &[(Position, f64)],
    lexical: &[(Position, f64)],
    fusion: Fusion,
    lexical_weight: f64,
) -> Vec<Candidate> {
    let scaled = |ranked: &[(Position, f64)]| match fusion {
        Fusion::MinMax => min_max(&ranked.iter().map(|(_, score)| *score).collect::<Vec<_>>()),
        Fusion::Rrf => reciprocal_ranks(ranked.len()),
    };
    let mut candidates: HashMap<Position, Candidate> = HashMap::new();
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
pub(super) fn sort(index: &CorpusIndex, candidates: &mut [Candidate]) {
    let id = |it: &Candidate| index.chunk_id(it.position);
    let ids = |one: &Candidate, other: &Candidate| {
        if sabotage::on(Sabotage::TiesInReverse) { id(other).cmp(id(one)) } else { id(one).cmp(id(other)) }
    };
    candidates.sort_unstable_by(|one, other| other.score().total_cmp(&one.score()).then_with(|| ids(one, other)));
}

/// What is told of the candidates, best fused score first whatever a reranker made of them.
pub(super) fn explained(index: &CorpusIndex, candidates: &[Candidate]) -> Vec<CandidateScore> {
    let id = |candidate: &Candidate| index.chunk_id(candidate.position);
    let mut ordered: Vec<&Candidate> = candidates.iter().collect();
    ordered.sort_unstable_by(|one, other| other.fused.total_cmp(&one.fused).then_with(|| id(one).cmp(id(other))));
    let told = |candidate: &Candidate| CandidateScore {
        chunk_id: id(candidate).to_owned(),
        dense: candidate.cosine.map(|cosine| cosine.clamp(-1.0, 1.0)),
        lexical: candidate.bm25.map(|bm25| bm25.clamp(0.0, MAX_LEXICAL)),
        fused: candidate.fused,
        reranked: candidate.reranked,
    };
    ordered.into_iter().map(told).collect()
}

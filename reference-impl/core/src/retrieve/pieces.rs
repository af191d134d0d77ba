//! Steps of retrieval by themselves, for benches.

use super::candidates::merge;
use super::index::Position;
use crate::tenancy::Fusion;

/// Fuses what the two halves found, each as rows and scores, best first; gives the scores, best first.
pub fn fused(dense: &[(usize, f64)], lexical: &[(usize, f64)], fusion: Fusion, lexical_weight: f64) -> Vec<f64> {
    let placed = |ranked: &[(usize, f64)]| -> Vec<(Position, f64)> {
        ranked.iter().map(|(row, score)| (Position::of(0, *row), *score)).collect()
    };
    let mut candidates = merge(&placed(dense), &placed(lexical), fusion, lexical_weight);
    candidates.sort_unstable_by(|one, other| other.fused.total_cmp(&one.fused));
    candidates.into_iter().map(|candidate| candidate.fused).collect()
}

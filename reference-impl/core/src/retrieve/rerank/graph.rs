//! What candidates say of each other: the graph of their cosines.

use crate::ports::RerankCandidate;
use crate::retrieve::dense::dot;

/// The best so many are taken for right.
const TRUSTED: usize = 2;
/// Neighbours that each candidate listens to.
const NEIGHBOURS: usize = 4;
/// How much of a score comes from the neighbours.
const SHARED: f64 = 0.4;
/// How often scores go along the edges.
const ROUNDS: usize = 2;
/// Keeps a sum of nothing from being a divisor.
const LEAST: f64 = 1e-9;

/// Cosines of candidates, none below 0.
pub(super) struct Graph {
    cosines: Vec<Vec<f64>>,
}

impl Graph {
    /// The graph of at least two candidates that all have vectors of one length.
    pub(super) fn of(candidates: &[RerankCandidate]) -> Option<Self> {
        let length = candidates.first()?.vector.len();
        if length == 0 || candidates.len() < 2 || candidates.iter().any(|it| it.vector.len() != length) {
            return None;
        }
        let mut cosines = vec![vec![0.0; candidates.len()]; candidates.len()];
        for one in 0..candidates.len() {
            for other in 0..=one {
                let cosine = f64::from(dot(&candidates[one].vector, &candidates[other].vector)).max(0.0);
                cosines[one][other] = cosine;
                cosines[other][one] = cosine;
            }
        }
        Some(Self { cosines })
    }

    /// Adds to each score, by `weight`, how like the candidate is to the best ones.
    pub(super) fn feed_back(&self, scores: &mut [f64], weight: f64) {
        let best: Vec<(usize, f64)> =
            first_by(scores.len(), TRUSTED, |at| scores[at]).into_iter().map(|at| (at, scores[at])).collect();
        let whole = best.iter().map(|(_, score)| score).sum::<f64>().max(LEAST);
        for (at, score) in scores.iter_mut().enumerate() {
            let like: f64 = best.iter().map(|(trusted, trust)| trust * self.cosines[*trusted][at]).sum();
            *score += weight * like / whole;
        }
    }

    /// Lets each score flow to the nearest neighbours.
    pub(super) fn share(&self, scores: &mut [f64]) {
        let edges: Vec<Vec<(usize, f64)>> = (0..scores.len())
            .map(|at| {
                let cosine = |other: usize| if other == at { f64::NEG_INFINITY } else { self.cosines[at][other] };
                let nearest = first_by(scores.len(), NEIGHBOURS.min(scores.len() - 1), cosine);
                let weights: Vec<f64> = nearest.iter().map(|other| self.cosines[at][*other].powi(2)).collect();
                let whole = weights.iter().sum::<f64>().max(LEAST);
                nearest.into_iter().zip(weights.iter().map(|weight| weight / whole)).collect()
            })
            .collect();
        let own = scores.to_vec();
        for _ in 0..ROUNDS {
            let before = scores.to_vec();
            for (at, score) in scores.iter_mut().enumerate() {
                let heard: f64 = edges[at].iter().map(|(other, weight)| weight * before[*other]).sum();
                *score = (1.0 - SHARED) * own[at] + SHARED * heard;
            }
        }
    }
}

/// The positions with the `many` greatest values, greatest first; equal ones in order.
fn first_by(length: usize, many: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..length).collect();
    let order = |one: &usize, other: &usize| value(*other).total_cmp(&value(*one)).then_with(|| one.cmp(other));
    if many < length {
        positions.select_nth_unstable_by(many, order);
        positions.truncate(many);
    }
    positions.sort_unstable_by(order);
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(vectors: &[&[f32]]) -> Option<Graph> {
        let candidate = |vector: &&[f32]| RerankCandidate {
            text: String::new(),
            heading_path: Vec::new(),
            vector: vector.to_vec(),
            score: 0.0,
        };
        Graph::of(&vectors.iter().map(candidate).collect::<Vec<_>>())
    }

    #[test]
    fn needs_vectors_of_one_length() {
        assert!(graph(&[]).is_none());
        assert!(graph(&[&[1.0]]).is_none());
        assert!(graph(&[&[], &[]]).is_none());
        assert!(graph(&[&[1.0], &[1.0, 0.0]]).is_none());
        assert!(graph(&[&[1.0], &[1.0]]).is_some());
    }

    #[test]
    fn weighs_likeness_by_trust() {
        let graph = graph(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0]]).unwrap();
        let mut scores = [0.9, 0.3, 0.1];
        graph.feed_back(&mut scores, 0.5);
        // Trust lies on the first two: three quarters on the first, one quarter on the second.
        let expected = [0.9 + 0.375, 0.3 + 0.125, 0.1 + 0.375];
        assert!(scores.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 1e-12), "{scores:?}");
    }

    #[test]
    fn shares_scores_between_neighbours() {
        let graph = graph(&[&[1.0, 0.0], &[1.0, 0.0]]).unwrap();
        let mut scores = [1.0, 0.0];
        graph.share(&mut scores);
        // One round gives .6 and .4, the second 1·.6 + .4·.4 and 0·.6 + .6·.4.
        assert!((scores[0] - 0.76).abs() < 1e-12 && (scores[1] - 0.24).abs() < 1e-12, "{scores:?}");
    }
}

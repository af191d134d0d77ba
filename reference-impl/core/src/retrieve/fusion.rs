//! Brings the two halves of retrieval onto one scale.

/// Depth to which each half is ranked. The score at this depth is the zero of its scale; where fewer are ranked, zero is
/// (a chunk without any of the words scores none).
pub(super) const DEPTH: usize = 100;

/// Scales scores so that the best is 1 and the one at rank [`DEPTH`] is 0 (or 0 itself, when there are fewer), the rest
/// between. `ranked` must fall.
pub(super) fn min_max(ranked: &[f64]) -> Vec<f64> {
    let Some(best) = ranked.first().copied() else { return Vec::new() };
    let floor = ranked.get(DEPTH - 1).copied().unwrap_or(0.0).max(0.0);
    let range = best - floor;
    ranked
        .iter()
        .map(|score| {
            if range > 0.0 {
                ((score - floor) / range).clamp(0.0, 1.0)
            } else {
                // All alike: equally good where there is anything at all.
                f64::from(u8::from(*score > 0.0))
            }
        })
        .collect()
}

/// What reciprocal rank fusion adds to each rank.
const RRF_K: usize = 60;

/// Scores of reciprocal rank fusion for `count` ranks: `1 / (k + rank)` with k = 60, scaled so that the first has 1.
pub(super) fn reciprocal_ranks(count: usize) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    (1..=count).map(|rank| (RRF_K + 1) as f64 / (RRF_K + rank) as f64).collect()
}

/// The fused score: `lexical_weight` of the lexical half, the rest of the dense half; a half that is missing counts 0.
pub(super) fn fuse(dense: Option<f64>, lexical: Option<f64>, lexical_weight: f64) -> f64 {
    (1.0 - lexical_weight) * dense.unwrap_or(0.0) + lexical_weight * lexical.unwrap_or(0.0)
}

/// Rounds to six digits, so that order, ties and the written number agree.
pub(super) fn round(score: f64) -> f64 {
    (score.clamp(0.0, 1.0) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_to_the_best_and_to_the_hundredth() {
        assert_eq!(min_max(&[4.0, 2.0, 1.0]), [1.0, 0.5, 0.25]);
        assert_eq!(min_max(&[0.5, -0.5]), [1.0, 0.0]);
        assert_eq!(min_max(&[3.0, 3.0]), [1.0, 1.0]);
        assert_eq!(min_max(&[0.0, 0.0]), [0.0, 0.0]);
        assert!(min_max(&[]).is_empty());
        let long: Vec<f64> = (0..120).map(|rank| f64::from(200 - rank)).collect();
        let scaled = min_max(&long);
        assert!((scaled[0] - 1.0).abs() < 1e-12 && scaled[99] == 0.0 && scaled[119] == 0.0);
    }

    #[test]
    fn scores_ranks_by_their_reciprocals() {
        let scores = reciprocal_ranks(3);
        assert!((scores[0] - 1.0).abs() < 1e-12 && (scores[1] - 61.0 / 62.0).abs() < 1e-12);
        assert!((scores[2] - 61.0 / 63.0).abs() < 1e-12 && reciprocal_ranks(0).is_empty());
    }

    #[test]
    fn weighs_the_halves() {
        assert!((fuse(Some(1.0), Some(0.5), 0.5) - 0.75).abs() < 1e-12);
        assert!((fuse(Some(1.0), None, 1.0)).abs() < 1e-12);
        assert!((fuse(None, Some(1.0), 0.25) - 0.25).abs() < 1e-12);
        assert!((round(0.123_456_7) - 0.123_457).abs() < 1e-12);
    }
}

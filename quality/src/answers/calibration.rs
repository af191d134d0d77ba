//! How far confidence is from the share of right answers: the expected calibration error over ten bins.

use crate::metrics::count;

/// Bins of equal width.
const BINS: usize = 10;

/// The expected calibration error of answers with the given confidence that are right or not; 0 of none.
pub fn expected_error(answers: &[(f64, bool)]) -> f64 {
    let mut bins = [(0_usize, 0.0_f64, 0_usize); BINS];
    for (confidence, right) in answers {
        let bin = &mut bins[bin_of(*confidence)];
        bin.0 += 1;
        bin.1 += confidence;
        bin.2 += usize::from(*right);
    }
    let gap = |(number, confidence, right): &(usize, f64, usize)| {
        (confidence - count(*right)).abs() / count(answers.len().max(1)) * f64::from(u8::from(*number > 0))
    };
    bins.iter().map(gap).sum()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins before")]
fn bin_of(confidence: f64) -> usize {
    ((confidence.clamp(0.0, 1.0) * count(BINS)) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }

    #[test]
    fn is_none_where_confidence_says_how_often_it_is_right() {
        close(expected_error(&[(1.0, true), (1.0, true)]), 0.0);
        let four = [(0.75, true), (0.75, true), (0.75, true), (0.75, false)];
        close(expected_error(&four), 0.0);
        close(expected_error(&[]), 0.0);
    }

    #[test]
    fn weighs_bins_by_their_answers() {
        // Three of four sure and wrong by 0.95; one unsure, and wrong by 0.05.
        close(expected_error(&[(0.95, false), (0.95, false), (0.95, false), (0.05, false)]), (3.0 * 0.95 + 0.05) / 4.0);
    }

    #[test]
    fn parts_what_lies_in_different_bins() {
        close(expected_error(&[(0.15, true), (0.85, false)]), f64::midpoint(0.85, 0.85));
    }
}

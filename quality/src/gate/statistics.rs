//! The comparison of two runs over the same questions: a paired sign-flip test, a bootstrap interval, Holm's correction, and
//! the smallest loss that the comparison would have seen.

use crate::{chance::Chance, metrics::count};

/// Flips of the test, and samples of the bootstrap.
pub const DRAWS: usize = 10_000;
/// Probability of calling a run worse that is not, over all collections together.
pub const SIGNIFICANCE: f64 = 0.05;
/// Quantiles of the normal distribution at 95 and 80 %.
const Z_95: f64 = 1.644_854;
const Z_80: f64 = 0.841_621;

/// What a comparison over one collection found. Differences are now minus before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// Questions that both runs have.
    pub questions: usize,
    /// Mean difference.
    pub difference: f64,
    /// Lower end of the 95 % bootstrap interval of the mean difference.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Probability of a mean difference as low as this or lower, were both runs alike: the share of sign flips.
    pub p_loss: f64,
    /// Smallest mean loss that a test of this size sees with 80 % probability.
    pub seen_loss: f64,
    /// Whether the spread that `seen_loss` rests on is that of the scores, because no difference has one: then it is what would
    /// be seen at worst, of two runs that have nothing to do with each other.
    pub at_worst: bool,
}

/// Compares the scores of the same questions. Empty input compares as no difference at all.
pub fn compare(before: &[f64], now: &[f64], seed: u64) -> Compared {
    let differences: Vec<f64> = before.iter().zip(now).map(|(before, now)| now - before).collect();
    let questions = differences.len();
    if questions == 0 {
        return Compared {
            questions,
            difference: 0.0,
            low: 0.0,
            high: 0.0,
            p_loss: 1.0,
            seen_loss: 1.0,
            at_worst: true,
        };
    }
    let difference = mean(&differences);
    let (low, high) = interval(&differences, seed);
    let deviation = deviation(&differences);
    let at_worst = deviation == 0.0;
    let spread = if at_worst { self::deviation(before) * std::f64::consts::SQRT_2 } else { deviation };
    let seen_loss = (Z_95 + Z_80) * spread / count(questions).sqrt();
    Compared { questions, difference, low, high, p_loss: sign_flips(&differences, seed), seen_loss, at_worst }
}

/// Share of 10,000 random assignments of signs whose mean is as low as the one found, itself counted as one of them.
fn sign_flips(differences: &[f64], seed: u64) -> f64 {
    let found: f64 = differences.iter().sum();
    let moved: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let mut chance = Chance::of(seed, "sign flips");
    let (mut bits, mut left) = (0, 0);
    let mut as_low = 1;
    for _ in 0..DRAWS {
        let mut sum = 0.0;
        for difference in &moved {
            if left == 0 {
                (bits, left) = (chance.bits(), 64);
            }
            sum += if bits & 1 == 0 { *difference } else { -difference };
            bits >>= 1;
            left -= 1;
        }
        // Sums of the same numbers in another order differ in the last bits.
        as_low += usize::from(sum <= found + 1e-12);
    }
    count(as_low) / count(DRAWS + 1)
}

/// The middle 95 % of the means of 10,000 samples with replacement.
fn interval(differences: &[f64], seed: u64) -> (f64, f64) {
    let mut chance = Chance::of(seed, "bootstrap");
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let sum: f64 = (0..differences.len()).map(|_| differences[chance.below(differences.len())]).sum();
            sum / count(differences.len())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (means[DRAWS / 40], means[DRAWS - 1 - DRAWS / 40])
}

/// Holm's step-down correction: probabilities that may be held against the significance of all tests together.
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|one, other| probabilities[*one].total_cmp(&probabilities[*other]));
    let mut corrected = vec![1.0; probabilities.len()];
    let mut least: f64 = 0.0;
    for (place, index) in order.into_iter().enumerate() {
        least = least.max((probabilities[index] * count(probabilities.len() - place)).min(1.0));
        corrected[index] = least;
    }
    corrected
}

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count(values.len()) }
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / count(values.len() - 1)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(seed: u64, questions: usize) -> Vec<f64> {
        let mut chance = Chance::new(seed);
        (0..questions).map(|_| chance.unit()).collect()
    }

    /// `before` with noise around a shift.
    fn shifted(before: &[f64], shift: f64, noise: f64, seed: u64) -> Vec<f64> {
        let mut chance = Chance::new(seed);
        before.iter().map(|score| score + shift + noise * (chance.unit() - 0.5)).collect()
    }

    #[test]
    fn finds_no_loss_in_the_same_run() {
        let before = scores(1, 300);
        let found = compare(&before, &before, 7);
        assert_eq!((found.difference, found.low, found.high, found.p_loss), (0.0, 0.0, 0.0, 1.0));
        assert!(found.at_worst && found.seen_loss > 0.03 && found.seen_loss < 0.07, "{found:?}");
    }

    #[test]
    fn sees_a_loss_and_holds_a_gain_for_none() {
        let before = scores(1, 300);
        let loss = compare(&before, &shifted(&before, -0.03, 0.2, 2), 7);
        assert!(loss.p_loss < 0.001 && loss.high < 0.0 && !loss.at_worst, "{loss:?}");
        let gain = compare(&before, &shifted(&before, 0.03, 0.2, 2), 7);
        assert!(gain.p_loss > 0.99 && gain.low > 0.0, "{gain:?}");
    }

    #[test]
    fn repeats_itself_for_a_seed() {
        let before = scores(1, 100);
        let now = shifted(&before, -0.01, 0.3, 3);
        assert_eq!(compare(&before, &now, 7), compare(&before, &now, 7));
        assert_ne!(compare(&before, &now, 7).low.to_bits(), compare(&before, &now, 8).low.to_bits());
    }

    #[test]
    fn calls_few_equal_runs_worse() {
        let wrong = (0..60).filter(|trial| {
            let before = scores(1000 + trial, 40);
            compare(&before, &shifted(&before, 0.0, 0.4, 5000 + trial), *trial).p_loss < SIGNIFICANCE
        });
        let wrong = wrong.count();
        assert!(wrong <= 8, "{wrong} of 60 runs without a loss were called worse at 5 %");
    }

    #[test]
    fn sees_the_loss_that_it_says_it_sees() {
        let power = |factor: f64| {
            let seen = (0..40).filter(|trial| {
                let before = scores(2000 + trial, 60);
                let loss = compare(&before, &shifted(&before, 0.0, 0.4, 9000 + trial), *trial).seen_loss;
                compare(&before, &shifted(&before, -loss * factor, 0.4, 9000 + trial + 1), *trial).p_loss < SIGNIFICANCE
            });
            count(seen.count()) / 40.0
        };
        assert!((0.65..=0.95).contains(&power(1.0)), "{}", power(1.0));
        assert!(power(0.2) < 0.35, "{}", power(0.2));
    }

    #[test]
    fn corrects_for_several_collections() {
        let close = |found: Vec<f64>, expected: &[f64]| {
            assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-12), "{found:?}");
        };
        close(holm(&[0.01, 0.04, 0.03]), &[0.03, 0.06, 0.06]);
        close(holm(&[0.5, 0.9]), &[1.0, 1.0]);
        close(holm(&[0.02]), &[0.02]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}

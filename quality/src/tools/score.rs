//! F1 of sets, and ROUGE-L of texts.

use std::collections::BTreeSet;

use crate::metrics::count;

/// What was right, answered and wanted, over all cases.
#[derive(Debug, Default)]
pub(super) struct Counts {
    right: usize,
    answered: usize,
    wanted: usize,
}

impl Counts {
    pub(super) fn add(&mut self, answered: &BTreeSet<String>, wanted: &BTreeSet<String>) {
        self.right += answered.intersection(wanted).count();
        self.answered += answered.len();
        self.wanted += wanted.len();
    }

    /// Harmonic mean of precision and recall over all cases together.
    pub(super) fn f1(&self) -> f64 {
        2.0 * count(self.right) / count((self.answered + self.wanted).max(1))
    }
}

/// A text's words in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let parts = text.split(|sign: char| !sign.is_alphanumeric());
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// F-measure of the longest common subsequence of two texts.
pub(super) fn rouge_l(one: &[String], other: &[String]) -> f64 {
    let mut row = vec![0_usize; other.len() + 1];
    for word in one {
        let mut corner = 0;
        for (at, its) in other.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == its { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    2.0 * count(row[other.len()]) / count((one.len() + other.len()).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_texts_by_their_longest_common_subsequence() {
        let rouge = |one, other| rouge_l(&words(one), &words(other));
        assert!((rouge("the mill turns", "The mill turns!") - 1.0).abs() < 1e-9);
        assert!((rouge("the mill turns", "the old mill") - 2.0 * 2.0 / 6.0).abs() < 1e-9);
        assert!(rouge("a b", "c d") < 1e-9 && rouge("", "") < 1e-9);
    }

    #[test]
    fn counts_all_cases_together() {
        let set = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
        let mut counts = Counts::default();
        counts.add(&set(&["a", "b"]), &set(&["a"]));
        counts.add(&set(&[]), &set(&["c"]));
        assert!((counts.f1() - 0.5).abs() < 1e-9);
    }
}

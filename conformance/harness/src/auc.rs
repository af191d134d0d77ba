//! How well a measurement tells two groups apart: the area under the receiver operating characteristic.

use std::time::Duration;

/// An area with its 95 percent interval. It is at least one half: a classifier may as well be turned around.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    /// The area: 0.5 tells nothing, 1 tells all.
    pub value: f64,
    /// Lower end of the interval, at least 0.5.
    pub low: f64,
    /// Upper end of the interval, at most 1.
    pub high: f64,
}

/// The area for two groups of times, by the rank sum; ties count half. The interval is that of Hanley and `McNeil` (1982).
pub fn auc(one: &[Duration], other: &[Duration]) -> Auc {
    if one.is_empty() || other.is_empty() {
        return Auc { value: 0.5, low: 0.5, high: 1.0 };
    }
    let mut all: Vec<(Duration, bool)> =
        one.iter().map(|time| (*time, true)).chain(other.iter().map(|time| (*time, false))).collect();
    all.sort_unstable_by_key(|(time, _)| *time);
    let (ones, others) = (count(one.len()), count(other.len()));
    let mut ranks = 0.0;
    let mut at = 0;
    while at < all.len() {
        let alike = all[at..].iter().take_while(|(time, _)| *time == all[at].0).count();
        let mean = count(2 * at + alike + 1) / 2.0;
        ranks += mean * count(all[at..at + alike].iter().filter(|(_, first)| *first).count());
        at += alike;
    }
    let raw = (ranks - ones * (ones + 1.0) / 2.0) / (ones * others);
    let value = raw.max(1.0 - raw);
    let (q1, q2) = (value / (2.0 - value), 2.0 * value * value / (1.0 + value));
    let variance =
        (value * (1.0 - value) + (ones - 1.0) * (q1 - value * value) + (others - 1.0) * (q2 - value * value))
            / (ones * others);
    let reach = 1.96 * variance.max(0.0).sqrt();
    Auc { value, low: (value - reach).max(0.5), high: (value + reach).min(1.0) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of measurements are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        millis.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn tells_groups_apart_as_far_as_they_are() {
        let cases: [(&str, Vec<Duration>, Vec<Duration>, f64); 5] = [
            ("apart", times(0..50), times(100..150), 1.0),
            ("apart the other way", times(100..150), times(0..50), 1.0),
            ("the same", times(0..50), times(0..50), 0.5),
            ("all alike", times([7; 30]), times([7; 30]), 0.5),
            ("half", times([1, 3]), times([2, 4]), 0.75),
        ];
        for (name, one, other, expected) in cases {
            let found = auc(&one, &other);
            assert!((found.value - expected).abs() < 1e-12, "{name}: {found:?}");
            assert!(found.low <= found.value && found.value <= found.high, "{name}: {found:?}");
        }
    }

    #[test]
    fn is_surer_with_more_measurements() {
        let (few, many) = (auc(&times(0..10), &times(2..12)), auc(&times(0..200), &times(40..240)));
        assert!(many.high - many.low < few.high - few.low);
        assert!(auc(&[], &times(0..9)).high > 0.99);
    }
}

//! When a call is made again: pauses that nobody shares, and a budget over all callers.

use std::sync::{Mutex, PoisonError};

use super::PolicySettings;
use crate::ports::Ids;

/// Repetitions that may be made at once after a quiet time.
const MOST_SAVED: f64 = 10.0;
/// Repetitions that a second brings by itself, so that a model which is seldom called gets any.
const A_SECOND: f64 = 1.0;

/// Repetitions that may still be made. Callers that all repeat would otherwise multiply the load of a host that is failing
/// from load.
#[derive(Debug)]
pub(super) struct Budget {
    share: f64,
    held: Mutex<(f64, u64)>,
}

impl Budget {
    pub(super) fn new(share: f64) -> Self {
        Self { share, held: Mutex::new((MOST_SAVED, 0)) }
    }

    /// Counts a first call.
    pub(super) fn earn(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 = (held.0 + self.share).min(MOST_SAVED);
    }

    /// Takes a repetition, if there is one.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a process' life are below 2^52")]
    pub(super) fn spend(&self, now_us: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now_us.saturating_sub(held.1) as f64 / 1e6;
        *held = ((held.0 + passed * A_SECOND).min(MOST_SAVED), now_us);
        if held.0 < 1.0 {
            return false;
        }
        held.0 -= 1.0;
        true
    }
}

/// The pause before repetition number `repetition`, from 1 on, in milliseconds: anything from nothing to a bound that doubles,
/// so that callers who failed together do not come back together. What the host asks for is waited for beside that; `None`
/// where it asks for more than the bound.
pub(super) fn pause(settings: &PolicySettings, repetition: u32, asked_ms: Option<u64>, ids: &dyn Ids) -> Option<u64> {
    let doubled = settings.pause_ms.saturating_mul(1 << repetition.saturating_sub(1).min(20));
    let bound = doubled.min(settings.longest_pause_ms);
    let mut bytes = [0; 8];
    ids.fill(&mut bytes);
    let drawn = u64::from_le_bytes(bytes) % (bound + 1);
    let whole = drawn + asked_ms.unwrap_or_default();
    (whole <= settings.longest_pause_ms).then_some(whole)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testkit::SeededIds;

    #[test]
    fn draws_pauses_from_nothing_to_a_bound_that_doubles() {
        let settings = PolicySettings { pause_ms: 50, longest_pause_ms: 120, ..PolicySettings::default() };
        let ids = SeededIds::new(7);
        for (repetition, bound) in [(1, 50), (2, 100), (3, 120), (60, 120)] {
            let drawn: BTreeSet<u64> = (0..400).map(|_| pause(&settings, repetition, None, &ids).unwrap()).collect();
            let (least, most) = (*drawn.first().unwrap(), *drawn.last().unwrap());
            assert!(least <= bound / 10 && most > bound * 9 / 10 && most <= bound, "{repetition}: {least} to {most}");
            assert!(drawn.len() > 30, "pauses vary");
        }
    }

    #[test]
    fn waits_for_what_a_host_asks_within_its_bound() {
        let settings = PolicySettings { pause_ms: 0, longest_pause_ms: 2000, ..PolicySettings::default() };
        let ids = SeededIds::new(7);
        for (asked, expected) in
            [(Some(1000), Some(1000)), (Some(2000), Some(2000)), (Some(2001), None), (None, Some(0))]
        {
            assert_eq!(pause(&settings, 1, asked, &ids), expected, "{asked:?}");
        }
    }

    #[test]
    fn allows_a_share_of_the_calls_and_one_a_second() {
        let budget = Budget::new(0.2);
        let spent = |now| (0..100).filter(|_| budget.spend(now)).count();
        assert_eq!(spent(0), 10, "what is saved");
        (0..60).for_each(|_| budget.earn());
        assert_eq!(spent(0), 10, "a fifth of the calls, and no more than can be saved");
        assert_eq!((spent(1_500_000), spent(100_000_000)), (1, 10));
    }
}

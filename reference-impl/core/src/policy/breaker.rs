//! Leaves a model alone for a while after repeated failures. Each tenant has a breaker of its own for each model.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PolicySettings;
use crate::sabotage::{self, Sabotage};

/// Length of the window that failures are counted in, in microseconds, and of each of its parts.
const WINDOW_US: u64 = 10_000_000;
const PART_US: u64 = 1_000_000;
/// Calls within the window below which a share says nothing.
const FEWEST_CALLS: u64 = 20;

/// State of a breaker, the better the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// One call at a time tries whether the model is back.
    HalfOpen,
    /// No call passes.
    Open,
}

impl BreakerState {
    /// The control API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What a call tells of its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Works,
    /// It does not.
    Fails,
    /// Nothing: the call was at fault itself, or was given up by whoever made it.
    Unknown,
}

#[derive(Debug)]
enum State {
    Closed { in_a_row: u32, window: Window },
    Open { until_us: u64, length_ms: u64 },
    HalfOpen { probed: bool, length_ms: u64 },
}

/// Calls and failures by parts of the window, oldest first.
#[derive(Debug, Default)]
struct Window(VecDeque<(u64, u64, u64)>);

impl Window {
    fn count(&mut self, now_us: u64, failed: bool) {
        let part = now_us / PART_US;
        if self.0.back().is_none_or(|(at, _, _)| *at != part) {
            self.0.push_back((part, 0, 0));
        }
        if let Some((_, calls, failures)) = self.0.back_mut() {
            *calls += 1;
            *failures += u64::from(failed);
        }
        while self.0.front().is_some_and(|(at, _, _)| *at + WINDOW_US / PART_US <= part) {
            self.0.pop_front();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "calls of ten seconds are far below 2^52")]
    fn exceeds(&self, share: f64) -> bool {
        let (calls, failures) = self.0.iter().fold((0, 0), |sum, (_, calls, failed)| (sum.0 + calls, sum.1 + failed));
        calls >= FEWEST_CALLS && failures as f64 >= share * calls as f64
    }
}

impl State {
    fn closed() -> Self {
        Self::Closed { in_a_row: 0, window: Window::default() }
    }
}

/// The breaker of one model for one tenant.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: PolicySettings,
    /// With the number of changes so far: a call that was let in before the last one tells nothing of what came after.
    state: Mutex<(State, u64)>,
}

impl Breaker {
    pub(super) fn new(settings: PolicySettings) -> Self {
        Self { settings, state: Mutex::new((State::closed(), 0)) }
    }

    fn lock(&self) -> MutexGuard<'_, (State, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self, now_us: u64) -> BreakerState {
        match &self.lock().0 {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until_us, .. } if now_us < *until_us => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    pub(super) fn reset(&self) {
        let mut state = self.lock();
        *state = (State::closed(), state.1 + 1);
    }

    /// Lets a call pass, or says after how many milliseconds it is worth trying again.
    pub(super) fn admit(self: &Arc<Self>, now_us: u64) -> Result<Ticket, u64> {
        let mut held = self.lock();
        let probe = match &mut held.0 {
            State::Closed { .. } => false,
            State::Open { until_us, .. } if now_us < *until_us || sabotage::on(Sabotage::BreakerNeverCloses) => {
                return Err(until_us.saturating_sub(now_us).div_ceil(1000).max(1));
            }
            State::Open { length_ms, .. } => {
                let length_ms = *length_ms;
                *held = (State::HalfOpen { probed: true, length_ms }, held.1 + 1);
                true
            }
            State::HalfOpen { probed: true, length_ms } => return Err(*length_ms),
            State::HalfOpen { probed, .. } => {
                *probed = true;
                true
            }
        };
        Ok(Ticket { breaker: Arc::clone(self), change: held.1, probe, settled: false })
    }

    fn settle(&self, change: u64, probe: bool, verdict: Verdict, now_us: u64) {
        let mut held = self.lock();
        if held.1 != change {
            return;
        }
        let opens = match (&mut held.0, verdict) {
            (State::Closed { in_a_row, window }, Verdict::Works) => {
                *in_a_row = 0;
                window.count(now_us, false);
                None
            }
            (State::Closed { in_a_row, window }, Verdict::Fails) => {
                *in_a_row += 1;
                window.count(now_us, true);
                let open = *in_a_row >= self.settings.failures || window.exceeds(self.settings.failure_share);
                open.then_some(self.settings.open_ms)
            }
            (State::HalfOpen { .. }, Verdict::Works) if probe => {
                *held = (State::closed(), change + 1);
                None
            }
            (State::HalfOpen { length_ms, .. }, Verdict::Fails) if probe => {
                Some(length_ms.saturating_mul(2).min(self.settings.longest_open_ms))
            }
            (State::HalfOpen { probed, .. }, Verdict::Unknown) if probe => {
                *probed = false;
                None
            }
            (State::Closed { .. } | State::Open { .. } | State::HalfOpen { .. }, _) => None,
        };
        if let Some(length_ms) = opens.filter(|_| !sabotage::on(Sabotage::BreakerNeverOpens)) {
            let until_us = now_us.saturating_add(length_ms.saturating_mul(1000));
            *held = (State::Open { until_us, length_ms }, change + 1);
        }
    }
}

/// A call that passed. One that is dropped tells nothing, and gives its place as a probe back.
#[derive(Debug)]
pub(super) struct Ticket {
    breaker: Arc<Breaker>,
    change: u64,
    probe: bool,
    settled: bool,
}

impl Ticket {
    /// What the call told.
    pub(super) fn settle(mut self, verdict: Verdict, now_us: u64) {
        self.settled = true;
        self.breaker.settle(self.change, self.probe, verdict, now_us);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.settle(self.change, self.probe, Verdict::Unknown, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(PolicySettings {
            failures: 3,
            open_ms: 100,
            longest_open_ms: 300,
            ..PolicySettings::default()
        }))
    }

    fn settle(breaker: &Arc<Breaker>, now_us: u64, verdict: Verdict) {
        breaker.admit(now_us).unwrap().settle(verdict, now_us);
    }

    #[test]
    fn opens_after_failures_in_a_row_and_no_fewer() {
        let breaker = breaker();
        for verdict in
            [Verdict::Fails, Verdict::Fails, Verdict::Works, Verdict::Fails, Verdict::Unknown, Verdict::Fails]
        {
            settle(&breaker, 0, verdict);
            assert_eq!(breaker.state(0), BreakerState::Closed, "{verdict:?}");
        }
        settle(&breaker, 0, Verdict::Fails);
        assert_eq!(breaker.state(0), BreakerState::Open);
        assert_eq!(breaker.admit(40 * MS).unwrap_err(), 60);
    }

    #[test]
    fn opens_by_the_share_of_a_window_that_forgets() {
        let mixed = |gap_us: u64| {
            let breaker = breaker();
            for at in 0..FEWEST_CALLS {
                settle(&breaker, at * gap_us, if at % 2 == 0 { Verdict::Works } else { Verdict::Fails });
            }
            breaker.state(FEWEST_CALLS * gap_us)
        };
        assert_eq!(mixed(MS), BreakerState::Open, "half of 20 calls within the window");
        assert_eq!(mixed(PART_US), BreakerState::Closed, "never 20 calls within the window");
    }

    #[test]
    fn tries_with_one_call_at_a_time_and_waits_longer_after_each_failure() {
        let breaker = breaker();
        (0..3).for_each(|_| settle(&breaker, 0, Verdict::Fails));
        let probe = breaker.admit(100 * MS).unwrap();
        assert_eq!((breaker.state(100 * MS), breaker.admit(100 * MS).is_err()), (BreakerState::HalfOpen, true));
        drop(probe);
        let probe = breaker.admit(101 * MS).expect("a probe that was given up leaves its place");
        probe.settle(Verdict::Fails, 101 * MS);
        assert_eq!(breaker.admit(300 * MS).unwrap_err(), 1, "open for twice as long: to 301");
        breaker.admit(301 * MS).unwrap().settle(Verdict::Fails, 301 * MS);
        assert_eq!(breaker.admit(301 * MS).unwrap_err(), 300, "and never longer than its bound");
        breaker.admit(601 * MS).unwrap().settle(Verdict::Works, 601 * MS);
        assert_eq!(breaker.state(601 * MS), BreakerState::Closed);
    }

    #[test]
    fn hears_nothing_from_calls_of_before_a_change() {
        let breaker = breaker();
        let (late, failing) = (breaker.admit(0).unwrap(), breaker.admit(0).unwrap());
        (0..3).for_each(|_| settle(&breaker, 0, Verdict::Fails));
        late.settle(Verdict::Works, 1);
        assert_eq!(breaker.state(1), BreakerState::Open);
        breaker.admit(100 * MS).unwrap().settle(Verdict::Works, 100 * MS);
        failing.settle(Verdict::Fails, 100 * MS);
        settle(&breaker, 100 * MS, Verdict::Fails);
        settle(&breaker, 100 * MS, Verdict::Fails);
        assert_eq!(breaker.state(100 * MS), BreakerState::Closed);
        settle(&breaker, 100 * MS, Verdict::Fails);
        breaker.reset();
        assert_eq!(breaker.state(100 * MS), BreakerState::Closed);
    }
}

//! What `/health` found when it last looked.

use std::future::Future;

use futures_util::lock::Mutex;
use reference_core::{platform::DependencyHealth, ports::Clock};

/// The last look at the ports, for those who ask soon after it, and for those who ask while it is under way.
#[derive(Default)]
pub(super) struct Looks {
    kept_for_us: u64,
    /// When it was, in microseconds of the monotonic clock, and what was found.
    last: Mutex<Option<(u64, Vec<DependencyHealth>)>>,
}

impl Looks {
    /// Looks that are good for some milliseconds.
    pub(super) fn kept_for(milliseconds: u64) -> Self {
        Self { kept_for_us: milliseconds.saturating_mul(1000), ..Self::default() }
    }

    /// What was found not long ago, or what `look` finds now.
    pub(super) async fn latest<F: Future<Output = Vec<DependencyHealth>>>(
        &self,
        clock: &dyn Clock,
        look: impl FnOnce() -> F,
    ) -> Vec<DependencyHealth> {
        if self.kept_for_us == 0 {
            return look().await;
        }
        let mut last = self.last.lock().await;
        if let Some((at, found)) = &*last
            && clock.monotonic_us().saturating_sub(*at) < self.kept_for_us
        {
            return found.clone();
        }
        let found = look().await;
        *last = Some((clock.monotonic_us(), found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use reference_core::platform::DependencyState;
    use reference_core::testkit::ManualClock;

    use super::*;

    fn found(state: DependencyState) -> std::future::Ready<Vec<DependencyHealth>> {
        std::future::ready(vec![DependencyHealth { name: "database", state, latency_us: 1, required: true }])
    }

    #[test]
    fn tells_of_the_last_look_for_its_time_and_then_looks_again() {
        let clock = ManualClock::default();
        let state = |looks: &Looks, now: DependencyState| {
            looks.latest(&clock, || found(now)).now_or_never().expect("nothing is waited for")[0].state
        };
        let kept = Looks::kept_for(60_000);
        assert_eq!(state(&kept, DependencyState::Up), DependencyState::Up);
        assert_eq!(state(&kept, DependencyState::Down), DependencyState::Up, "not looked at again");
        let each_time = Looks::default();
        assert_eq!(state(&each_time, DependencyState::Up), DependencyState::Up);
        assert_eq!(state(&each_time, DependencyState::Down), DependencyState::Down);
    }
}

//! What clocks, randomness, waiting and work beside requests must keep on every host: asked of the native server's adapters and of
//! those in memory by tests, and of the Worker's on workerd by its contract entry. They panic at the first breach.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reference_core::ports::{Background, Clock, Ids, Timer};
use reference_core::tenancy::TenantId;

/// 2020-01-01 and 2200-01-01, in milliseconds since 1970: whoever tells another time has no clock.
const SENSIBLE_MS: std::ops::Range<i64> = 1_577_836_800_000..7_258_118_400_000;
/// A wait, in milliseconds, and most that a busy machine may make of it.
const WAIT_MS: u64 = 40;
const LONGEST_MS: u64 = 20_000;

/// Time never goes back, and no tenant's is behind the host's.
pub(crate) fn assert_clock_goes_forward(clock: &dyn Clock, tenant: &TenantId) {
    let (mut system, mut own, mut monotonic) = (clock.system(), clock.now(tenant), clock.monotonic_us());
    for _ in 0..1000 {
        let next = (clock.system(), clock.now(tenant), clock.monotonic_us());
        assert!(next.0 >= system && next.1 >= own && next.2 >= monotonic, "a clock went back");
        assert!(next.1 >= next.0, "a tenant's time is behind the host's");
        (system, own, monotonic) = next;
    }
    assert!(SENSIBLE_MS.contains(&system), "{system} is no time of day");
}

/// No draw repeats, every byte is drawn, and a draw of nothing is fine.
pub(crate) fn assert_ids_are_drawn(ids: &dyn Ids) {
    ids.fill(&mut []);
    let mut seen = HashSet::new();
    for _ in 0..256 {
        let mut bytes = [0; 16];
        ids.fill(&mut bytes);
        assert!(seen.insert(bytes), "a draw repeats");
    }
    let mut long = [0; 4096];
    ids.fill(&mut long);
    let values: HashSet<u8> = long.iter().copied().collect();
    assert!(values.len() > 200, "4096 bytes have {} values alone", values.len());
    assert!(long.chunks(32).all(|chunk| chunk.iter().any(|byte| *byte != 0)), "some bytes were left as they were");
}

/// A wait takes its time, and one of no time ends.
pub(crate) async fn assert_timer_waits(timer: &dyn Timer, clock: &dyn Clock) {
    timer.sleep(0).await;
    let began = clock.monotonic_us();
    timer.sleep(WAIT_MS).await;
    let waited_ms = clock.monotonic_us().saturating_sub(began) / 1000;
    // Timers of hosts count whole milliseconds, each by a clock of its own.
    assert!((WAIT_MS - 5..LONGEST_MS).contains(&waited_ms), "a wait of {WAIT_MS} ms took {waited_ms}");
}

/// Work beside a request runs to its end, also where it waits, and its failure is nobody else's.
pub(crate) async fn assert_background_runs(background: &dyn Background, timer: &Arc<dyn Timer>) {
    let ended = Arc::new(AtomicBool::new(false));
    let (mark, waits) = (Arc::clone(&ended), timer.sleep(WAIT_MS));
    background.spawn(Box::pin(async move {
        waits.await;
        mark.store(true, Ordering::SeqCst);
    }));
    for _ in 0..LONGEST_MS / WAIT_MS {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        timer.sleep(WAIT_MS).await;
    }
    panic!("work beside a request did not end");
}

#[cfg(test)]
mod tests {
    use reference_core::testkit::{SeededIds, TestTenants};

    use super::*;
    use crate::clock::SystemClock;
    use crate::ids::OsIds;
    use crate::tasks::{Tasks, TokioTimer};

    #[test]
    fn clocks_go_forward() {
        let tenants = TestTenants::new();
        let owner = tenants.owner();
        let clock = SystemClock::new();
        clock.advance(owner.id(), 5_000);
        assert_clock_goes_forward(&clock, owner.id());
        assert_clock_goes_forward(&*tenants.clock, owner.id());
    }

    #[test]
    fn ids_are_drawn() {
        assert_ids_are_drawn(&OsIds);
        assert_ids_are_drawn(&SeededIds::new(7));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waits_and_works_beside_requests() {
        let timer: Arc<dyn Timer> = Arc::new(TokioTimer);
        assert_timer_waits(&*timer, &SystemClock::new()).await;
        assert_background_runs(&Tasks::new(tokio::runtime::Handle::current(), 2), &timer).await;
    }
}

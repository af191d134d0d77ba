//! When the next request may begin, and how many may be sent at all.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Hands out the intended starts of requests, to all users together.
#[derive(Debug)]
pub struct Pacing {
    gap: Option<Duration>,
    lasts: Duration,
    began: OnceLock<Instant>,
    slots: AtomicU64,
    left: AtomicU64,
}

impl Pacing {
    /// `rate` is in requests a second; without one, each user sends as soon as its last answer is there.
    /// `most` bounds the requests of the whole run. At a fixed rate no turn lies `lasts` after the first or later.
    pub fn new(rate: Option<f64>, most: Option<u64>, lasts: Duration) -> Self {
        Self {
            lasts,
            gap: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            began: OnceLock::new(),
            slots: AtomicU64::new(0),
            left: AtomicU64::new(most.unwrap_or(u64::MAX)),
        }
    }

    /// Waits for the next request's turn and returns the instant that its latency counts from; `None` when the run has
    /// sent all that it may or should.
    ///
    /// At a fixed rate that instant is the intended start when every user was busy then: the request waited because
    /// the target was slow, and the wait belongs to its latency. A user that was free in time was held by the timer
    /// alone, whose whole milliseconds are no latency, so its request counts from when it is sent.
    pub async fn turn(&self) -> Option<Instant> {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()?;
        let now = Instant::now();
        let Some(gap) = self.gap else { return Some(now) };
        let began = *self.began.get_or_init(|| now);
        let slot = self.slots.fetch_add(1, Ordering::Relaxed);
        let after = Duration::from_nanos(nanoseconds(gap).saturating_mul(slot));
        if after >= self.lasts {
            return None;
        }
        let intended = began + after;
        if intended <= now {
            return Some(intended);
        }
        tokio::time::sleep_until(intended.into()).await;
        Some(Instant::now())
    }
}

fn nanoseconds(gap: Duration) -> u64 {
    u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn counts_the_wait_behind_a_slow_request() {
        let pacing = Pacing::new(Some(100.0), None, LONG);
        let first = pacing.turn().await.expect("there is no bound");
        tokio::time::sleep(Duration::from_millis(55)).await;
        let second = pacing.turn().await.expect("there is no bound");
        assert_eq!(second - first, Duration::from_millis(10));
        assert!(second.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn keeps_the_rate() {
        let pacing = Pacing::new(Some(200.0), None, LONG);
        let began = Instant::now();
        for _ in 0..11 {
            pacing.turn().await.expect("there is no bound");
        }
        assert!(began.elapsed() >= Duration::from_millis(49));
    }

    #[tokio::test]
    async fn ends_at_the_bound() {
        let pacing = Pacing::new(None, Some(2), LONG);
        assert!(pacing.turn().await.is_some());
        assert!(pacing.turn().await.is_some());
        assert!(pacing.turn().await.is_none());
        assert!(pacing.turn().await.is_none());
    }

    #[tokio::test]
    async fn ends_with_the_schedule() {
        let pacing = Pacing::new(Some(1000.0), None, Duration::from_millis(5));
        for _ in 0..5 {
            assert!(pacing.turn().await.is_some());
        }
        assert!(pacing.turn().await.is_none());
    }
}

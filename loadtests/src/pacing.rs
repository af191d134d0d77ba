//! When the next request may begin, and how many may be sent at all.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How the starts of requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each user sends as soon as its last answer is there.
    Free,
    /// As [`Pace::Free`], but all users together send at most so many requests a second.
    AtMost(f64),
    /// All users together send so many requests a second, whatever the target does.
    Fixed(f64),
}

/// Hands out the starts of requests, to all users together.
#[derive(Debug)]
pub struct Pacing {
    pace: Pace,
    lasts: Duration,
    began: OnceLock<Instant>,
    /// Nanoseconds from the beginning to the next start.
    next: AtomicU64,
    left: AtomicU64,
}

impl Pacing {
    /// `most` bounds the requests of the whole run. Unless it is free, no turn lies `lasts` after the first or later.
    pub fn new(pace: Pace, most: Option<u64>, lasts: Duration) -> Self {
        let (next, left) = (AtomicU64::new(0), AtomicU64::new(most.unwrap_or(u64::MAX)));
        Self { pace, lasts, began: OnceLock::new(), next, left }
    }

    /// Waits for the next request's turn and returns the instant that its latency counts from; `None` when the run has
    /// sent all that it may or should.
    ///
    /// At a fixed pace that instant is the intended start when every user was busy then: the request waited because
    /// the target was slow, and the wait belongs to its latency. A user that was free in time was held by the timer
    /// alone, whose whole milliseconds are no latency, so its request counts from when it is sent.
    pub async fn turn(&self) -> Option<Instant> {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()?;
        let now = Instant::now();
        let began = *self.began.get_or_init(|| now);
        let after = match self.pace {
            Pace::Free => return Some(now),
            Pace::Fixed(rate) => self.next.fetch_add(gap(rate), Ordering::Relaxed),
            Pace::AtMost(rate) => {
                let earliest = nanoseconds(now.saturating_duration_since(began));
                let later = |next: u64| Some(next.max(earliest).saturating_add(gap(rate)));
                let taken = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
                taken.unwrap_or_default().max(earliest)
            }
        };
        let after = Duration::from_nanos(after);
        if after >= self.lasts {
            return None;
        }
        let turn = began + after;
        if turn <= now {
            return Some(turn);
        }
        tokio::time::sleep_until(turn.into()).await;
        Some(Instant::now())
    }
}

/// Nanoseconds between two starts at `rate` a second.
fn gap(rate: f64) -> u64 {
    nanoseconds(Duration::from_secs_f64(1.0 / rate))
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn counts_the_wait_behind_a_slow_request() {
        let pacing = Pacing::new(Pace::Fixed(100.0), None, LONG);
        let first = pacing.turn().await.expect("there is no bound");
        tokio::time::sleep(Duration::from_millis(55)).await;
        let second = pacing.turn().await.expect("there is no bound");
        assert_eq!(second - first, Duration::from_millis(10));
        assert!(second.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn keeps_the_rate() {
        let pacing = Pacing::new(Pace::Fixed(200.0), None, LONG);
        let began = Instant::now();
        for _ in 0..11 {
            pacing.turn().await.expect("there is no bound");
        }
        assert!(began.elapsed() >= Duration::from_millis(49));
    }

    #[tokio::test]
    async fn a_bound_makes_up_for_no_lost_time() {
        let pacing = Pacing::new(Pace::AtMost(100.0), None, LONG);
        pacing.turn().await.expect("there is no bound");
        tokio::time::sleep(Duration::from_millis(55)).await;
        let late = pacing.turn().await.expect("there is no bound");
        assert!(late.elapsed() < Duration::from_millis(10));
        pacing.turn().await.expect("there is no bound");
        assert!(late.elapsed() >= Duration::from_millis(9));
    }

    #[tokio::test]
    async fn ends_at_the_bound() {
        let pacing = Pacing::new(Pace::Free, Some(2), LONG);
        assert!(pacing.turn().await.is_some());
        assert!(pacing.turn().await.is_some());
        assert!(pacing.turn().await.is_none());
        assert!(pacing.turn().await.is_none());
    }

    #[tokio::test]
    async fn ends_with_the_schedule() {
        let pacing = Pacing::new(Pace::Fixed(1000.0), None, Duration::from_millis(5));
        for _ in 0..5 {
            assert!(pacing.turn().await.is_some());
        }
        assert!(pacing.turn().await.is_none());
    }
}

//! When the next request of a user may begin who waits for its answers.

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
}

/// Hands out the starts of requests, to all users together.
#[derive(Debug)]
pub struct Pacing {
    pace: Pace,
    began: OnceLock<Instant>,
    /// Nanoseconds from the beginning to the next start.
    next: AtomicU64,
}

impl Pacing {
    /// No start has been handed out yet.
    pub fn new(pace: Pace) -> Self {
        Self { pace, began: OnceLock::new(), next: AtomicU64::new(0) }
    }

    /// Waits for the next request's turn and returns the instant that its latency counts from. A user who waits for its answers
    /// has no intended start, so that is when it is sent: such a run tells how fast a target is, not how it copes with a load.
    pub async fn turn(&self) -> Instant {
        let now = Instant::now();
        let began = *self.began.get_or_init(|| now);
        let after = match self.pace {
            Pace::Free => return now,
            Pace::AtMost(rate) => {
                let earliest = nanoseconds(now.saturating_duration_since(began));
                let later = |next: u64| Some(next.max(earliest).saturating_add(gap(rate)));
                let taken = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
                taken.unwrap_or_default().max(earliest)
            }
        };
        let turn = began + Duration::from_nanos(after);
        if turn > now {
            tokio::time::sleep_until(turn.into()).await;
        }
        Instant::now()
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

    #[tokio::test]
    async fn keeps_to_the_most_and_makes_up_for_no_lost_time() {
        let pacing = Pacing::new(Pace::AtMost(100.0));
        pacing.turn().await;
        tokio::time::sleep(Duration::from_millis(55)).await;
        let late = pacing.turn().await;
        assert!(late.elapsed() < Duration::from_millis(10));
        pacing.turn().await;
        assert!(late.elapsed() >= Duration::from_millis(9));
    }

    #[tokio::test]
    async fn a_free_user_never_waits() {
        let pacing = Pacing::new(Pace::Free);
        let began = Instant::now();
        for _ in 0..100 {
            pacing.turn().await;
        }
        assert!(began.elapsed() < Duration::from_millis(50));
    }
}

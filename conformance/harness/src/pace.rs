//! How hard a target may be pressed: so many cases at once, so many requests a second.

use std::time::Duration;

use contract_types::PaceProfile;
use tokio::{
    sync::{Mutex, Semaphore, SemaphorePermit},
    time::Instant,
};

/// Cases at once where a profile says nothing.
const CONCURRENCY: usize = 8;

/// The pace of a run.
#[derive(Debug)]
pub struct Pace {
    cases: Semaphore,
    concurrency: usize,
    gap: Option<Duration>,
    next: Mutex<Instant>,
}

impl Pace {
    /// The pace that a profile asks for.
    pub fn new(profile: Option<&PaceProfile>) -> Self {
        let concurrency = profile.map_or(CONCURRENCY, |pace| usize::try_from(pace.concurrency).unwrap_or(CONCURRENCY));
        let gap = profile.map(|pace| Duration::from_secs_f64(1.0 / pace.requests_per_second.max(0.1)));
        Self { cases: Semaphore::new(concurrency), concurrency, gap, next: Mutex::new(Instant::now()) }
    }

    /// Most cases at once.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Waits until another case may begin; the permit is held while it runs.
    pub async fn case(&self) -> Option<SemaphorePermit<'_>> {
        self.cases.acquire().await.ok()
    }

    /// Waits until another request may be sent.
    pub async fn request(&self) {
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let turn = (*next).max(now);
        *next = turn + gap;
        drop(next);
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spaces_requests() {
        let pace = Pace::new(Some(&PaceProfile { requests_per_second: 100.0, concurrency: 2 }));
        let began = Instant::now();
        for _ in 0..6 {
            pace.request().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(45));
        assert_eq!(pace.concurrency(), 2);
    }
}

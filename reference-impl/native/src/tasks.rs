//! Work beside requests, and waiting.

use std::sync::Arc;
use std::time::Duration;

use reference_core::ports::Timer;
use reference_core::ports::{Background, BoxFuture};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

/// Runs work on the runtime, at most a set number of pieces at once; the others wait in the order they came.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    running: Arc<Semaphore>,
    ended: Arc<Notify>,
    most: usize,
}

impl Tasks {
    /// - `runtime`: where the work runs.
    /// - `most`: pieces that run at once.
    pub fn new(runtime: Handle, most: usize) -> Self {
        Self { runtime, running: Arc::new(Semaphore::new(most)), ended: Arc::default(), most }
    }

    /// Is ready when no work is running; what still waits is not begun. It is found in its store by the next start.
    pub async fn drain(&self) {
        self.running.close();
        loop {
            let ended = self.ended.notified();
            if self.running.available_permits() == self.most {
                return;
            }
            ended.await;
        }
    }
}

impl Background for Tasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        let (running, ended) = (Arc::clone(&self.running), Arc::clone(&self.ended));
        self.runtime.spawn(async move {
            let Ok(permit) = running.acquire().await else { return };
            let _end = OnDrop(&ended); // after the permit, also when the work panics
            let _permit = permit;
            work.await;
        });
    }
}

struct OnDrop<'a>(&'a Notify);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// Lets one at a time do something.
pub(crate) type Turn = tokio::sync::Mutex<()>;

/// Is ready after some milliseconds.
pub(crate) fn sleep(milliseconds: u64) -> BoxFuture<'static, ()> {
    TokioTimer.sleep(milliseconds)
}

/// The runtime's timer ends up to this much late.
const TIMER_LATE: Duration = Duration::from_millis(2);

/// Is ready after some milliseconds and parts of one: a delay that a test seeds is as long as it says. The last moments of it
/// are spent looking at the clock.
pub(crate) async fn delay(milliseconds: f64) {
    let until = std::time::Instant::now() + Duration::from_secs_f64(milliseconds / 1000.0);
    if let Some(early) = until.checked_duration_since(std::time::Instant::now() + TIMER_LATE) {
        tokio::time::sleep(early).await;
    }
    while std::time::Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// Pieces of work that are under way in the process.
pub(crate) fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The runtime's timer.
#[derive(Debug, Default, Clone, Copy)]
pub struct TokioTimer;

impl Timer for TokioTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(milliseconds)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn runs_all_work_but_never_more_than_its_bound_at_once() {
        let tasks = Tasks::new(Handle::current(), 3);
        let (now, peak, done) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..30 {
            let (now, peak, done) = (Arc::clone(&now), Arc::clone(&peak), Arc::clone(&done));
            tasks.spawn(Box::pin(async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
            }));
        }
        while done.load(Ordering::SeqCst) < 30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(peak.load(Ordering::SeqCst) <= 3);
    }

    #[tokio::test]
    async fn waits_for_running_work_when_drained() {
        let tasks = Tasks::new(Handle::current(), 2);
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        tasks.spawn(Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            count.fetch_add(1, Ordering::SeqCst);
        }));
        tokio::task::yield_now().await;
        tasks.drain().await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        tasks.spawn(Box::pin(async move { panic!("begun after the end") }));
        tokio::task::yield_now().await;
    }
}

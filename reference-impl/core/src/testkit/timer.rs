//! Time that passes when a test says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::ports::{BoxFuture, Timer};

/// A timer that a test moves. Clones share their time.
#[derive(Debug, Clone, Default)]
pub struct TestTimer(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now_ms: u64,
    /// When each wait that has not ended is over.
    waits: Vec<u64>,
    wakers: Vec<Waker>,
}

impl TestTimer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `milliseconds` pass and wakes whoever waits.
    pub fn pass(&self, milliseconds: u64) {
        let wakers = {
            let mut state = self.lock();
            state.now_ms = state.now_ms.saturating_add(milliseconds);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Milliseconds that have passed since the timer was made.
    pub fn now_ms(&self) -> u64 {
        self.lock().now_ms
    }

    /// Milliseconds until the first of the waits is over; `None` when nobody waits.
    pub fn next(&self) -> Option<u64> {
        let state = self.lock();
        state.waits.iter().min().map(|due| due.saturating_sub(state.now_ms))
    }
}

impl Timer for TestTimer {
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        let timer = self.clone();
        let due = {
            let mut state = timer.lock();
            let due = state.now_ms.saturating_add(milliseconds);
            state.waits.push(due);
            due
        };
        let wait = Wait { timer: timer.clone(), due };
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = wait.timer.lock();
            if state.now_ms >= wait.due {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        }))
    }
}

/// A wait that is struck off when it ends or is given up.
#[derive(Debug)]
struct Wait {
    timer: TestTimer,
    due: u64,
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = self.timer.lock();
        if let Some(at) = state.waits.iter().position(|due| *due == self.due) {
            state.waits.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    #[test]
    fn ends_a_wait_when_its_time_has_passed() {
        let timer = TestTimer::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut wait = timer.sleep(20);
        assert_eq!(timer.next(), Some(20));
        timer.pass(19);
        assert_eq!((wait.as_mut().poll(&mut context), timer.next()), (Poll::Pending, Some(1)));
        timer.pass(1);
        assert_eq!(wait.as_mut().poll(&mut context), Poll::Ready(()));
        drop(wait);
        assert_eq!(timer.next(), None);
    }
}

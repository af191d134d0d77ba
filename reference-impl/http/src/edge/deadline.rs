//! The tenant's deadline: one for everything that a request waits for.

use std::future::Future;

use futures_util::{
    FutureExt,
    future::{Either, Shared, select},
};
use reference_core::{
    ports::BoxFuture,
    sabotage::{self, Sabotage},
    tenancy::TenantContext,
};

use reference_core::ports::Timer;

/// Longest time beyond the deadline that is left for putting away what a request has begun, in milliseconds.
const MOST_GRACE_MS: u64 = 500;

/// When a request is given up. All of its stages share it.
#[derive(Clone)]
pub(super) struct Deadline {
    over: Shared<BoxFuture<'static, ()>>,
    after_ms: u64,
}

impl Deadline {
    /// The deadline of a request of `tenant` that begins now.
    pub(super) fn of(tenant: &TenantContext, timer: &dyn Timer) -> Self {
        let mut after_ms = u64::try_from(tenant.settings().times.deadline_ms).unwrap_or_default();
        if sabotage::on(Sabotage::DeadlineIgnored) {
            after_ms = 3_600_000;
        }
        Self { over: timer.sleep(after_ms).shared(), after_ms }
    }

    /// What `work` gives, or `None` once the deadline has passed.
    pub(super) async fn before<F: Future>(&self, work: F) -> Option<F::Output> {
        before(self.over.clone(), work).await
    }

    /// What `work` gives, or `None` once the deadline and a grace after it have passed: for putting away what was begun.
    pub(super) async fn before_grace<F: Future>(&self, timer: &dyn Timer, work: F) -> Option<F::Output> {
        let grace_ms = self.patience_ms().min(MOST_GRACE_MS);
        let over = self.over.clone().then(|()| timer.sleep(grace_ms));
        before(Box::pin(over), work).await
    }

    /// When it is over, in microseconds of the monotonic clock, for a request that begins at `now_us`.
    pub(super) fn ends_us(&self, now_us: u64) -> u64 {
        now_us.saturating_add(self.after_ms.saturating_mul(1000))
    }

    /// How long a request waits for a store that it can do without, in milliseconds.
    pub(super) fn patience_ms(&self) -> u64 {
        self.after_ms / 4
    }
}

/// What `work` gives, or `None` once `over` is ready.
pub(super) async fn before<F: Future>(over: impl Future<Output = ()> + Unpin, work: F) -> Option<F::Output> {
    match select(Box::pin(work), over).await {
        Either::Left((given, _)) => Some(given),
        Either::Right(_) => None,
    }
}

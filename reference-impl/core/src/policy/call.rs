//! One call under its policy: a place, a deadline, the breaker's leave, and repetitions where they have no second effect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};

use super::breaker::{Breaker, BreakerState, Ticket, Verdict};
use super::bulkhead::{Bulkhead, Place};
use super::pauses::{Budget, pause};
use super::{Means, PolicyPort, PolicySettings};
use crate::ports::{BoxFuture, ModelError};
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{TenantContext, TenantId};
use crate::trace::{StepName, StepOutcome};

/// A time-out after less than this, in milliseconds, says more about the caller than about the model.
const TELLING_MS: u64 = 1_000;
/// A request that ends at its deadline drops its calls. What has not been dropped so long after it, in milliseconds, ends by
/// itself: so the request's own time-out is what its client hears of, whichever timer is read first.
const AFTER_MS: u64 = 50;
/// Calls for one request in the flaw of repeating without end.
const ENDLESS: u32 = 60;

/// After which failures a call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// After every one that may pass: the call has no effect.
    Idempotent,
    /// Where the model's host did not take the call: once it has begun to write, a second call is a second text and a second
    /// bill.
    Untaken,
}

impl Repeat {
    fn allows(self, error: &ModelError) -> bool {
        match error {
            ModelError::Refused { .. } => true,
            ModelError::Unavailable { .. } => self == Self::Idempotent || sabotage::on(Sabotage::WritingRepeated),
            // A slow host gets slower by a second call, and neither a rejected call nor a senseless answer becomes better.
            ModelError::TimedOut { .. } | ModelError::BudgetExceeded { .. } => false,
            ModelError::Rejected { .. } | ModelError::Unusable { .. } => sabotage::on(Sabotage::RetriesUnbounded),
        }
    }
}

/// Which time bounds a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// The policy's own, and what is left of the request.
    Both,
    /// What is left of the request alone: work whose length depends on how much was sent.
    Request,
}

/// The policy of one model. What tenants share of it is its places, and no tenant can take those alone. Whether it works is learnt for
/// each tenant by itself: its gateway, its share at the host or what it sends may be what fails, and must not take the model from others.
pub(super) struct Policy {
    port: PolicyPort,
    model: String,
    settings: PolicySettings,
    pub(super) means: Means,
    bulkhead: Arc<Bulkhead>,
    own: Mutex<BTreeMap<TenantId, Arc<Own>>>,
}

/// What a tenant has of a policy for itself.
#[derive(Debug)]
struct Own {
    breaker: Arc<Breaker>,
    budget: Budget,
}

/// What a call holds for as long as it goes on.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) ticket: Ticket,
}

impl Policy {
    pub(super) fn new(port: PolicyPort, model: &str, settings: PolicySettings, means: Means) -> Self {
        Self {
            port,
            model: model.to_owned(),
            settings,
            means,
            bulkhead: Arc::new(Bulkhead::new(&settings)),
            own: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, Arc<Own>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self, tenant: &TenantId) -> Arc<Own> {
        let mut all = self.lock();
        if let Some(own) = all.get(tenant) {
            return Arc::clone(own);
        }
        let breaker = Arc::new(Breaker::new(self.settings));
        let own = Arc::new(Own { breaker, budget: Budget::new(self.settings.retry_share) });
        all.insert(tenant.clone(), Arc::clone(&own));
        own
    }

    /// The tenant's breaker, or the worst of all.
    pub(super) fn breaker(&self, tenant: Option<&TenantId>) -> BreakerState {
        let (now, all) = (self.now_us(), self.lock());
        let of = all.iter().filter(|(id, _)| tenant.is_none_or(|tenant| tenant == *id));
        of.map(|(_, own)| own.breaker.state(now)).max().unwrap_or(BreakerState::Closed)
    }

    /// Each tenant's breaker.
    pub(super) fn breakers(&self) -> Vec<(TenantId, BreakerState)> {
        let (now, all) = (self.now_us(), self.lock());
        all.iter().map(|(id, own)| (id.clone(), own.breaker.state(now))).collect()
    }

    /// Forgets what it has learnt. Calls that are under way tell nothing any more.
    pub(super) fn reset(&self) {
        self.lock().clear();
    }

    pub(super) fn now_us(&self) -> u64 {
        self.means.clock.monotonic_us()
    }

    /// The longest time of a call for `tenant` from now on, in milliseconds; `None` where nothing bounds it.
    pub(super) fn limit_ms(&self, tenant: &TenantContext, bound: Bound) -> Option<u64> {
        let own = self.settings.timeout_ms.filter(|_| bound == Bound::Both);
        let deadline_us = tenant.request().and_then(|request| request.deadline_us);
        let left = deadline_us.map(|it| it.saturating_sub(self.now_us()).div_ceil(1000) + AFTER_MS);
        match (own, left) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        }
    }

    /// What `work` gives within `limit_ms`.
    pub(super) async fn within<T>(
        &self,
        limit_ms: Option<u64>,
        work: impl Future<Output = Result<T, ModelError>> + Send,
    ) -> Result<T, ModelError> {
        let Some(limit_ms) = limit_ms else { return work.await };
        match select(Box::pin(work), self.means.timer.sleep(limit_ms)).await {
            Either::Left((given, _)) => given,
            Either::Right(_) => Err(ModelError::TimedOut { model: self.model.clone(), after_ms: limit_ms }),
        }
    }

    /// What a failure after `limit_ms` at most tells about the model.
    pub(super) fn verdict(&self, error: &ModelError, limit_ms: Option<u64>) -> Verdict {
        match error {
            ModelError::Unavailable { .. } | ModelError::Refused { .. } | ModelError::Unusable { .. } => Verdict::Fails,
            ModelError::TimedOut { .. } => {
                let telling = self.settings.timeout_ms.unwrap_or(TELLING_MS).min(TELLING_MS);
                if limit_ms.is_none_or(|limit| limit >= telling) { Verdict::Fails } else { Verdict::Unknown }
            }
            ModelError::Rejected { .. } | ModelError::BudgetExceeded { .. } => Verdict::Unknown,
        }
    }

    fn refused(&self, reason: &str, retry_after_ms: Option<u64>) -> ModelError {
        ModelError::Refused { model: self.model.clone(), reason: reason.to_owned(), retry_after_ms }
    }

    /// Makes `call` on behalf of `tenant`, and again where that may help; gives what it gave and what it holds. Each try is a
    /// step of its own.
    pub(super) async fn run<'a, T>(
        &self,
        tenant: &TenantContext,
        (repeat, bound): (Repeat, Bound),
        call: impl Fn(TenantContext) -> BoxFuture<'a, Result<T, ModelError>>,
    ) -> Result<(T, Held), ModelError> {
        let look_again = self.means.apart.then_some(&*self.means.timer);
        let taken = async { Ok(self.bulkhead.take(tenant.id(), look_again).await) };
        let place = self.within(self.limit_ms(tenant, bound), taken).await?;
        let place = place.ok_or_else(|| self.refused("too many calls of the tenant wait for it", Some(1000)))?;
        let own = self.own(tenant.id());
        own.budget.earn();
        let mut repetition = 0;
        let mut last = None;
        loop {
            let ticket = match own.breaker.admit(self.now_us()) {
                Ok(ticket) => ticket,
                // What this request has met says more than that others met it too.
                Err(after_ms) => {
                    let left_alone = || self.refused("it is left alone after failures", Some(after_ms));
                    return Err(last.unwrap_or_else(left_alone));
                }
            };
            let limit_ms = self.limit_ms(tenant, bound);
            let (within, step) = tenant.step(StepName::Attempt);
            let given = self.within(limit_ms, call(within)).await;
            step.end(StepOutcome::of_model(&given));
            let error = match given {
                Ok(given) => return Ok((given, Held { place, ticket })),
                Err(error) => error,
            };
            ticket.settle(self.verdict(&error, limit_ms), self.now_us());
            repetition += 1;
            let Some(pause_ms) = self.repeats(&own, (repeat, bound), repetition, &error, tenant) else {
                return Err(error);
            };
            self.means.retries.count(self.port, tenant.id());
            self.means.timer.sleep(pause_ms).await;
            last = Some(error);
        }
    }

    /// The pause before the call is made again; `None` where it is not.
    fn repeats(
        &self,
        own: &Own,
        (repeat, bound): (Repeat, Bound),
        repetition: u32,
        error: &ModelError,
        tenant: &TenantContext,
    ) -> Option<u64> {
        if sabotage::on(Sabotage::RetriesOff) || !repeat.allows(error) {
            return None;
        }
        if sabotage::on(Sabotage::RetriesUnbounded) {
            own.breaker.reset();
            return (repetition < ENDLESS).then_some(0);
        }
        if repetition >= self.settings.attempts {
            return None;
        }
        let asked = match error {
            ModelError::Refused { retry_after_ms, .. } => *retry_after_ms,
            ModelError::Unavailable { .. }
            | ModelError::TimedOut { .. }
            | ModelError::Rejected { .. }
            | ModelError::Unusable { .. }
            | ModelError::BudgetExceeded { .. } => None,
        };
        let pause_ms = pause(&self.settings, repetition, asked, &*self.means.ids)?;
        let in_time = self.limit_ms(tenant, bound).is_none_or(|left| pause_ms < left);
        (in_time && own.budget.spend(self.now_us())).then_some(pause_ms)
    }
}

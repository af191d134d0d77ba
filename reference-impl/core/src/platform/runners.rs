//! Which tenants' jobs this process is at: one runner for a tenant is enough, since jobs are claimed one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tenancy::{TenantContext, TenantId};

/// A runner that gave no sign of life for this long, in microseconds, may have been ended by its host without a trace.
const SILENT_US: u64 = 60_000_000;

/// The runners of this process.
#[derive(Debug, Default)]
pub(super) struct Runners(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    runners: HashMap<TenantId, State>,
    started: u64,
    /// Whose jobs wait for a model that did not answer.
    waiting: HashMap<TenantId, TenantContext>,
}

#[derive(Debug)]
struct State {
    number: u64,
    /// Whether jobs were queued since the runner last began to look for them.
    again: bool,
    seen_us: u64,
}

/// The right to run a tenant's jobs; given back when dropped.
#[derive(Debug)]
pub(super) struct Runner {
    runners: Arc<Runners>,
    tenant: TenantId,
    number: u64,
}

impl Runners {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new runner; `None` while there is one, which then looks for jobs once more before it ends.
    pub(super) fn start(self: &Arc<Self>, tenant: &TenantId, now_us: u64) -> Option<Runner> {
        let mut held = self.lock();
        if let Some(state) = held.runners.get_mut(tenant)
            && now_us.saturating_sub(state.seen_us) < SILENT_US
        {
            state.again = true;
            return None;
        }
        held.started += 1;
        let number = held.started;
        held.runners.insert(tenant.clone(), State { number, again: false, seen_us: now_us });
        Some(Runner { runners: Arc::clone(self), tenant: tenant.clone(), number })
    }

    /// The tenant's jobs are to be tried again later.
    pub(super) fn wait(&self, tenant: &TenantContext) {
        self.lock().waiting.insert(tenant.id().clone(), tenant.clone());
    }

    /// Those whose jobs are to be tried again; they are waited for no longer.
    pub(super) fn take_waiting(&self) -> Vec<TenantContext> {
        self.lock().waiting.drain().map(|(_, tenant)| tenant).collect()
    }

    /// The tenant's runner lives.
    pub(super) fn seen(&self, tenant: &TenantId, now_us: u64) {
        if let Some(state) = self.lock().runners.get_mut(tenant) {
            state.seen_us = now_us;
        }
    }
}

impl Runner {
    /// Whether jobs were queued that it may have missed. Where not, another may start from now on.
    pub(super) fn again(&self) -> bool {
        let mut held = self.runners.lock();
        let Some(state) = held.runners.get_mut(&self.tenant).filter(|state| state.number == self.number) else {
            return false;
        };
        let again = std::mem::take(&mut state.again);
        if !again {
            held.runners.remove(&self.tenant);
        }
        again
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let mut held = self.runners.lock();
        if held.runners.get(&self.tenant).is_some_and(|state| state.number == self.number) {
            held.runners.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_a_tenant_one_runner_that_misses_no_job() {
        let runners = Arc::new(Runners::default());
        let (one, other) = ("aurora-bikes", "meridian-lab");
        let (one, other) = (TenantId::parse(one).unwrap(), TenantId::parse(other).unwrap());
        let runner = runners.start(&one, 0).unwrap();
        assert!(runners.start(&one, 1).is_none() && runners.start(&other, 1).is_some());
        assert!(runner.again() && !runner.again(), "one more look for the job that came meanwhile");
        let next = runners.start(&one, 2).unwrap();
        drop(runner);
        assert!(runners.start(&one, 3).is_none(), "a runner that has ended takes no other's place away");
        drop(next);
        assert!(runners.start(&one, 4).is_some(), "a runner that was dropped has left");
    }

    #[test]
    fn replaces_a_runner_that_went_silent() {
        let runners = Arc::new(Runners::default());
        let tenant = TenantId::parse("aurora-bikes").unwrap();
        let lost = runners.start(&tenant, 0).unwrap();
        runners.seen(&tenant, 5);
        assert!(runners.start(&tenant, SILENT_US + 4).is_none());
        let next = runners.start(&tenant, SILENT_US + 5);
        assert!(next.is_some() && !lost.again());
        assert!(runners.start(&tenant, SILENT_US + 6).is_none());
    }
}

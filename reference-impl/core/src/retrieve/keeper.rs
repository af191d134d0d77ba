//! Keeps a vector index elsewhere up to date, beside requests and for the tenants that have chosen one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::elsewhere::{Step, StepError, erase, step};
use crate::ports::{Background, BoxFuture, Clock, Database, Databases, Timer, VectorIndex};
use crate::tenancy::{Candidates, TenantContext, TenantId};

/// Time between two looks at whether a mutation is seen, in milliseconds.
const LOOK_AGAIN_MS: u64 = 250;
/// Shortest and longest time that one round of work goes on, in milliseconds. A host lets work go on for half a minute after its
/// request; what is left is done by the next round.
const ROUND_MS: (u64, u64) = (2_000, 20_000);

/// Time that whoever erases a tenant waits for a round that is under way, in milliseconds; none goes on for longer.
const LONGEST_WAIT_MS: u64 = ROUND_MS.1;

/// The share of a request's time that a look-up may take is one in so many.
const SHARE: u64 = 8;

/// What the work needs.
pub(crate) struct Keeper {
    vectors: Arc<dyn VectorIndex>,
    databases: Arc<dyn Databases>,
    background: Arc<dyn Background>,
    timer: Arc<dyn Timer>,
    clock: Arc<dyn Clock>,
    /// Tenants whose index this process is at.
    busy: Arc<Mutex<HashSet<TenantId>>>,
}

impl Keeper {
    pub(crate) fn new(
        vectors: Arc<dyn VectorIndex>,
        databases: Arc<dyn Databases>,
        background: Arc<dyn Background>,
        timer: Arc<dyn Timer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { vectors, databases, background, timer, clock, busy: Arc::default() }
    }

    /// The index of a tenant that has chosen it.
    pub(crate) fn of(&self, tenant: &TenantContext) -> Option<&dyn VectorIndex> {
        (tenant.settings().vectors.candidates == Candidates::Vectorize).then_some(&*self.vectors)
    }

    /// Removes everything of the tenant that the index may hold; see [`erase`].
    pub(crate) async fn erase(
        &self,
        tenant: &TenantContext,
        database: &dyn Database,
    ) -> Result<Option<u64>, StepError> {
        let chosen = self.of(tenant).is_some();
        // A round that is under way here would put back what is removed.
        let mut turn = Turn::take(&self.busy, tenant.id());
        for _ in 0..LONGEST_WAIT_MS / LOOK_AGAIN_MS {
            if turn.is_some() {
                break;
            }
            self.timer.sleep(LOOK_AGAIN_MS).await;
            turn = Turn::take(&self.busy, tenant.id());
        }
        erase(tenant, database, &*self.vectors, chosen).await
    }

    /// Ready when a request has waited for the index as long as it may: the rest of its time is for looking itself.
    pub(crate) fn patience(&self, tenant: &TenantContext) -> BoxFuture<'static, ()> {
        let deadline_ms = u64::try_from(tenant.settings().times.deadline_ms).unwrap_or_default();
        self.timer.sleep((deadline_ms / SHARE).max(1))
    }

    /// Begins a round of work for the tenant, unless one is under way. It ends when nothing is left to do, when the index fails,
    /// or when its time is over: the tenant's bound of consistency, within what a host allows.
    pub(crate) fn wake(&self, tenant: &TenantContext) {
        if self.of(tenant).is_none() {
            return;
        }
        let Some(turn) = Turn::take(&self.busy, tenant.id()) else { return };
        let (vectors, databases) = (Arc::clone(&self.vectors), Arc::clone(&self.databases));
        let (timer, clock, tenant) = (Arc::clone(&self.timer), Arc::clone(&self.clock), tenant.clone());
        self.background.spawn(Box::pin(async move {
            let _turn = turn;
            let bound = u64::from(tenant.settings().consistency_ms).clamp(ROUND_MS.0, ROUND_MS.1);
            let end = clock.monotonic_us().saturating_add(bound * 1000);
            let Ok(database) = databases.open(&tenant).await else { return };
            while clock.monotonic_us() < end {
                match step(&tenant, &*database, &*vectors, &*clock).await {
                    Ok(Step::Moved) => {}
                    Ok(Step::Waits) => timer.sleep(LOOK_AGAIN_MS).await,
                    Ok(Step::Done) => return,
                    Err(error) => {
                        tracing::warn!(tenant = tenant.id().as_str(), %error, "the vector index is not brought up to date");
                        return;
                    }
                }
            }
        }));
    }
}

/// The right to work on a tenant's index; given back when dropped.
struct Turn {
    busy: Arc<Mutex<HashSet<TenantId>>>,
    tenant: TenantId,
}

fn lock(busy: &Mutex<HashSet<TenantId>>) -> MutexGuard<'_, HashSet<TenantId>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn {
    fn take(busy: &Arc<Mutex<HashSet<TenantId>>>, tenant: &TenantId) -> Option<Self> {
        let free = lock(busy).insert(tenant.clone());
        free.then(|| Self { busy: Arc::clone(busy), tenant: tenant.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.busy).remove(&self.tenant);
    }
}

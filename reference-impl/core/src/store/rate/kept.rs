//! Request counts in memory, written behind to the tenants' own databases: the limiter of a host where one process serves all
//! requests of a tenant.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use futures_util::future::{Either, select};
use futures_util::lock::Mutex as AsyncMutex;

use super::local::Counts;
use super::{Admission, RouteClass, Window, counts};
use crate::ports::{Background, BoxFuture, Clock, Database, Databases, RateLimiter, Statement, Timer, Value};
use crate::store::StoreError;
use crate::tenancy::{TenantContext, TenantId};

/// How long counts lie in memory alone, in milliseconds: what a process forgets that is killed.
const BEHIND_MS: u64 = 50;
/// How long a database has to take counts, in milliseconds, before they are left for the next time.
const PATIENCE_MS: u64 = 2_000;

const READ: &str = "SELECT bucket, slot, count FROM request_counts WHERE slot BETWEEN ?1 AND ?2";
const FORGET: &str = "DELETE FROM request_counts WHERE slot < ?1 OR slot > ?2";
const WRITE: &str = "INSERT INTO request_counts (bucket, slot, count) VALUES (?1, ?2, ?3) \
     ON CONFLICT (bucket, slot) DO UPDATE SET count = excluded.count";

/// Counts each request in memory and writes the counts down a moment later, all of that moment together. What the databases
/// have is read at a tenant's first request. Every request asks its database whether it answers, with a batch of nothing, and
/// is an error where it does not.
#[derive(Clone)]
pub struct KeptCounts(Arc<Inner>);

struct Inner {
    databases: Arc<dyn Databases>,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    background: Arc<dyn Background>,
    tenants: RwLock<HashMap<TenantId, Arc<Kept>>>,
    /// Whether a writer is on its way.
    writing: AtomicBool,
    /// Held while counts are written or forgotten, so that nothing forgotten is written.
    turn: AsyncMutex<()>,
}

#[derive(Default)]
struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    /// `None` until the database was read.
    counts: Option<Counts>,
    /// Buckets and slots whose counts the database does not have yet.
    unwritten: BTreeSet<(String, i64)>,
    /// The database of the last request, and the window that it saw.
    last: Option<(Arc<dyn Database>, Window)>,
    /// Whether the database did not take what was last written.
    failed: bool,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptCounts {
    /// Counts by the tenants' time, and writes to `databases` in the `background`.
    pub fn new(
        databases: Arc<dyn Databases>,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        background: Arc<dyn Background>,
    ) -> Self {
        let (tenants, writing, turn) = (RwLock::default(), AtomicBool::new(false), AsyncMutex::new(()));
        Self(Arc::new(Inner { databases, clock, timer, background, tenants, writing, turn }))
    }

    /// Writes down what is not written yet; to be called before the process ends.
    pub async fn flush(&self) {
        self.0.write_all().await;
    }

    /// Forgets what was counted for one tenant. What its database has is read again at its next request.
    pub async fn forget(&self, tenant: &TenantId) {
        let _turn = self.0.turn.lock().await;
        self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    /// The same for all of them.
    pub async fn clear(&self) {
        let _turn = self.0.turn.lock().await;
        self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn count(&self, tenant: &TenantContext, class: RouteClass) -> Result<Admission, StoreError> {
        let database = self.0.databases.open(tenant).await?;
        database.batch_counts(Vec::new()).await?;
        let now = self.0.clock.now(tenant.id());
        let window = Window::of(tenant.settings().times.rate_window_ms, now);
        let kept = self.0.of(tenant.id());
        let (unread, failed) = {
            let state = kept.lock();
            (state.counts.is_none(), state.failed)
        };
        if unread {
            let range = vec![Value::Integer(window.oldest), Value::Integer(window.slot)];
            let answers = database.batch(vec![Statement::new(READ, range)]).await?;
            let buckets = counts(answers.first().map_or(&[], Vec::as_slice))?;
            // Of several that read at once the first one counts.
            kept.lock().counts.get_or_insert(Counts { buckets, swept: None });
        }
        if failed {
            self.0.write(&kept).await?;
        }
        let admission = {
            let mut state = kept.lock();
            let counted = state.counts.get_or_insert_default().admit(tenant, class, now);
            if let Some((names, slot)) = counted.added {
                for name in names {
                    // Most are there already.
                    let place = (name, slot);
                    if !state.unwritten.contains(&place) {
                        state.unwritten.insert(place);
                    }
                }
            }
            state.last = Some((database, window));
            counted.admission
        };
        self.0.write_soon();
        Ok(admission)
    }
}

impl Inner {
    fn of(&self, tenant: &TenantId) -> Arc<Kept> {
        if let Some(kept) = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant) {
            return Arc::clone(kept);
        }
        Arc::clone(self.tenants.write().unwrap_or_else(PoisonError::into_inner).entry(tenant.clone()).or_default())
    }

    /// Has a writer come in a moment, where none is on its way.
    fn write_soon(self: &Arc<Self>) {
        if self.writing.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = Arc::clone(self);
        self.background.spawn(Box::pin(async move {
            inner.timer.sleep(BEHIND_MS).await;
            // What is counted from here on has a writer of its own.
            inner.writing.store(false, Ordering::Release);
            inner.write_all().await;
        }));
    }

    async fn write_all(&self) {
        let all: Vec<Arc<Kept>> =
            self.tenants.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        for kept in all {
            // What a database does not take now is tried again at its tenant's next request.
            let _ = self.write(&kept).await;
        }
    }

    /// Writes what is not written of one tenant.
    async fn write(&self, kept: &Kept) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let mut owed = Owed { kept, places: BTreeSet::new() };
        let (database, statements) = {
            let mut state = kept.lock();
            let Some((database, window)) = state.last.clone() else { return Ok(()) };
            owed.places = std::mem::take(&mut state.unwritten);
            if owed.places.is_empty() {
                return Ok(());
            }
            let bounds = vec![Value::Integer(window.oldest), Value::Integer(window.slot)];
            let mut statements = vec![Statement::new(FORGET, bounds)];
            for (name, slot) in &owed.places {
                let count = state.counts.as_ref().and_then(|counts| counts.buckets.get(name)?.get(slot));
                // One that is gone from memory no longer counts.
                statements.extend(count.map(|count| {
                    let values = vec![Value::Text(name.clone()), Value::Integer(*slot), Value::Integer(*count)];
                    Statement::new(WRITE, values)
                }));
            }
            (database, statements)
        };
        let written = select(database.batch_counts(statements), self.timer.sleep(PATIENCE_MS)).await;
        match written {
            Either::Left((Ok(_), _)) => {
                owed.places.clear();
                kept.lock().failed = false;
                Ok(())
            }
            Either::Left((Err(error), _)) => Err(error.into()),
            Either::Right(_) => Err(too_late().into()),
        }
    }
}

/// Counts on their way to the database. What is left when it is dropped is to be written again.
struct Owed<'a> {
    kept: &'a Kept,
    places: BTreeSet<(String, i64)>,
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if !self.places.is_empty() {
            let mut state = self.kept.lock();
            state.failed = true;
            state.unwritten.append(&mut self.places);
        }
    }
}

fn too_late() -> crate::ports::DatabaseError {
    let reason = format!("counts were not taken within {PATIENCE_MS} ms");
    crate::ports::DatabaseError::Unavailable { reason }
}

impl RateLimiter for KeptCounts {
    fn admit<'a>(
        &'a self,
        tenant: &'a TenantContext,
        class: RouteClass,
    ) -> BoxFuture<'a, Result<Admission, StoreError>> {
        Box::pin(self.count(tenant, class))
    }
}

#[cfg(test)]
mod tests;

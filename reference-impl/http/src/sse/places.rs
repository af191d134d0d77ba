//! Places for open streams: a tenant has as many as its limits say.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Waker},
};

use reference_core::tenancy::{TenantContext, TenantId};

/// The streams that are open now, by tenant. Clones count the same streams; a deployment has one.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    open: Arc<Mutex<HashMap<TenantId, u32>>>,
    closing: Arc<Closing>,
}

/// Whether the deployment is about to end, and who waits to hear of it.
#[derive(Debug, Default)]
struct Closing {
    begun: AtomicBool,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Waker>>,
}

impl Closing {
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open stream's place, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    streams: Streams,
    tenant: TenantId,
    number: u64,
}

impl Streams {
    /// A place for one more stream of the tenant; `None` while as many are open as its `limits.concurrent_streams`.
    pub fn take(&self, tenant: &TenantContext) -> Option<Place> {
        #[cfg(feature = "sabotage")]
        give_back();
        let mut open = self.lock();
        let taken = open.get(tenant.id()).copied().unwrap_or(0);
        if taken >= tenant.settings().limits.concurrent_streams {
            return None;
        }
        open.insert(tenant.id().clone(), taken + 1);
        let number = self.closing.next.fetch_add(1, Ordering::Relaxed);
        Some(Place { streams: self.clone(), tenant: tenant.id().clone(), number })
    }

    /// Ends every stream, now and from now on, with an error event that says so: for a host that is about to stop, while their
    /// clients can still be told.
    pub fn close(&self) {
        self.closing.begun.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.closing.waiting());
        waiting.into_values().for_each(Waker::wake);
    }

    /// How many streams are open, of one tenant or of all.
    pub fn open(&self, tenant: Option<&TenantId>) -> u64 {
        let open = self.lock();
        let of = open.iter().filter(|(id, _)| tenant.is_none_or(|tenant| tenant == *id));
        of.map(|(_, taken)| u64::from(*taken)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the stream must end because its host does.
    pub(super) fn is_closing(&self) -> bool {
        self.streams.closing.begun.load(Ordering::SeqCst)
    }

    /// As [`Place::is_closing`]; where it need not, whoever polls is woken when it must.
    pub(super) fn watch(&self, context: &Context<'_>) -> bool {
        self.streams.closing.waiting().insert(self.number, context.waker().clone());
        // After the entry: whoever closes has seen it, or it sees that.
        self.is_closing()
    }
}

#[cfg(feature = "sabotage")]
impl Place {
    /// Keeps the place until the flaw that asks for it is off and another stream begins.
    pub(super) fn keep(self) {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }
}

/// Places that a flaw keeps.
#[cfg(feature = "sabotage")]
static KEPT: Mutex<Vec<Place>> = Mutex::new(Vec::new());

#[cfg(feature = "sabotage")]
fn give_back() {
    use reference_core::sabotage::{self, Sabotage};
    if !sabotage::on(Sabotage::DisconnectKeepsPlace) {
        drop(std::mem::take(&mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.closing.waiting().remove(&self.number);
        let mut open = self.streams.lock();
        match open.get_mut(&self.tenant) {
            Some(taken) if *taken > 1 => *taken -= 1,
            Some(_) | None => drop(open.remove(&self.tenant)),
        }
    }
}

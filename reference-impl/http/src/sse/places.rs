//! Places for open streams: a tenant has as many as its limits say.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use reference_core::tenancy::{TenantContext, TenantId};

/// The streams that are open now, by tenant. Clones count the same streams; a deployment has one.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    open: Arc<Mutex<HashMap<TenantId, u32>>>,
}

/// One open stream's place, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    streams: Streams,
    tenant: TenantId,
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
        Some(Place { streams: self.clone(), tenant: tenant.id().clone() })
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
        let mut open = self.streams.lock();
        match open.get_mut(&self.tenant) {
            Some(taken) if *taken > 1 => *taken -= 1,
            Some(_) | None => drop(open.remove(&self.tenant)),
        }
    }
}

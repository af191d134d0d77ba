//! Which flaw is on in this process, and the tenants that some flaws confuse.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Sabotage;
use crate::tenancy::{TenantContext, TenantSettings};

/// One more than the place in [`Sabotage::ALL`] of the flaw that is on; 0 for none.
static ON: AtomicUsize = AtomicUsize::new(0);
/// Every tenant that is configured, as of the last request.
static TENANTS: Mutex<Vec<Arc<TenantSettings>>> = Mutex::new(Vec::new());

/// Whether this flaw is on.
#[inline]
pub fn on(which: Sabotage) -> bool {
    ON.load(Ordering::Relaxed) == which as usize + 1
}

/// The flaw that is on.
pub fn current() -> Option<Sabotage> {
    Sabotage::ALL.get(ON.load(Ordering::Relaxed).checked_sub(1)?).copied()
}

/// Turns one flaw on and all others off, or all off.
pub fn set(which: Option<Sabotage>) {
    ON.store(which.map_or(0, |which| which as usize + 1), Ordering::Relaxed);
}

/// Tells which tenants there are, for the flaws that confuse them.
pub fn know(tenants: Vec<Arc<TenantSettings>>) {
    *TENANTS.lock().unwrap_or_else(PoisonError::into_inner) = tenants;
}

/// The caller as it would be in each other tenant, in the order of the tenants' ids.
pub fn others(caller: &TenantContext) -> Vec<TenantContext> {
    let tenants = TENANTS.lock().unwrap_or_else(PoisonError::into_inner);
    let others = tenants.iter().filter(|settings| settings.tenant != *caller.id());
    others.map(|settings| caller.moved_to(Arc::clone(settings))).collect()
}

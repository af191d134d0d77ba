//! One turn at a time for each session, among the requests of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use futures_util::lock::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::ids::SessionId;
use crate::tenancy::TenantId;

/// The sessions whose turns are under way or waited for.
#[derive(Default)]
pub(crate) struct Locks(Mutex<HashMap<(TenantId, SessionId), Turns>>);

/// The lock that a session's turns share, for as long as one of them holds or awaits it.
type Turns = Weak<AsyncMutex<()>>;

/// The right to a session's next turn, until it is dropped.
pub(crate) type Locked = OwnedMutexGuard<()>;

impl Locks {
    /// Waits until no other request of this process has a turn in the session. First come, first served, as nearly as the
    /// mutex is fair.
    pub(crate) async fn lock(&self, tenant: &TenantId, session: &SessionId) -> Locked {
        let mutex = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, mutex| mutex.strong_count() > 0);
            let key = (tenant.clone(), session.clone());
            let known = locks.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let mutex = Arc::new(AsyncMutex::new(()));
                locks.insert(key, Arc::downgrade(&mutex));
                mutex
            })
        };
        mutex.lock_owned().await
    }
}

//! Time as a port, a clock for each tenant.

use crate::tenancy::TenantId;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMillis = i64;

/// Tells the time. Each tenant has its own clock, so that a test can advance one tenant's time alone; timers, token expiry
/// and stores all read it.
pub trait Clock: Send + Sync {
    /// The tenant's present time; never goes back.
    fn now(&self, tenant: &TenantId) -> UnixMillis;

    /// The platform's own time, for log lines and ids of requests that have no tenant yet. Nothing about a tenant may depend
    /// on it.
    fn system(&self) -> UnixMillis;

    /// Microseconds since some fixed moment, for measuring how long things take; never goes back. It says nothing about the
    /// time of day and belongs to no tenant. A host whose clock stands still between input and output may return the same
    /// value twice.
    fn monotonic_us(&self) -> u64;
}

//! The rate limiter of a host, as a port.

use super::BoxFuture;
use crate::store::StoreError;
use crate::store::rate::{Admission, RouteClass};
use crate::tenancy::TenantContext;

/// Counts requests against the limits of their tenants. One that a limit refuses is not counted. However many ask at once, no
/// window of a limit's length admits more than the limit, and what was counted outlives the process; where that is killed, its last
/// moments may be forgotten (`contracts/decisions/0015-rate-counts-are-written-behind.md`).
pub trait RateLimiter: Send + Sync {
    /// Counts a request of `tenant`, made now by the tenant's clock, against the limits of the tenant, of its credential and of
    /// the credential's `class`: against all three, or none where one refuses.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the counts are out of reach; nothing was counted then, as far as is known.
    fn admit<'a>(
        &'a self,
        tenant: &'a TenantContext,
        class: RouteClass,
    ) -> BoxFuture<'a, Result<Admission, StoreError>>;
}

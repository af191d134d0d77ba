//! Work that outlives its request.

use super::BoxFuture;
use crate::ids::JobId;
use crate::tenancy::TenantContext;

/// Runs futures beside the request that started them.
pub trait Background: Send + Sync {
    /// Starts `work` and returns at once. Work that is lost with the process must be found again in a store (jobs are: see
    /// `crate::store`), so no outcome is reported here.
    fn spawn(&self, work: BoxFuture<'static, ()>);

    /// The tenant's jobs wait for a model: they are to be run again after a while, even if no request ever comes. For a host whose
    /// process has no timer of its own; others do as [`Platform::wake`](crate::platform::Platform::wake) says, and nothing here.
    fn wake_later<'a>(&'a self, tenant: &'a TenantContext) -> BoxFuture<'a, ()> {
        let _ = tenant;
        Box::pin(std::future::ready(()))
    }

    /// Told beside a job's work, and dropped with it: never ready. For a host that may end work without a trace, so that it learns
    /// which jobs are still at work, and queues those of which it hears nothing any more; others queue them when they start anew.
    fn watch<'a>(&'a self, tenant: &'a TenantContext, job: &'a JobId) -> BoxFuture<'a, ()> {
        let _ = (tenant, job);
        Box::pin(std::future::pending())
    }
}

//! Work that outlives its request.

use super::BoxFuture;

/// Runs futures beside the request that started them.
pub trait Background: Send + Sync {
    /// Starts `work` and returns at once. Work that is lost with the process must be found again in a store (jobs are: see
    /// `crate::store`), so no outcome is reported here.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

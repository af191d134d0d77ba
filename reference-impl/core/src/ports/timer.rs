//! Waiting, as a port.

use super::BoxFuture;

/// Lets time pass. Deadlines, pauses between repeated calls and heartbeats wait on it, so that a test decides when time is
/// over. It measures real time, also where a test has moved the clock of a tenant.
pub trait Timer: Send + Sync {
    /// Ready after `milliseconds`.
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()>;
}

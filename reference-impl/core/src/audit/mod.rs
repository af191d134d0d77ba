//! What tools were called for, by whom, and how that ended: one record a call, in a chain that shows what was taken out of it.

mod chain;
mod keys;
mod record;
mod verify;

pub use chain::{AuditError, Journal};
pub use keys::AuditKeys;
pub(crate) use record::time;
pub use record::{AuditRecord, Called, FIRST_PREVIOUS, Outcome, canonical};
pub use verify::{Broken, Verified, verify};

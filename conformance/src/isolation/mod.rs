//! The isolation matrix, made from the contract: every operation, on the caller's own object, on another tenant's and on one that
//! exists nowhere, by every kind of credential; with another tenant's canaries in the request; and with that tenant's state
//! digested before and after.

mod attempt;
mod run;
mod state;

pub use attempt::{Attempt, Caller, Check, Object, all};
pub use run::run;
pub(crate) use run::{Stop, ask};

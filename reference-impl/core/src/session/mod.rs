//! Chat sessions of a tenant: their history, how long and how much of it is kept, and one turn after the other.
//!
//! A turn holds its session from before the history is read until it is stored or given up, by a lock among the requests of
//! this process and by a lease in the tenant's database among all processes. It is stored whole or not at all.

mod codec;
mod hold;
mod locks;
mod model;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use hold::{Hold, Means, hold};
pub(crate) use locks::Locks;
pub use model::{Message, Session, SessionError, SessionSummary, Speaker};
pub use store::SessionPosition;
pub(crate) use store::{Kept, read_list, read_session, recall, remove};

//! Server-sent events: one order, one index, heartbeats, a deadline and a place for every stream, whichever operation it is of.
//!
//! A stream is polled by whoever sends it and makes nothing ahead of that, so it holds one answer at most. Dropping it ends its
//! work and frees its place.

mod event;
mod frames;
mod places;

#[cfg(feature = "testkit")]
pub(crate) use event::Writer;
pub(crate) use event::{Content, Done, Script, Start, Step};
pub(crate) use frames::{Ended, Opening, StreamLog};
pub use places::{Place, Streams};

#[cfg(test)]
mod tests;

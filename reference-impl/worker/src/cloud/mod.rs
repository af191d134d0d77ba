//! Adapters over the host's bindings beside the store. Each is in use where its binding is there.

mod ai;
mod audio;
mod cache;
mod vectorize;

pub(crate) use ai::AiFetch;
pub(crate) use audio::R2Audio;
pub(crate) use cache::KvCache;
pub(crate) use vectorize::Vectorize;

//! Models of this host.

pub mod remote;

//! The platform's domain. Core decides, adapters fetch, edges translate: nothing here opens a file or a socket, reads a
//! clock or the environment, or depends on an async runtime.

pub mod answer;
pub mod audit;
pub mod auth;
pub mod chat;
pub mod cursor;
pub mod ids;
pub mod ingest;
pub mod limits;
pub mod metrics;
pub mod platform;
pub mod policy;
pub mod ports;
mod redact;
pub mod retrieve;
pub mod sabotage;
pub mod safety;
pub mod search;
pub mod session;
pub mod speech;
pub mod store;
pub mod tenancy;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod tools;
pub mod trace;
pub mod usage;
pub mod warm;

//! The reference deployment on an operating system: what core's ports need from it, configuration, and `serve`.

pub mod clock;
pub mod cmd;
pub mod config;
pub mod control;
pub mod counters;
pub mod data_folder;
pub mod deployment;
pub mod docs;
pub mod events;
pub mod faults;
pub mod files;
#[cfg(test)]
mod host_contract;
mod host_models;
pub mod ids;
mod linger;
pub mod models;
pub mod scan;
pub mod server;
pub mod speech;
pub mod sqlite;
mod stalled;
pub mod tasks;
pub mod telemetry;
pub mod traces;

//! Scores the retrieval of a deployment over HTTP: rankings, metrics, floors.

pub mod cli;
pub mod metrics;
pub mod ranking;
pub mod report;
pub mod smoke;

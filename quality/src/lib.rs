//! Scores the retrieval of a deployment over HTTP: rankings, metrics, floors.

pub mod metrics;
pub mod ranking;

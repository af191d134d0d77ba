//! Scores the retrieval and the answers of a deployment over HTTP: rankings, metrics, baselines, floors.

pub mod answers;
pub mod baseline;
pub mod chance;
pub mod cli;
pub mod collection;
pub mod commands;
pub mod evaluate;
pub mod faults;
pub mod figures;
pub mod fill;
pub mod gate;
pub mod measure;
pub mod metrics;
pub mod ranking;
pub mod report;
pub mod safety;
pub mod session;
pub mod smoke;
pub mod tools;
pub mod trec;
pub mod wire;

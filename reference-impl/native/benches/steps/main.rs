//! What each step of a request costs, beside the limit or the peer that it is held against, in one run.
//!
//! `cargo bench -p reference-impl --bench steps`, with a part of a name behind `--` for some of them. The peer of a step stands in its group under
//! `peer/…`. The scan has a bench of its own (`dense`), and so have whole requests over sockets (`platform`).
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::allow_attributes, reason = "whether the macros need the exemption depends on their version")]

mod edge;
mod ingest;
mod requests;
mod stores;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    edge::checks,
    edge::streams,
    ingest::texts,
    ingest::models,
    stores::counts,
    stores::journal,
    requests::steps,
    requests::whole
);
criterion_main!(benches);

/// Whether benches are only proved to run.
fn quick() -> bool {
    // `cargo bench` says so; `cargo test` does not.
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--test") || !given("--bench")
}

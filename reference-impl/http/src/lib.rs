//! The HTTP edge. It decodes, makes one call into core, and encodes; it stores nothing and calls no model.
//!
//! Router, server trait and operation table in `generated` are written by `cargo run -p contracts -- generate`.

mod call;
mod console;
mod document;
mod edge;
mod mcp;
mod operation;
#[cfg(feature = "testkit")]
pub mod pieces;
mod reply;
mod service;
mod sse;
mod telemetry;

#[expect(
    clippy::pedantic,
    clippy::large_enum_variant,
    unreachable_pub,
    reason = "generated from the contract"
)]
#[rustfmt::skip]
mod generated {
    pub(crate) mod router;
    pub(crate) mod server;
    pub(crate) mod table;
}

pub use call::{BoxFuture, Call, OpenCall};
pub use document::document;
pub use edge::{BeforeCall, Edge, EdgeParts};
pub use generated::{
    server::Api,
    table::{CONTRACT_VERSION, OPERATIONS},
};
pub use operation::{Operation, RouteClass, Scopes};
pub use reply::{Audio, EventStream, Problem, Reply, Written};
pub use service::{DocsPages, Service, ServiceParts};
pub use sse::{Place, Streams};
pub use telemetry::{Measured, RequestRecord, Telemetry, WorkTelemetry};

/// The whole deployment as one axum router: every operation of the contract, and the console at the paths that the contract
/// leaves to a deployment.
pub fn router(edge: Edge) -> axum::Router {
    generated::router::routes().merge(console::routes()).with_state(edge)
}

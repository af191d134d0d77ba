//! Models behind URLs, one adapter for each kind, over one endpoint that they share.

mod chat;
mod embeddings;
mod endpoint;
mod rerank;

pub use chat::RemoteGenerator;
pub use embeddings::RemoteEmbedder;
pub use endpoint::{Endpoint, EndpointError};
pub use rerank::RemoteReranker;

#[cfg(test)]
mod tests;

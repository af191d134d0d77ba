//! Models behind URLs, as ports of core. What they are asked and what they answer is here; how bytes travel is the host's,
//! behind the port [`Fetch`], so that the same adapters serve on an operating system and in a Worker.

mod address;
mod chat;
mod embeddings;
mod endpoint;
mod fetch;
mod form;
mod host;
mod provider;
mod rerank;
mod sound;
mod speech;
mod sse;

pub use chat::ProviderModel;
pub use embeddings::ProviderEmbedder;
pub use endpoint::{Endpoint, status_error};
pub use fetch::{Fetch, FetchError, FetchRequest, FetchResponse, Header};
pub use host::HostModels;
pub use provider::{Api, Gateway, Provider, ProviderKind, Secret};
pub use rerank::ProviderReranker;
pub use speech::ProviderSpeech;

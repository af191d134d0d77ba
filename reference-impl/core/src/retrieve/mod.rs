//! A question to ranked passages, without any model text.

pub(crate) mod dense;
mod error;
mod filter;
mod fusion;
mod hashed;
pub(crate) mod index;
pub(crate) mod lexical;
mod model;
mod query_cache;
mod rerank;
mod retriever;
pub(crate) mod rows;
pub mod words;

pub use error::RetrieveError;
pub(crate) use error::database_code;
pub use filter::{Filter, FilterError};
pub use hashed::HashedEmbedder;
pub use lexical::{full_text_query, quoted_phrases};
pub use model::{CandidateScore, Degradation, Explain, RankedChunk, RetrieveRequest, RetrieveTimings, Retrieved};
pub use rerank::TermOverlap;
pub use retriever::Retriever;
pub(crate) use retriever::Sources;

//! A question to ranked passages, without any model text.

mod altered;
mod candidates;
pub(crate) mod dense;
mod elsewhere;
mod error;
mod filter;
mod fusion;
mod hashed;
pub(crate) mod index;
mod keeper;
pub(crate) mod lexical;
mod matches;
mod model;
#[cfg(feature = "testkit")]
pub mod pieces;
pub(crate) mod quantised;
mod query_cache;
mod reindex;
mod rerank;
mod retriever;
pub mod scan;
mod texts;
pub mod words;

pub use dense::{dot, shortlisted};
pub use error::RetrieveError;
pub(crate) use error::database_code;
pub use filter::{Filter, FilterError};
pub use hashed::HashedEmbedder;
pub(crate) use keeper::Keeper;
pub use lexical::{full_text_query, quoted_phrases};
pub use model::{CandidateScore, Degradation, Explain, RankedChunk, RetrieveRequest, RetrieveTimings, Retrieved};
pub use quantised::Quantised;
pub(crate) use reindex::reindex;
pub use reindex::{ReindexError, ReindexProgress, Reindexed};
pub use rerank::{Evidence, TermOverlap};
pub use retriever::Retriever;
pub(crate) use retriever::{RERANK_DEPTH, Sources};

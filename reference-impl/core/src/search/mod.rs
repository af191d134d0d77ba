//! The whole experience: query understanding, cache, retrieval, answer, confidence, follow-ups.

mod cache;
mod error;
mod intent;
mod model;
#[cfg(feature = "sabotage")]
mod sabotage;
mod searcher;
mod understand;
mod vocabulary;

pub use error::SearchError;
pub use intent::{Intent, classify};
pub use model::{CacheMode, CacheReport, QueryReport, SearchAnswer, SearchRequest, SearchTimings, Usage};
pub(crate) use searcher::{Begun, Searcher, check};
pub use understand::{Correction, Understood, understand};
pub use vocabulary::Vocabulary;

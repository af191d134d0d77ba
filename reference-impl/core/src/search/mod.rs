//! The whole experience: query understanding, cache, retrieval, answer, confidence, follow-ups.

mod cache;
mod conversation;
mod english;
mod error;
mod figures;
mod filler;
mod flight;
mod intent;
mod kept;
mod known;
#[cfg(test)]
mod measured;
mod model;
#[cfg(feature = "testkit")]
pub mod pieces;
#[cfg(feature = "sabotage")]
mod sabotage;
mod searcher;
mod shape;
mod spelling;
mod understand;
mod vocabulary;

pub use conversation::standalone;
pub use error::SearchError;
pub(crate) use figures::CacheCounters;
pub use figures::CacheFigures;
pub(crate) use flight::Flights;
pub use intent::{Intent, classify};
pub use kept::{Answered, KeptAnswer};
pub(crate) use known::Known;
pub use model::{CacheMode, CacheReport, QueryReport, SearchAnswer, SearchRequest, SearchTimings, Turn, Usage};
pub(crate) use searcher::{Begun, Searcher, check};
pub(crate) use shape::Shapes;
pub use spelling::Correction;
pub use understand::{Understood, understand};
pub use vocabulary::Vocabulary;

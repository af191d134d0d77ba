//! What core needs from the world, as object-safe traits.

mod audio;
mod background;
mod chat;
mod clock;
mod columns;
#[cfg(any(test, feature = "testkit", feature = "port-contracts"))]
pub mod contract;
mod database;
mod embedder;
mod generator;
mod ids;
mod key_value;
mod limiter;
mod model;
mod reranker;
mod scan;
mod speech;
mod timer;
mod vectors;

pub use audio::{AudioError, AudioStore, MOST_AUDIO_BYTES};
pub use background::Background;
pub use chat::{ChatCall, ChatDelta, ChatDeltas, ChatFinish, ChatMessage, ChatModel, ChatRole, ChatTool, ChatToolCall};
pub use clock::{Clock, UnixMillis};
pub(crate) use columns::Columns;
pub use database::{Database, DatabaseError, Databases, Row, Scores, Statement, Value, scores_of};
pub use embedder::{EmbedPurpose, Embedded, Embedder, EmbedderKind};
pub use generator::{
    GeneratedSentence, Generation, GenerationRequest, Generator, GeneratorKind, Passage, QuestionTerm,
};
pub use ids::Ids;
pub use key_value::{KeyValue, KeyValueError, KeyValueFigures, MemoryKeyValue, PatientKeyValue};
pub use limiter::RateLimiter;
pub use model::ModelError;
pub use reranker::{RerankCandidate, Reranked, Reranker};
pub use scan::{Codes, PortableScan, Scan};
pub use speech::{SoundChunks, SpeechCall, SpeechEncoder, SpeechFormat, SpeechProvider, SpeechVoice};
pub use timer::Timer;
pub use vectors::{FILTER_BYTES, FILTERED_BYTES, KeptVector, MOST_NEAREST, VectorError, VectorIndex};

/// A future that a port hands back: boxed, so that ports stay object-safe, and `Send`, so that any runtime may drive it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

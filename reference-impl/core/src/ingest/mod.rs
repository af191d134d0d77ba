//! Documents to chunks to index, idempotent by content hash.

pub mod chunk;
pub mod convert;
pub(crate) mod documents;
mod error;
mod known;
mod metadata;
mod model;
pub(crate) mod pipeline;
pub mod tokens;
mod write;

pub use convert::ContentType;
pub use error::IngestError;
pub use metadata::MetadataFault;
pub use model::{
    ChunkOptions, Document, DocumentInput, DocumentOutcome, DocumentStatus, DocumentSummary, IngestReport, ItemError,
    StoredChunk,
};
pub(crate) use pipeline::embedded_text;
pub use tokens::{Tokenizer, UnicodeWords};
pub(crate) use write::bump_version;

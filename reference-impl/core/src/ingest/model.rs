//! What goes into ingestion and what comes out.

use std::ops::Range;

use contract_types::ErrorCode;
use serde_json::{Map, Value as Json};

use super::convert::ContentType;
use crate::ports::UnixMillis;
use crate::redact::redacted;
use crate::tenancy::ChunkStrategy;

/// A document to ingest.
#[derive(Clone, PartialEq)]
pub struct DocumentInput {
    /// Its id, unique within the tenant.
    pub id: String,
    /// What it is written in.
    pub content_type: ContentType,
    /// Its content.
    pub content: String,
    /// Its metadata, kept to the letter.
    pub metadata: Map<String, Json>,
}

redacted!(DocumentInput { id, content_type } hides { content, metadata });

/// How a request wants documents cut; the tenant's settings stand where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkOptions {
    /// Most tokens in a chunk.
    pub size: Option<u32>,
    /// Most tokens that neighbours share.
    pub overlap: Option<u32>,
    /// How cut points are chosen.
    pub strategy: Option<ChunkStrategy>,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentStatus {
    /// It is new.
    Created,
    /// It replaced an older content.
    Updated,
    /// It was there already, with the same content, metadata and options.
    Unchanged,
    /// It could not be ingested; what was there before is still there.
    Failed,
}

impl DocumentStatus {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Unchanged, Self::Failed];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }

    /// The value of the contract's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Why one item of a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// Contract code.
    pub code: ErrorCode,
    /// What went wrong, fit for clients.
    pub message: String,
}

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentOutcome {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub status: DocumentStatus,
    /// Chunks that it has now, whatever became of the new content; 0 when it is not there.
    pub chunks: u32,
    /// `sha256:` and 64 hexadecimal digits over the content as it was sent.
    pub content_hash: String,
    /// Why it failed.
    pub error: Option<ItemError>,
}

/// What became of all documents of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestReport {
    /// In the order of the request.
    pub documents: Vec<DocumentOutcome>,
    /// The tenant's corpus version afterwards; it rises with every change.
    pub corpus_version: u64,
}

/// A stored document without its text.
#[derive(Clone, PartialEq)]
pub struct DocumentSummary {
    /// Its id.
    pub id: String,
    /// What it was written in.
    pub content_type: ContentType,
    /// See [`DocumentOutcome::content_hash`].
    pub content_hash: String,
    /// Bytes of its content, as sent.
    pub size_bytes: u64,
    /// Chunks that it has.
    pub chunks: u32,
    /// Its metadata, as sent.
    pub metadata: Map<String, Json>,
    /// When it was first ingested.
    pub created_at: UnixMillis,
    /// When its present content was ingested.
    pub updated_at: UnixMillis,
}

redacted!(DocumentSummary { id, content_type, content_hash, size_bytes, chunks, created_at, updated_at } hides { metadata });

/// A stored document.
#[derive(Clone, PartialEq)]
pub struct Document {
    /// Everything but the text.
    pub summary: DocumentSummary,
    /// The extracted text that spans point into.
    pub text: String,
}

redacted!(Document { summary } hides { text });

/// A stored chunk.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its id.
    pub id: String,
    /// Its document.
    pub document_id: String,
    /// Position within the document, from 0.
    pub ordinal: u32,
    /// UTF-8 bytes of the document's extracted text.
    pub span: Range<usize>,
    /// Tokens of `text`.
    pub tokens: u32,
    /// Its text.
    pub text: String,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
}

redacted!(StoredChunk { id, document_id, ordinal, span, tokens } hides { text, heading_path });

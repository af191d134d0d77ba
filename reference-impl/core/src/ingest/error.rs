//! Why ingestion or a look at documents failed as a whole.

use contract_types::ErrorCode;

use super::metadata::MetadataFault;
use crate::ports::{DatabaseError, ModelError};
use crate::retrieve::database_code;
use crate::safety::Blocked;

/// Why documents could not be ingested, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// More documents than the tenant may send at once.
    #[error("{found} documents in one request, at most {limit} are allowed")]
    TooManyDocuments {
        /// Documents sent.
        found: usize,
        /// The tenant's limit.
        limit: u32,
    },
    /// Two documents of one request have the same id.
    #[error("this document has the id of an earlier one in the request")]
    RepeatedId {
        /// Position of the later one, from 0.
        index: usize,
    },
    /// A document's metadata is beyond the contract's limits.
    #[error("{fault}")]
    Metadata {
        /// Position of the document, from 0.
        index: usize,
        /// What is wrong with it.
        fault: MetadataFault,
    },
    /// The chunk size is out of range.
    #[error("chunk size must be from 16 to {limit} tokens")]
    ChunkSize {
        /// The tenant's largest size.
        limit: u32,
    },
    /// The overlap is not smaller than the size.
    #[error("chunk overlap must be smaller than the chunk size of {size} tokens")]
    Overlap {
        /// The size that would hold.
        size: u32,
    },
    /// The tenant's safety rules refuse a document.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// There is no such document in the tenant.
    #[error("no such document")]
    NotFound,
    /// The embedding model that the tenant is configured with is not part of this deployment.
    #[error("embedding model `{model}` is not part of this deployment")]
    UnknownModel {
        /// Id of the model.
        model: String,
    },
    /// The corpus was embedded by another model than the present one.
    #[error("index was made by another embedding model than `{model}`")]
    IndexMismatch {
        /// The present model.
        model: String,
    },
    /// The texts could not be embedded.
    #[error("documents could not be embedded")]
    Model(#[from] ModelError),
    /// The tenant's database could not be used.
    #[error("documents could not be stored or read")]
    Database(#[from] DatabaseError),
}

impl IngestError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyDocuments { .. }
            | Self::RepeatedId { .. }
            | Self::Metadata { .. }
            | Self::ChunkSize { .. }
            | Self::Overlap { .. } => ErrorCode::ValidationError,
            Self::Blocked(blocked) => blocked.code(),
            Self::NotFound => ErrorCode::NotFound,
            Self::UnknownModel { .. } => ErrorCode::UpstreamUnavailable,
            Self::IndexMismatch { .. } => ErrorCode::IndexMismatch,
            Self::Model(error) => error.code(),
            Self::Database(error) => database_code(error),
        }
    }

    /// JSON pointer to the part of the request that is at fault, when a part is.
    pub fn pointer(&self) -> Option<String> {
        match self {
            Self::TooManyDocuments { .. } => Some("/documents".to_owned()),
            Self::RepeatedId { index } => Some(format!("/documents/{index}/id")),
            Self::Metadata { index, .. } => Some(format!("/documents/{index}/metadata")),
            Self::ChunkSize { .. } => Some("/options/size".to_owned()),
            Self::Overlap { .. } => Some("/options/overlap".to_owned()),
            Self::Blocked(_)
            | Self::NotFound
            | Self::UnknownModel { .. }
            | Self::IndexMismatch { .. }
            | Self::Model(_)
            | Self::Database(_) => None,
        }
    }
}

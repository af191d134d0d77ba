//! Why ingestion or a look at documents failed as a whole.

use contract_types::ErrorCode;

use crate::ports::{DatabaseError, ModelError};
use crate::retrieve::database_code;

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
            Self::TooManyDocuments { .. } | Self::ChunkSize { .. } | Self::Overlap { .. } => ErrorCode::ValidationError,
            Self::NotFound => ErrorCode::NotFound,
            Self::UnknownModel { .. } => ErrorCode::UpstreamUnavailable,
            Self::IndexMismatch { .. } => ErrorCode::IndexMismatch,
            Self::Model(error) => error.code(),
            Self::Database(error) => database_code(error),
        }
    }

    /// JSON pointer to the part of the request that is at fault, when a part is.
    pub fn pointer(&self) -> Option<&'static str> {
        match self {
            Self::TooManyDocuments { .. } => Some("/documents"),
            Self::ChunkSize { .. } => Some("/options/size"),
            Self::Overlap { .. } => Some("/options/overlap"),
            Self::NotFound
            | Self::UnknownModel { .. }
            | Self::IndexMismatch { .. }
            | Self::Model(_)
            | Self::Database(_) => None,
        }
    }
}

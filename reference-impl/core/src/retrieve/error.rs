//! Why retrieval gave nothing.

use contract_types::ErrorCode;

use super::filter::FilterError;
use crate::ports::{DatabaseError, ModelError};

/// Why passages could not be retrieved.
#[derive(Debug, thiserror::Error)]
pub enum RetrieveError {
    /// The filter is not understood.
    #[error("filter is not valid")]
    Filter(#[from] FilterError),
    /// The request asks for a reranker and the tenant has none.
    #[error("reranking is not enabled")]
    RerankNotEnabled,
    /// Query and index are embedded by different models; their vectors must not be compared.
    #[error("index was made by `{index}`, queries by `{query}`")]
    IndexMismatch {
        /// Model and dimensions of the index, as `model/dimensions`.
        index: String,
        /// Model and dimensions of the query, as `model/dimensions`.
        query: String,
    },
    /// The embedding model that the tenant is configured with is not part of this deployment.
    #[error("embedding model `{model}` is not part of this deployment")]
    UnknownModel {
        /// Id of the model.
        model: String,
    },
    /// The tenant's database could not be read.
    #[error("corpus could not be read")]
    Database(#[from] DatabaseError),
    /// An embedding is needed and there is none.
    #[error("query could not be embedded")]
    Model(#[from] ModelError),
}

impl RetrieveError {
    /// Contract code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Filter(_) => ErrorCode::ValidationError,
            Self::RerankNotEnabled => ErrorCode::CapabilityNotEnabled,
            Self::IndexMismatch { .. } => ErrorCode::IndexMismatch,
            Self::UnknownModel { .. } => ErrorCode::UpstreamUnavailable,
            Self::Database(error) => database_code(error),
            Self::Model(error) => error.code(),
        }
    }
}

/// Contract code of a database error that no caller expected.
pub(crate) fn database_code(error: &DatabaseError) -> ErrorCode {
    match error {
        DatabaseError::Unavailable { .. } => ErrorCode::UpstreamUnavailable,
        DatabaseError::GuardFailed { .. } | DatabaseError::Refused { .. } => ErrorCode::InternalError,
    }
}

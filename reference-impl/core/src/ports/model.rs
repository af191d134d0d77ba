//! Why a call to any model failed.

/// Why a model gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The model could not be reached, or is out of service.
    #[error("model `{model}` is unavailable: {reason}")]
    Unavailable {
        /// Id of the model.
        model: String,
        /// What its host said; goes to the log, never to a client.
        reason: String,
    },
    /// The model's host did not take the call, so that nothing was done: nobody listens, it has no room, or it is left alone
    /// after failures. Making the call again has no second effect.
    #[error("model `{model}` did not take the call: {reason}")]
    Refused {
        /// Id of the model.
        model: String,
        /// What its host said; goes to the log, never to a client.
        reason: String,
        /// When its host wants to be asked again, in milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// The model's host finds fault with the call itself or with our key, which asking again cannot help.
    #[error("model `{model}` rejected the call: {reason}")]
    Rejected {
        /// Id of the model.
        model: String,
        /// What its host said; goes to the log, never to a client.
        reason: String,
    },
    /// The model did not answer in time.
    #[error("model `{model}` did not answer within {after_ms} ms")]
    TimedOut {
        /// Id of the model.
        model: String,
        /// Time that it had, in milliseconds.
        after_ms: u64,
    },
    /// The model answered with something that does not fit the port: a wrong number of vectors, a wrong length.
    #[error("model `{model}` answered with something unusable: {reason}")]
    Unusable {
        /// Id of the model.
        model: String,
        /// What was wrong; goes to the log, never to a client.
        reason: String,
    },
    /// The tenant has no tokens left today; the model was not called.
    #[error("the tenant's tokens of today are used up, so model `{model}` was not called")]
    BudgetExceeded {
        /// Id of the model.
        model: String,
        /// Seconds until the next day begins, rounded up.
        retry_after_s: u64,
    },
}

impl ModelError {
    /// A vector with values that cannot be compared.
    pub(crate) fn not_finite(model: &str) -> Self {
        let reason = "a vector holds a value that is not a finite number (NaN or infinite)".to_owned();
        Self::Unusable { model: model.to_owned(), reason }
    }

    /// Whether the model may answer the same call at another time.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Refused { .. } | Self::TimedOut { .. } => true,
            Self::Rejected { .. } | Self::Unusable { .. } | Self::BudgetExceeded { .. } => false,
        }
    }

    /// Contract code.
    pub fn code(&self) -> contract_types::ErrorCode {
        match self {
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Rejected { .. } | Self::Unusable { .. } => {
                contract_types::ErrorCode::UpstreamUnavailable
            }
            Self::TimedOut { .. } => contract_types::ErrorCode::UpstreamTimeout,
            Self::BudgetExceeded { .. } => contract_types::ErrorCode::BudgetExceeded,
        }
    }
}

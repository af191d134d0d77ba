//! Why a call to the API failed.

use std::time::Duration;

/// A failed call. No variant holds a token, a request's body or a secret.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API refused: its status, code and message.
    #[error("{call} answered {status}: {message} (code {code})")]
    Refused {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// First code of its errors, 0 where it gave none.
        code: i64,
        /// First message of its errors.
        message: String,
    },
    /// It was busy for longer than we wait.
    #[error("{call} answered 429 for too long; wait {} s and try again", wait.as_secs())]
    Busy {
        /// Method and path.
        call: String,
        /// What the API asked for last.
        wait: Duration,
    },
    /// No answer within the time. The call may have taken effect.
    #[error("{0} gave no answer in time")]
    TimedOut(String),
    /// The connection could not be made or broke. The call may have taken effect.
    #[error("{0} could not be sent, or its answer not be read")]
    Broken(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not what the API documents.
    #[error("{0} gave an answer that is not understood: expected {1}")]
    Strange(String, String),
    /// The address or the token cannot be used.
    #[error("{0}")]
    Unusable(&'static str),
}

impl ApiError {
    /// Whether the thing asked for does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the token may not do this.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. })
    }

    /// Whether the call may have taken effect although it failed.
    pub fn is_open(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Broken(..) => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Busy { .. } | Self::Strange(..) | Self::Unusable(_) => false,
        }
    }
}

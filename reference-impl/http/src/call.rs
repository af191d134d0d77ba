//! What a handler is given: the caller, and the request's decoded parts.

use std::sync::{Arc, OnceLock};

use axum::http::HeaderMap;
use reference_core::tenancy::TenantContext;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reply::{Failed, Problem};

pub use reference_core::ports::BoxFuture;

/// A call by an authenticated caller.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller's tenant, proved.
    pub tenant: TenantContext,
    /// Correlates request, log line and answer.
    pub request_id: String,
    /// W3C trace that the request belongs to.
    pub trace_id: String,
    /// The request's headers, for protocols that repeat in them what the body says.
    pub(crate) headers: Arc<HeaderMap>,
    /// What went wrong, where the answer tells it in a form of its own.
    pub(crate) noted: Arc<OnceLock<Failed>>,
}

impl Call {
    /// Tells the log of a failure that the answer has a body of its own for. The first one counts.
    pub(crate) fn note(&self, problem: Problem) {
        // A call fails once.
        let _ = self.noted.set(Failed::told(problem));
    }
}

/// A call of an open operation.
#[derive(Debug, Clone)]
pub struct OpenCall {
    /// Correlates request, log line and answer.
    pub request_id: String,
}

/// The request's parameters and body, validated against the contract.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    pub(crate) parameters: Value,
    pub(crate) body: Value,
}

impl Input {
    /// The operation's own parameters.
    pub(crate) fn parameters<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(self.parameters.clone()).map_err(|error| Problem::internal(&error))
    }

    /// The body. A value that fits its schema fits its type: both come from the same contract.
    pub(crate) fn body<T: DeserializeOwned>(self) -> Result<T, Problem> {
        serde_json::from_value(self.body).map_err(|error| Problem::internal(&error))
    }
}

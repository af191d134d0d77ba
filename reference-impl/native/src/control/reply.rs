//! Answers of the control API.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Why a request was refused: a `ControlError`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    pointer: Option<String>,
}

impl Refusal {
    pub(super) fn invalid(pointer: Option<&str>, message: impl Into<String>) -> Self {
        let pointer = pointer.map(str::to_owned);
        Self { status: StatusCode::BAD_REQUEST, code: "INVALID", message: message.into(), pointer }
    }

    pub(super) fn not_found(what: &str) -> Self {
        let message = format!("there is no such {what}");
        Self { status: StatusCode::NOT_FOUND, code: "NOT_FOUND", message, pointer: None }
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, code: "CONFLICT", message: message.into(), pointer: None }
    }

    pub(super) fn failed(error: &dyn std::fmt::Display) -> Self {
        let (status, message) = (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        Self { status, code: "FAILED", message, pointer: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message: String = self.message.chars().take(1000).collect();
        let mut error = json!({"code": self.code, "message": message});
        if let Some(pointer) = self.pointer {
            error["pointer"] = json!(pointer);
        }
        json_response(self.status, &json!({ "error": error }))
    }
}

/// `value` as the body of an answer.
pub(super) fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

/// A request body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(Some(""), format!("the body does not fit: {error}")))
}

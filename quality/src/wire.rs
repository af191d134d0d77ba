//! The way to the target: one tenant's credential, the pace of the profile, and a seeded fault where the gate is to be tried.

use harness::{
    client::{Client, ClientError, Exchange, Request},
    credential::Credential,
    pace::Pace,
    seed::send_patiently,
};
use serde_json::Value;

use crate::faults::Fault;

/// Why a run could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target stopped answering.
    #[error("the target stopped answering: {0}")]
    Client(#[from] ClientError),
    /// The target answers, but not as a run needs it.
    #[error("{request}: expected {expected}, found status {status}: {body}")]
    Refused {
        /// Method, path and tenant of the request.
        request: String,
        /// What was expected.
        expected: String,
        /// Status of the answer.
        status: u16,
        /// The beginning of its body.
        body: String,
    },
    /// Documents could not be ingested.
    #[error("documents of `{collection}` failed to ingest: {ids}")]
    Failed {
        /// The collection.
        collection: String,
        /// Their ids and reasons.
        ids: String,
    },
    /// The target lacks what the run needs.
    #[error("{0}")]
    Missing(String),
}

impl RunError {
    /// The exit code that it leads to.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Client(_) => harness::exit::UNREACHABLE,
            Self::Refused { .. } | Self::Failed { .. } => harness::exit::FAILED,
            Self::Missing(_) => harness::exit::USAGE,
        }
    }
}

/// A connection as one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a> {
    /// The client.
    pub client: &'a Client,
    /// The tenant's credential.
    pub credential: &'a Credential,
    /// How hard the target may be pressed.
    pub pace: &'a Pace,
    /// What is wrong on the way, where the gate is being tried.
    pub fault: Option<&'a Fault>,
    /// The credential of another tenant, for the fault that mixes tenants.
    pub stranger: Option<&'a Credential>,
    /// Seed of what the fault picks.
    pub seed: u64,
}

impl Wire<'_> {
    /// Sends a request as the tenant, in its turn and again when the target asks for patience.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no response.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Exchange, ClientError> {
        let body = match (self.fault, body) {
            (Some(fault), Some(body)) => Some(fault.of_request(path, body)),
            (_, body) => body,
        };
        let mut exchange = self.send_as(self.credential, method, path, body.as_ref()).await?;
        if let Some(fault) = self.fault {
            if let (true, Some(stranger)) = (fault.mixes_tenants(path), self.stranger) {
                let other = self.send_as(stranger, method, path, body.as_ref()).await?;
                Fault::mix(&mut exchange, &other);
            }
            fault.of_response(path, &mut exchange, self.seed);
        }
        Ok(exchange)
    }

    async fn send_as(
        &self,
        credential: &Credential,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Exchange, ClientError> {
        self.pace.request().await;
        let request = Request::new(method, path).bearer(&credential.secret);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        send_patiently(self.client, &request).await
    }

    /// As [`Wire::send`], for an answer that must be 200 with JSON of the given type.
    ///
    /// # Errors
    ///
    /// [`RunError`] when it is not.
    pub async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, RunError> {
        let exchange = self.send(method, path, body).await?;
        let refused = |expected: String| RunError::Refused {
            request: format!("{method} {path} of `{}`", self.credential.tenant),
            expected,
            status: exchange.response.status,
            body: String::from_utf8_lossy(&exchange.response.body).chars().take(300).collect(),
        };
        if exchange.response.status != 200 {
            return Err(refused("status 200".to_owned()));
        }
        serde_json::from_slice(&exchange.response.body)
            .map_err(|error| refused(format!("a body that fits the contract ({error})")))
    }
}

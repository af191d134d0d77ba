//! Sends requests at the profile's pace, judges what comes back, and keeps cases apart that would disturb each other.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    client::{ClientError, Exchange, Flow, Request, Response},
    seed,
};
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};

use super::Session;
pub use super::apart::Guard;

/// Most attempts of a request that is refused for being one too many.
const ATTEMPTS: usize = 6;

/// The right to send something.
#[derive(Debug)]
pub struct Turn<'a> {
    _beginning: Option<SemaphorePermit<'a>>,
    _case: Option<SemaphorePermit<'a>>,
    _tenants: Vec<OwnedSemaphorePermit>,
}

/// A judged exchange.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The exchange.
    pub exchange: Exchange,
    /// Departures from the contract, and canaries of other tenants.
    pub problems: Vec<String>,
}

impl Session {
    /// Sends a request of `tenant` and judges the response. `patient` waits and asks again when it was one too many.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn send(&self, request: &Request, tenant: Option<&str>, patient: bool) -> Result<Judged, ClientError> {
        self.read(request, tenant, patient, |_, _, _| Flow::On).await
    }

    /// As [`Session::send`], telling `each` of every piece of a body as it arrives.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn read<F>(
        &self,
        request: &Request,
        tenant: Option<&str>,
        patient: bool,
        mut each: F,
    ) -> Result<Judged, ClientError>
    where
        F: FnMut(&Response, Duration, &[u8]) -> Flow + Send,
    {
        let mut attempt = 1;
        let exchange = loop {
            self.pace.request().await;
            let exchange = match self.client.watch(request, self.bounds, &mut each).await {
                // A server may refuse a large body before it has read it; whether the answer is seen is a race.
                Err(ClientError::Broken(_))
                    if attempt < 3 && request.body.as_ref().is_some_and(|b| b.len() > 1 << 16) =>
                {
                    attempt += 1;
                    continue;
                }
                sent => sent?,
            };
            match seed::retry_after(&exchange) {
                Some(wait) if patient && attempt < ATTEMPTS => tokio::time::sleep(wait).await,
                _ => break exchange,
            }
            attempt += 1;
        };
        if let Some(operation) = self.judge.operation(&request.method, request.path())
            && let Ok(mut coverage) = self.coverage.lock()
        {
            coverage.exchange(&self.contract, operation, request, exchange.response.status);
        }
        let violations = self.judge.violations(&exchange).into_iter().map(|violation| violation.to_string());
        let leaks = self.scanner.leaks(tenant, &exchange).into_iter().map(|leak| leak.to_string());
        let problems = violations.chain(leaks).collect();
        Ok(Judged { exchange, problems })
    }

    /// Waits until a case of these tenants may begin. Held while it sends, and not while it waits for a time to pass.
    pub async fn turn(&self, tenants: &BTreeSet<String>) -> Turn<'_> {
        let beginning = self.pace.beginning().await;
        Turn { _beginning: beginning, ..self.turn_again(tenants).await }
    }

    /// As [`Session::turn`] for a case that has begun and waited: it goes on before others begin, so that what it waited for is
    /// not over.
    pub async fn turn_again(&self, tenants: &BTreeSet<String>) -> Turn<'_> {
        let tenants = self.pace.tenants(tenants).await;
        Turn { _beginning: None, _case: self.pace.case().await, _tenants: tenants }
    }

    /// Waits until a case may run without any other.
    pub async fn guard_all(&self) -> Guard {
        self.apart.guard_all().await
    }

    /// Waits until a case may run beside others of these tenants, or without them where `alone` says so.
    pub async fn guard(&self, tenants: &BTreeSet<String>, alone: impl Fn(&str) -> bool) -> Guard {
        self.apart.guard(tenants, alone).await
    }
}

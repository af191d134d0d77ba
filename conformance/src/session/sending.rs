//! Sends requests at the profile's pace, judges what comes back, and keeps cases apart that would disturb each other.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    client::{ClientError, Exchange, Flow, Request, Response},
    seed,
};
use tokio::sync::{OwnedSemaphorePermit, RwLockReadGuard, RwLockWriteGuard, SemaphorePermit};

use super::Session;

/// Most attempts of a request that is refused for being one too many.
const ATTEMPTS: usize = 6;

/// What keeps a case and others of its tenants apart.
#[derive(Debug)]
pub enum Guard<'a> {
    /// Beside others.
    Shared(RwLockReadGuard<'a, ()>),
    /// Alone.
    Alone(RwLockWriteGuard<'a, ()>),
}

/// The right to send something.
#[derive(Debug)]
pub struct Turn<'a> {
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

    /// Waits until a case of these tenants may send something. Held while it does, and not while it waits for a time to pass.
    pub async fn turn(&self, tenants: &BTreeSet<String>) -> Turn<'_> {
        let tenants = self.pace.tenants(tenants).await;
        Turn { _case: self.pace.case().await, _tenants: tenants }
    }

    /// Waits until a case may run beside others of these tenants, or without them where `alone` says so.
    pub async fn guard<'a>(&'a self, tenants: &BTreeSet<String>, alone: impl Fn(&str) -> bool) -> Vec<Guard<'a>> {
        let mut guards = Vec::new();
        // In the order of their names, so that two cases never wait for each other.
        for (tenant, lock) in tenants.iter().filter_map(|tenant| self.locks.get_key_value(tenant)) {
            let guard = if alone(tenant) { Guard::Alone(lock.write().await) } else { Guard::Shared(lock.read().await) };
            guards.push(guard);
        }
        guards
    }
}

//! The server that somebody else's document is held against.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use contracts::{catalogue::Case, model::Foreign};
use fixtures::Fixtures;
use harness::{
    client::{Bounds, Client, ClientError, Request},
    judge::Judge,
    pace::Pace,
    prepare::PrepareError,
    profile::{self, Sources},
    redact::Redactor,
    root,
    target::Target,
};

use super::{Against, expected, record::Found, request};
use crate::{
    engine::Options,
    outcome::{Ending, Outcome},
};

/// Requests at once and in a second where no profile says how hard a server may be pressed.
const PACE: contract_types::PaceProfile =
    contract_types::PaceProfile { requests_per_second: 200.0, concurrency: 4, tenant_concurrency: None };

/// A server, and what is needed to ask and judge it. A started one is stopped when this is dropped.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) pace: Pace,
    pub(super) redactor: Redactor,
    pub(super) notes: Mutex<Vec<String>>,
    client: Client,
    judge: Judge,
    headers: Vec<(String, String)>,
    _target: Option<Target>,
}

impl Server {
    /// Takes the server at the given address, or the one of a profile.
    pub(super) fn open(options: &Options, against: &Against, foreign: &Foreign) -> Result<Self, PrepareError> {
        let usage = |error: &dyn std::fmt::Display| PrepareError::Usage(error.to_string());
        let variable = |name: &str| std::env::var(name).ok();
        let bounds = Bounds::of_run(variable).map_err(|error| usage(&error))?;
        let mut headers = against.headers.clone();
        let (name, base, pace, target) = if let Some(url) = &against.url {
            (name_of(against), url.trim_end_matches('/').to_owned(), Pace::new(Some(&PACE)), None)
        } else {
            let fixtures = Fixtures::load(&root::fixtures_root()).map_err(|error| usage(&error))?;
            let read = profile::find(&options.target).map_err(|error| usage(&error))?;
            let sources = Sources { root: &read.base(), fixtures: &fixtures, variable: &variable };
            let resolved = profile::resolve(&read, sources).map_err(|error| usage(&error))?;
            let main = resolved.spec.tenants.first().map(|tenant| tenant.0.clone()).unwrap_or_default();
            let authorized = headers.iter().any(|(name, _)| name == "authorization");
            if let Some(credential) = resolved.credential(&main, "all").filter(|_| !authorized) {
                headers.push(("authorization".to_owned(), format!("Bearer {}", credential.secret.expose())));
            }
            let target = Target::open(&resolved, &read.base());
            let target = target.map_err(|error| PrepareError::Unreachable(error.to_string()))?;
            let pace = Pace::new(Some(resolved.spec.pace.as_ref().unwrap_or(&PACE)));
            (resolved.spec.name.clone(), target.base_url.clone(), pace, Some(target))
        };
        if let Some(most) = options.max_requests {
            pace.stop_after(most);
        }
        let mut redactor = Redactor::new();
        for (name, value) in &headers {
            redactor.add(value, &format!("[{name}]"));
        }
        Ok(Self {
            client: Client::new(&base, bounds).map_err(|error| usage(&error))?,
            judge: Judge::foreign(&foreign.contract),
            notes: Mutex::default(),
            name,
            base,
            pace,
            redactor,
            headers,
            _target: target,
        })
    }

    /// Finds out whether anybody is there.
    pub(super) async fn knock(&self) -> Result<(), ClientError> {
        match self.client.send(&Request::new("GET", "/")).await {
            // Whatever it answers, or how badly: it is there.
            Ok(_) | Err(ClientError::Broken(_) | ClientError::TimedOut(_)) => Ok(()),
            Err(error @ (ClientError::Unreachable { .. } | ClientError::Address { .. } | ClientError::Request(_))) => {
                Err(error)
            }
        }
    }

    /// Runs one case.
    pub(super) async fn run(&self, foreign: &Foreign, case: Case) -> Found {
        let Some(operation) = foreign.contract.operation(&case.operation) else {
            let ending = Ending::Error(format!("the document has no operation `{}`", case.operation));
            return Found { case, outcome: Outcome::of(ending) };
        };
        let request = request::of(&foreign.contract, operation, &case, &self.headers);
        self.pace.request().await;
        let began = Instant::now();
        let outcome = match self.client.send(&request).await {
            Ok(exchange) => {
                let status = exchange.response.status;
                let violations = self.judge.violations(&exchange).into_iter().map(|violation| violation.to_string());
                let problems: Vec<String> =
                    expected::problem(&case, operation, status).into_iter().chain(violations).collect();
                Outcome::judged(&problems, exchange)
            }
            Err(error) => Outcome::no_response(&error),
        };
        Found { case, outcome: Outcome { took: began.elapsed(), ..outcome } }
    }

    /// Notes that cases were left out.
    pub(super) fn left_out(&self, left: usize, why: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(format!("{why}; {left} tests were not run"));
    }
}

/// A name for the record: the document's file, in the letters of a target's name.
fn name_of(against: &Against) -> String {
    let stem = against.contract.as_deref().and_then(std::path::Path::file_stem).unwrap_or_default().to_string_lossy();
    let letters: String =
        stem.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name: String = letters.trim_matches('-').chars().take(60).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "foreign".to_owned() } else { name.to_owned() }
}

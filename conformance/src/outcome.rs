//! How a test ended, and what the profile makes of it.

use std::time::Duration;

use contract_types::{CaseRecord, CaseRecordOutcome, KnownFailure};
use harness::{client::Exchange, curl, record};

use crate::{session::Session, suite::Test};

/// How a test ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// The target did as it should.
    Pass,
    /// The target was wrong.
    Fail(String),
    /// The harness broke, or the target went out of reach.
    Error(String),
    /// The target does not declare what the test needs.
    NotApplicable(String),
}

/// How a test ended, with the exchange that decided it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// The decisive exchange.
    pub exchange: Option<Exchange>,
    /// A shell script that leads to it, where one command alone does not.
    pub script: Option<String>,
    /// Whether the target could not be reached.
    pub unreachable: bool,
    /// What was measured, where it did as it should.
    pub note: Option<String>,
    /// How long it took, without waiting for its turn.
    pub took: Duration,
}

impl Outcome {
    /// An outcome without an exchange.
    pub fn of(ending: Ending) -> Self {
        Self { ending, exchange: None, script: None, unreachable: false, note: None, took: Duration::ZERO }
    }

    /// A failure, or a pass when there are no problems.
    pub fn judged(problems: &[String], exchange: Exchange) -> Self {
        let ending = if problems.is_empty() { Ending::Pass } else { Ending::Fail(problems.join("; ")) };
        Self { exchange: Some(exchange), ..Self::of(ending) }
    }

    /// No response.
    pub fn no_response(error: &harness::client::ClientError) -> Self {
        use harness::client::ClientError;
        let unreachable = matches!(error, ClientError::Unreachable { .. });
        let ending = match error {
            // A target that hangs up or never ends is wrong; one that is not there is none.
            ClientError::Broken(_) | ClientError::TimedOut(_) => Ending::Fail(error.to_string()),
            ClientError::Unreachable { .. } | ClientError::Address { .. } | ClientError::Request(_) => {
                Ending::Error(error.to_string())
            }
        };
        Self { unreachable, ..Self::of(ending) }
    }
}

/// The entry of a profile that covers `id`.
fn known<'a>(entries: &'a [KnownFailure], id: &str) -> Option<&'a KnownFailure> {
    entries.iter().find(|entry| match entry.case.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => entry.case == id,
    })
}

/// Makes the record of a test.
pub fn record(session: &Session, test: &Test, outcome: &Outcome, attempts: u64) -> CaseRecord {
    let id = test.id();
    let entries = session.profile.spec.known_failures.as_deref().unwrap_or_default();
    let known = known(entries, &id);
    let expired = known.filter(|entry| entry.expires < record::today());
    let (kind, message, reason) = match (&outcome.ending, known) {
        (Ending::NotApplicable(reason), _) => (CaseRecordOutcome::NotApplicable, None, Some(reason.clone())),
        (Ending::Error(message), _) => (CaseRecordOutcome::Error, Some(message.clone()), None),
        (Ending::Pass, None) => (CaseRecordOutcome::Pass, None, None),
        (Ending::Pass, Some(entry)) => {
            let message =
                format!("passes, but the profile lists `{}` as a known failure; take the entry out", entry.case);
            (CaseRecordOutcome::Fail, Some(message), Some(entry.reason.clone()))
        }
        (Ending::Fail(message), Some(entry)) if expired.is_none() => {
            (CaseRecordOutcome::KnownFailure, Some(message.clone()), Some(entry.reason.clone()))
        }
        (Ending::Fail(message), entry) => {
            let expired =
                entry.map(|entry| format!("; its known failure expired on {}", entry.expires)).unwrap_or_default();
            (CaseRecordOutcome::Fail, Some(format!("{message}{expired}")), entry.map(|entry| entry.reason.clone()))
        }
    };
    let shown = !matches!(kind, CaseRecordOutcome::Pass | CaseRecordOutcome::NotApplicable);
    let exchange = outcome.exchange.as_ref().filter(|_| shown);
    let (request, response) = exchange.map(|exchange| record::exchange(exchange, &session.redactor)).unzip();
    let alone = || exchange.map(|exchange| curl::command(exchange, &session.profile.credentials, &session.redactor));
    let command = outcome.script.clone().filter(|_| shown).or_else(alone);
    let reached = || {
        let request = outcome.exchange.as_ref().map(|exchange| &exchange.request)?;
        session.judge.operation(&request.method, request.path()).map(str::to_owned)
    };
    let operation = match test {
        Test::Generated(case) => Some(case.operation.clone()),
        Test::Isolation(attempt) => Some(attempt.operation.clone()),
        Test::Written(_) => reached(),
        Test::Property(property) => property.operation().map(str::to_owned),
        Test::Probe(probe) => Some(probe.operation().to_owned()),
        Test::Log(_) => None,
    };
    let rule = test.rule().map(str::to_owned);
    CaseRecord {
        id,
        kind: test.kind(),
        operation,
        rule,
        level: test.level(),
        outcome: kind,
        duration_ms: (outcome.took.as_secs_f64() * 1e6).round() / 1e3,
        message: message.map(|message| record::cut(&session.redactor.clean(&message), 8000).0),
        curl: command.map(|command| record::cut(&command, 16000).0),
        request,
        response,
        reason: reason.or_else(|| outcome.note.clone()).map(|reason| record::cut(&reason, 1000).0),
        attempts: (attempts > 1).then_some(attempts),
    }
}

//! Probes: measurements of time. They tell what they found and never decide, because a busy machine can blur any of them.

mod speed;
mod telling;

use std::time::{Duration, Instant};

use contract_types::{CaseRecordLevel, Feature};
use contracts::{Contract, model::Location};
use harness::client::{Exchange, Request};
use serde_json::json;

use crate::{
    isolation,
    outcome::{Ending, Outcome},
    session::Session,
};

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    id: String,
    rule: &'static str,
    operation: String,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Whether the time tells an object of another tenant from one that exists nowhere.
    ForeignObject,
    /// Whether the time tells a query that another tenant asked from one that nobody asked.
    ForeignQuery,
    /// How quick a stored answer is.
    StoredAnswer,
    /// What finding and checking the tenant costs.
    TenantCheck,
    /// How soon the first token comes.
    FirstToken,
    /// Whether a flood of one tenant takes another's share.
    Shares,
}

/// Why nothing was measured.
enum Stop {
    NotApplicable(String),
    Refused(String),
    Wrong(Box<(String, Exchange)>),
    NoResponse(harness::client::ClientError),
}

/// What a probe has measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The figure that decides, in the probe's own unit: the larger, the worse.
    pub figure: f64,
    /// Whether it is worse than the rule asks for.
    pub bad: bool,
    /// All figures, for a person.
    pub text: String,
}

/// Every probe of `contract`.
pub fn all(contract: &Contract) -> Vec<Probe> {
    let probe = |id: String, rule, operation: &str, what| Probe { id, rule, operation: operation.to_owned(), what };
    let named = contract.operations.iter().filter(|operation| {
        let in_path = |parameter: &contracts::model::Parameter| parameter.location == Location::Path;
        operation.method == "GET" && operation.own_parameters().any(in_path) && !operation.path.starts_with("/tools")
    });
    let mut all: Vec<Probe> = named
        .map(|operation| {
            probe(format!("probe/{}/foreign-or-missing", operation.id), "TEN-013", &operation.id, What::ForeignObject)
        })
        .collect();
    all.extend([
        probe("probe/search/asked-by-another".to_owned(), "TEN-013", "search", What::ForeignQuery),
        probe("probe/search/stored-answer".to_owned(), "SPD-001", "search", What::StoredAnswer),
        probe("probe/get_capabilities/tenant-check".to_owned(), "SPD-002", "get_capabilities", What::TenantCheck),
        probe("probe/chat/first-token".to_owned(), "SPD-003", "chat", What::FirstToken),
        probe("probe/retrieve/shares-under-a-flood".to_owned(), "SPD-004", "retrieve", What::Shares),
    ]);
    all
}

impl Probe {
    /// Its stable id, in the alphabet of run records.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its kind, as records name it.
    pub fn kind(&self) -> &'static str {
        "probe"
    }

    /// The rule that it looks at.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// The operation that it is about.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// How binding its rule is.
    pub fn level(&self) -> CaseRecordLevel {
        CaseRecordLevel::Should
    }

    /// Cases of the catalogue that it is a part of.
    pub fn catalogue(&self) -> &'static [&'static str] {
        match self.what {
            What::ForeignObject => &["ML-06"],
            What::ForeignQuery => &["SC-08"],
            What::StoredAnswer | What::TenantCheck | What::FirstToken | What::Shares => &[],
        }
    }

    /// Measures, and makes an outcome of it.
    pub async fn run(&self, session: &Session) -> Outcome {
        let began = Instant::now();
        let outcome = match self.measure(session).await {
            Ok(Finding { bad: false, text, .. }) => Outcome { note: Some(text), ..Outcome::of(Ending::Pass) },
            Ok(Finding { bad: true, text, .. }) => Outcome::of(Ending::Fail(text)),
            Err(outcome) => outcome,
        };
        Outcome { took: began.elapsed(), ..outcome }
    }

    /// Measures. Where nothing could be measured, the outcome says why.
    pub(crate) async fn measure(&self, session: &Session) -> Result<Finding, Outcome> {
        // Whatever else the run sends would be measured too.
        let _alone = session.quiet.lock().await;
        let found = match self.what {
            What::ForeignObject => telling::objects(session, &self.operation).await,
            What::ForeignQuery => telling::queries(session).await,
            What::StoredAnswer => speed::stored_answer(session).await,
            What::TenantCheck => speed::tenant_check(session).await,
            What::FirstToken => speed::first_token(session).await,
            What::Shares => speed::shares(session).await,
        };
        found.map_err(|stop| match stop {
            Stop::NotApplicable(reason) => Outcome::of(Ending::NotApplicable(reason)),
            Stop::Refused(reason) => Outcome::of(Ending::Error(reason)),
            Stop::Wrong(wrong) => {
                let (message, exchange) = *wrong;
                Outcome { exchange: Some(exchange), ..Outcome::of(Ending::Error(message)) }
            }
            Stop::NoResponse(error) => Outcome::no_response(&error),
        })
    }
}

impl From<isolation::Stop> for Stop {
    fn from(stop: isolation::Stop) -> Self {
        match stop {
            isolation::Stop::NotApplicable(reason) => Self::NotApplicable(reason),
            isolation::Stop::Refused(reason) => Self::Refused(reason),
            isolation::Stop::NoResponse(error) => Self::NoResponse(error),
        }
    }
}

/// Sends `request` for `tenant` and gives the time until its body was there; anything but `status` ends the probe.
async fn timed(session: &Session, tenant: &str, request: Request, status: u16) -> Result<Duration, Stop> {
    let principal = session.principal(tenant);
    let principal =
        principal.ok_or_else(|| Stop::NotApplicable(format!("the profile has no credential of `{tenant}`")))?;
    let request = request.bearer(&principal.secret);
    let sent = session.send(&request, Some(tenant), true).await.map_err(Stop::NoResponse)?;
    let found = sent.exchange.response.status;
    if found == status {
        return Ok(sent.exchange.elapsed);
    }
    Err(Stop::Wrong(Box::new((format!("expected status {status}, found {found}"), sent.exchange))))
}

/// A search that asks for `query`.
fn search(query: &str) -> Request {
    Request::new("POST", "/search").json(&json!({ "query": query }))
}

/// The two tenants that probes compare, the measured one first.
fn pair(session: &Session) -> Result<(&str, &str), Stop> {
    let one = || Stop::NotApplicable("the profile has only one tenant".to_owned());
    Ok((session.main_tenant(), session.stranger().ok_or_else(one)?))
}

/// Ends the probe where `tenant` does not declare `feature`.
fn needs(session: &Session, tenant: &str, feature: Feature) -> Result<(), Stop> {
    let declared = session.features(tenant).contains(&feature);
    let reason = || format!("`{tenant}` does not declare the feature {}", feature.as_str());
    if declared { Ok(()) } else { Err(Stop::NotApplicable(reason())) }
}

/// The value below which `share` of the measurements lie, in milliseconds.
fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred measurements"
    )]
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(0.0)
}

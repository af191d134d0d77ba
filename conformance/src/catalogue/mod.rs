//! Runs one case of the generated catalogue.

pub(crate) mod expected;
pub(crate) mod request;

use std::{collections::BTreeSet, time::Instant};

use contracts::{
    catalogue::{Case, Kind},
    model::Operation,
};
use harness::client::{ClientError, Exchange};
use serde_json::Value;

use crate::{
    outcome::{Ending, Outcome},
    session::{NoObject, Session, delete_documents, delete_session, wait},
};
use expected::Expected;
use request::Prepared;

/// Runs `case`.
pub async fn run(session: &Session, case: &Case) -> Outcome {
    let Some(operation) = session.contract.operation(&case.operation) else {
        let message =
            format!("the contract has no operation `{}`; run `cargo run -p contracts -- generate`", case.operation);
        return Outcome::of(Ending::Error(message));
    };
    if session.is_safe_only() && !reads_only(operation) {
        let reason = "the target admits only cases that change nothing".to_owned();
        return Outcome::of(Ending::NotApplicable(reason));
    }
    let prepared = match request::prepare(session, operation, case) {
        Ok(prepared) => prepared,
        Err(reason) => return Outcome::of(Ending::NotApplicable(reason)),
    };
    let length = prepared.request.body.as_ref().map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX));
    let bench = session.bench_tenant().unwrap_or_default();
    let facts = session.facts.get(bench).cloned().unwrap_or_default();
    let expected = expected::of(case, operation, prepared.body.as_ref(), length, &facts);
    // On a tenant of their own generated cases disturb nobody; where there is none, what they write must not be watched.
    let mutates = expected.may_succeed() && !reads_only(operation) && bench == session.main_tenant();
    let tenants = BTreeSet::from([bench.to_owned()]);
    let _guard = session.guard(&tenants, |_| mutates).await;
    let _turn = session.turn(&tenants).await;
    let began = Instant::now();
    let outcome = exchange(session, operation, case, prepared, &expected).await;
    Outcome { took: began.elapsed(), ..outcome }
}

/// Sends the request of `case` for whoever judges the answer otherwise, and takes back what it made; gives the reason where the
/// target or its profile lacks what the case needs.
pub(crate) async fn answer(session: &Session, case: &Case) -> Result<Result<Exchange, ClientError>, String> {
    let operation = session.contract.operation(&case.operation).ok_or("the contract has no such operation")?;
    let Prepared { request, tenant, body } = request::prepare(session, operation, case)?;
    let length = request.body.as_ref().map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX));
    let bench = session.bench_tenant().unwrap_or_default();
    let facts = session.facts.get(bench).cloned().unwrap_or_default();
    let expected = expected::of(case, operation, body.as_ref(), length, &facts);
    let path = match request::path(session, operation, case, &expected).await {
        Ok(path) => path,
        Err(NoObject::NotDeclared(reason) | NoObject::Refused(reason)) => return Err(reason),
    };
    let judged = match session.send(&request.at(&path), tenant.as_deref(), true).await {
        Ok(judged) => judged,
        Err(error) => return Ok(Err(error)),
    };
    take_back(session, bench, &case.operation, &judged.exchange, body.as_ref()).await;
    Ok(Ok(judged.exchange))
}

/// Sends the request of a case and holds the answer against what is expected.
async fn exchange(
    session: &Session,
    operation: &Operation,
    case: &Case,
    prepared: Prepared,
    expected: &Expected,
) -> Outcome {
    let Prepared { request, tenant, body } = prepared;
    let path = match request::path(session, operation, case, expected).await {
        Ok(path) => path,
        Err(NoObject::NotDeclared(reason)) => return Outcome::of(Ending::NotApplicable(reason)),
        Err(NoObject::Refused(message)) => return Outcome::of(Ending::Fail(message)),
    };
    let request = request.at(&path);
    let judged = match session.send(&request, tenant.as_deref(), true).await {
        Ok(judged) => judged,
        Err(error) => return Outcome::no_response(&error),
    };
    let bench = session.bench_tenant().unwrap_or_default();
    take_back(session, bench, &case.operation, &judged.exchange, body.as_ref()).await;
    let mut problems = expected.problems(case, &judged.exchange);
    problems.extend(correlation(case, &judged.exchange));
    problems.extend(judged.problems);
    if problems.is_empty()
        && let Ok(mut coverage) = session.coverage.lock()
    {
        coverage.keyword(case);
    }
    Outcome::judged(&problems, judged.exchange)
}

/// Whether the operation leaves everything as it is.
pub(crate) fn reads_only(operation: &Operation) -> bool {
    operation.method == "GET" || matches!(operation.id.as_str(), "retrieve" | "search")
}

/// Takes back what a request has made, so that no other case finds it: what it ingested, the session that it began.
pub(crate) async fn take_back(
    session: &Session,
    tenant: &str,
    operation: &str,
    exchange: &Exchange,
    body: Option<&Value>,
) {
    if !matches!(exchange.response.status, 200 | 202) {
        return;
    }
    match operation {
        "ingest" => take_documents_back(session, tenant, exchange, body).await,
        // Whether its job was quicker is no matter of the case, so neither is what it brought in.
        "cancel_job" => take_items_back(session, tenant, exchange).await,
        "chat" if body.is_none_or(|body| body["session_id"].is_null()) => {
            // One body names the session as the first event of a stream does.
            let text = String::from_utf8_lossy(&exchange.response.body);
            if let Some(id) = text.find("\"ses_").and_then(|at| text[at + 1..].split('"').next()) {
                delete_session(session, tenant, id).await;
            }
        }
        _ => {}
    }
}

async fn take_documents_back(session: &Session, tenant: &str, exchange: &Exchange, body: Option<&Value>) {
    let answer = exchange.response.json().unwrap_or_default();
    if let (202, Some(job)) = (exchange.response.status, answer["id"].as_str()) {
        // When it does not end, there is nothing to take back yet; the documents are example documents either way.
        let _ = wait(session, tenant, job).await;
    }
    let documents = body.and_then(|body| body["documents"].as_array()).into_iter().flatten();
    let mut ids: Vec<String> = documents.filter_map(|document| document["id"].as_str().map(str::to_owned)).collect();
    ids.sort();
    ids.dedup();
    delete_documents(session, tenant, &ids).await;
}

async fn take_items_back(session: &Session, tenant: &str, exchange: &Exchange) {
    let job = exchange.response.json().unwrap_or_default();
    let items = job["items"].as_array().into_iter().flatten();
    let ids: Vec<String> = items.filter_map(|item| item["id"].as_str().map(str::to_owned)).collect();
    delete_documents(session, tenant, &ids).await;
}

/// A well-formed request id comes back, any other is replaced by a UUID version 7.
fn correlation(case: &Case, exchange: &Exchange) -> Option<String> {
    let sent = case.headers.iter().find(|(name, _)| name == "x-request-id").map(|(_, value)| value.as_str());
    let (Kind::Correlation, Some(sent)) = (case.kind, sent) else { return None };
    let found = exchange.response.header("x-request-id").unwrap_or_default();
    if case.id.ends_with("/echoed") {
        let message = || format!("x-request-id: expected `{sent}` to be echoed, found `{found}`");
        return (found != sent).then(message);
    }
    let version = uuid::Uuid::parse_str(found).ok().map(|id| id.get_version_num());
    let message = || format!("x-request-id: expected a new UUID version 7 for a malformed one, found `{found}`");
    (version != Some(7)).then(message)
}

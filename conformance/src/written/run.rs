//! Runs one written case: its steps in order, each answer held against the contract and against what the step expects.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use contract_types::RetrievalMode;
use harness::{
    client::{Bounds, Client, Exchange, Request, percent_encode},
    wire,
};
use serde_json::Value;

use super::{
    format::{Caller, Case, Need, Nobody, Step},
    template::Variables,
};
use crate::{
    outcome::{Ending, Outcome},
    session::{Judged, Session},
};

/// Why a step gave no judged exchange.
enum Stop {
    /// The case cannot run here.
    NotApplicable(String),
    /// The case or the harness is wrong.
    Error(String),
    /// No response.
    NoResponse(Box<Outcome>),
}

/// Runs `case`.
pub async fn run(session: &Session, case: &Case) -> Outcome {
    let tenants = tenants(session, case);
    if let Some(reason) = not_applicable(session, case, &tenants) {
        return Outcome::of(Ending::NotApplicable(reason));
    }
    let _guards = session.guard(&tenants, case.serial).await;
    let began = tokio::time::Instant::now();
    let outcome = steps(session, case).await;
    Outcome { took: began.elapsed(), ..outcome }
}

async fn steps(session: &Session, case: &Case) -> Outcome {
    let mut variables = Variables {
        session,
        case: case.id.rsplit('/').next().unwrap_or_default().to_owned(),
        captured: BTreeMap::new(),
    };
    let mut last = None;
    for step in &case.steps {
        match run_step(&mut variables, step).await {
            Ok((exchange, problems)) if problems.is_empty() => last = exchange.or(last),
            Ok((exchange, problems)) => {
                let message = format!("step `{}`: {}", step.name, problems.join("; "));
                return Outcome { exchange: exchange.or(last), ..Outcome::of(Ending::Fail(message)) };
            }
            Err(Stop::NotApplicable(reason)) => return Outcome::of(Ending::NotApplicable(reason)),
            Err(Stop::Error(message)) => {
                return Outcome::of(Ending::Error(format!("step `{}`: {message}", step.name)));
            }
            Err(Stop::NoResponse(outcome)) => return *outcome,
        }
    }
    Outcome { exchange: last, ..Outcome::of(Ending::Pass) }
}

/// The tenants that the steps of a case act for.
fn tenants(session: &Session, case: &Case) -> BTreeSet<String> {
    case.steps.iter().filter_map(|step| tenant_of(session, &step.caller)).collect()
}

fn tenant_of(session: &Session, caller: &Caller) -> Option<String> {
    match caller {
        Caller::Main => Some(session.main_tenant().to_owned()),
        Caller::Word(_) => None,
        Caller::Named(identity) => match identity.tenant.as_str() {
            "main" => Some(session.main_tenant().to_owned()),
            "foreign" => session.foreign_tenant().map(str::to_owned),
            named => Some(named.to_owned()),
        },
    }
}

fn not_applicable(session: &Session, case: &Case, tenants: &BTreeSet<String>) -> Option<String> {
    if session.is_safe_only() && !case.safe {
        return Some("the target admits only cases that change nothing".to_owned());
    }
    for need in &case.needs {
        let missing = match need {
            Need::Control if session.target.control.is_none() => Some("the target has no control API"),
            Need::RawHttp if !session.target.base_url.starts_with("http://") => {
                Some("bytes on the wire need an http address")
            }
            Need::Start if !session.target.is_started() => Some("the target was not started by the suite"),
            Need::Control | Need::RawHttp | Need::Start => None,
        };
        if let Some(missing) = missing {
            return Some(missing.to_owned());
        }
    }
    let known = |tenant: &&String| session.profile.spec.tenants.iter().any(|known| known.as_str() == tenant.as_str());
    if let Some(strange) = tenants.iter().find(|tenant| !known(tenant)) {
        return Some(format!("the profile has no tenant `{strange}`"));
    }
    let asked: Vec<&str> =
        if tenants.is_empty() { vec![session.main_tenant()] } else { tenants.iter().map(String::as_str).collect() };
    for (feature, tenant) in case.features.iter().flat_map(|feature| asked.iter().map(move |tenant| (feature, tenant)))
    {
        if !session.features(tenant).contains(feature) {
            return Some(format!("`{tenant}` does not declare the feature {feature}"));
        }
    }
    case.steps.iter().find_map(|step| unlisted_mode(session, step))
}

/// A retrieval mode that a step wants an answer of and its tenant does not list: only the modes that `/capabilities` names
/// must work.
fn unlisted_mode(session: &Session, step: &Step) -> Option<String> {
    let mode = step.request.body.as_ref()?.get("mode")?;
    let known = mode.as_str().filter(|mode| RetrievalMode::ALL.iter().any(|known| known.as_str() == *mode))?;
    let tenant = tenant_of(session, &step.caller)?;
    let facts = session.facts.get(&tenant)?;
    let listed = facts.lists("/retrieval_modes", mode) || !expects(step, 200);
    (!listed).then(|| format!("`{tenant}` does not list the retrieval mode {known}"))
}

async fn run_step(variables: &mut Variables<'_>, step: &Step) -> Result<(Option<Exchange>, Vec<String>), Stop> {
    let session = variables.session;
    let tenant = tenant_of(session, &step.caller);
    let settings = tenant.clone().unwrap_or_else(|| session.main_tenant().to_owned());
    let wait = variables.json(&step.wait_ms, &settings).map_err(Stop::Error)?;
    let wait = wait.as_u64().or_else(|| wait.as_str().and_then(|text| text.parse().ok()));
    if let Some(wait) = wait.filter(|wait| *wait > 0) {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if let Some(wire) = &step.request.wire {
        return on_the_wire(variables, step, wire, &settings).await;
    }
    let request = build(variables, step, &settings)?;
    let patient = !expects(step, 429);
    let began = tokio::time::Instant::now();
    loop {
        let mut answers = Vec::new();
        for _ in 0..step.repeat.max(1) {
            let calls = (0..step.at_once.max(1)).map(|_| send(session, step, &request, tenant.as_deref(), patient));
            for answer in join(calls.collect()).await {
                answers.push(answer?);
            }
        }
        let (exchange, problems) = judge(variables, step, &answers, &settings)?;
        let again = step.until.filter(|until| began.elapsed() < Duration::from_millis(until.within_ms));
        match again {
            Some(until) if !problems.is_empty() => {
                tokio::time::sleep(Duration::from_millis(until.every_ms.max(10))).await;
            }
            _ => {
                if let (true, Some(exchange)) = (problems.is_empty(), &exchange) {
                    capture(variables, step, exchange)?;
                }
                return Ok((exchange, problems));
            }
        }
    }
}

/// Awaits futures side by side, in order of their making.
async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in futures.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(value) => *output = Some(value),
                std::task::Poll::Pending => pending = true,
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

fn expects(step: &Step, status: u16) -> bool {
    step.expect.status.as_ref().is_some_and(|statuses| statuses.contains(status))
        || step.expect.tally.contains_key(&status.to_string())
}

async fn send(
    session: &Session,
    step: &Step,
    request: &Request,
    tenant: Option<&str>,
    patient: bool,
) -> Result<Judged, Stop> {
    let stop = |error: &harness::client::ClientError| Stop::NoResponse(Box::new(Outcome::no_response(error)));
    if matches!(step.caller, Caller::Word(Nobody::Control)) {
        let base = session.target.control.as_deref().unwrap_or_default();
        let client = Client::new(base, Bounds::default()).map_err(|error| stop(&error))?;
        let exchange = client.send(request).await.map_err(|error| stop(&error))?;
        return Ok(Judged { exchange, problems: Vec::new() });
    }
    session.send(request, tenant, patient).await.map_err(|error| stop(&error))
}

fn build(variables: &Variables<'_>, step: &Step, tenant: &str) -> Result<Request, Stop> {
    let session = variables.session;
    let form = &step.request;
    let text = |text: &str| variables.text(text, tenant).map_err(Stop::Error);
    let mut pairs = Vec::new();
    for (name, value) in &form.query {
        let values = if let Value::Array(items) = value { items.clone() } else { vec![value.clone()] };
        for value in values {
            let value = variables.json(&value, tenant).map_err(Stop::Error)?;
            pairs.push(format!("{}={}", percent_encode(&text(name)?), percent_encode(&plain(&value))));
        }
    }
    let mut target = text(&form.path)?;
    if !pairs.is_empty() {
        target = format!("{target}?{}", pairs.join("&"));
    }
    let mut request = Request::new(&form.method, &target);
    match &step.caller {
        Caller::Main => request = request.bearer(&credential(session, tenant, "all")?.secret),
        Caller::Word(_) => {}
        Caller::Named(identity) => match (&identity.raw, &identity.key) {
            (Some(raw), _) => request = request.header("authorization", &text(raw)?),
            (None, key) => {
                let key = key.as_deref().unwrap_or("all");
                request = request.bearer(&credential(session, tenant, key)?.secret);
            }
        },
    }
    if let Some(body) = &form.body {
        request = request.json(&variables.json(body, tenant).map_err(Stop::Error)?);
    } else if let Some(raw) = &form.raw {
        request.body = Some(Bytes::from(text(raw)?));
        request = request.header("content-type", "application/json");
    } else if let Some(file) = &form.body_file {
        let path = session.fixtures.root().join(file);
        let bytes = std::fs::read(&path).map_err(|cause| Stop::Error(format!("{}: {cause}", path.display())))?;
        request.body = Some(Bytes::from(bytes));
        request = request.header("content-type", "application/json");
    }
    for (name, value) in &form.headers {
        let name = name.to_ascii_lowercase();
        request.headers.retain(|(known, _)| *known != name);
        let values = if let Value::Array(items) = value { items.clone() } else { vec![value.clone()] };
        for value in values {
            let value = plain(&variables.json(&value, tenant).map_err(Stop::Error)?);
            if !value.is_empty() {
                request.headers.push((name.clone(), value));
            }
        }
    }
    Ok(request)
}

fn credential<'a>(session: &'a Session, tenant: &str, key: &str) -> Result<&'a harness::credential::Credential, Stop> {
    let found = session.profile.credential(tenant, key);
    found.ok_or_else(|| Stop::NotApplicable(format!("the profile has no credential `{key}` of `{tenant}`")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The exchange to show, and everything that is wrong.
fn judge(
    variables: &Variables<'_>,
    step: &Step,
    answers: &[Judged],
    tenant: &str,
) -> Result<(Option<Exchange>, Vec<String>), Stop> {
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.exchange.response.status.to_string()).or_default() += 1;
        let mut problems = answer.problems.clone();
        problems.extend(step_problems(variables, step, &answer.exchange, tenant)?);
        if !problems.is_empty() {
            return Ok((Some(answer.exchange.clone()), problems));
        }
    }
    let last = answers.last().map(|answer| answer.exchange.clone());
    let told = |tally: &BTreeMap<String, u32>| {
        tally.iter().map(|(status, count)| format!("{count} x {status}")).collect::<Vec<_>>().join(", ")
    };
    let differs = !step.expect.tally.is_empty() && step.expect.tally != tally;
    let message = || format!("expected {}, found {}", told(&step.expect.tally), told(&tally));
    Ok((last, differs.then(message).into_iter().collect()))
}

fn step_problems(
    variables: &Variables<'_>,
    step: &Step,
    exchange: &Exchange,
    tenant: &str,
) -> Result<Vec<String>, Stop> {
    let response = &exchange.response;
    let expect = &step.expect;
    let mut problems = Vec::new();
    let code = response.error_code();
    if let Some(statuses) = expect.status.as_ref().filter(|statuses| !statuses.contains(response.status)) {
        let code = code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
        problems.push(format!("expected status {statuses}, found {}{code}", response.status));
    }
    if let Some(wanted) = expect.code.as_ref().filter(|wanted| code.as_ref() != Some(wanted)) {
        problems.push(format!("expected the code {wanted}, found {}", code.as_deref().unwrap_or("none")));
    }
    if !problems.is_empty() {
        return Ok(problems);
    }
    for (name, assertion) in &expect.headers {
        let assertion = assertion.filled(variables, tenant).map_err(Stop::Error)?;
        let name = name.to_ascii_lowercase();
        let values: Vec<&str> =
            response.headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect();
        problems.extend(assertion.problems(&values).into_iter().map(|problem| format!("header `{name}`: {problem}")));
    }
    if !expect.body.is_empty() {
        let body = match response.json() {
            Some(body) => body,
            // A stream or a text is one string, so that `$` can be asserted on.
            None => Value::from(String::from_utf8_lossy(&response.body).into_owned()),
        };
        for assertion in &expect.body {
            problems.extend(assertion.filled(variables, tenant).map_err(Stop::Error)?.problems(&body));
        }
    }
    Ok(problems)
}

fn capture(variables: &mut Variables<'_>, step: &Step, exchange: &Exchange) -> Result<(), Stop> {
    let body = exchange.response.json().unwrap_or_default();
    for (name, path) in &step.capture {
        let value = if let Some(header) = path.strip_prefix("header:") {
            exchange.response.header(&header.to_ascii_lowercase()).map(Value::from)
        } else {
            let path = serde_json_path::JsonPath::parse(path).map_err(|error| Stop::Error(error.to_string()))?;
            path.query(&body).first().cloned()
        };
        let missing = || {
            let message = format!("step `{}`: the answer has nothing at {path} to be called `{name}`", step.name);
            let exchange = Some(exchange.clone());
            Stop::NoResponse(Box::new(Outcome { exchange, ..Outcome::of(Ending::Fail(message)) }))
        };
        variables.captured.insert(name.clone(), value.ok_or_else(missing)?);
    }
    Ok(())
}

async fn on_the_wire(
    variables: &Variables<'_>,
    step: &Step,
    wire: &str,
    tenant: &str,
) -> Result<(Option<Exchange>, Vec<String>), Stop> {
    let session = variables.session;
    let text = variables.text(wire, tenant).map_err(Stop::Error)?;
    let text = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").replace("\\t", "\t");
    let sent = wire::send(&session.target.base_url, text.as_bytes(), Bounds::default()).await;
    let answer = sent.map_err(|error| Stop::NoResponse(Box::new(Outcome::no_response(&error))))?;
    let Some(response) = answer.response else {
        return Ok((None, vec!["the connection was closed without a response".to_owned()]));
    };
    let line = text.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let request = Request::new(words.next().unwrap_or("?"), words.next().unwrap_or("?"));
    let url = session.target.base_url.clone();
    let exchange = Exchange { request, url, elapsed: response.headers_after, response };
    let mut problems = step_problems(variables, step, &exchange, tenant)?;
    if answer.responses > 1 {
        problems.push(format!("expected one response, found {}", answer.responses));
    }
    if exchange.response.status == 400 && !answer.closed {
        problems.push("expected the connection to be closed after 400".to_owned());
    }
    Ok((Some(exchange), problems))
}

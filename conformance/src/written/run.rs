//! Runs one written case: its steps in order, each answer held against the contract and against what the step expects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
    time::Duration,
};

use contract_types::RetrievalMode;
use futures_util::future::join_all;
use harness::{
    client::{Bounds, Client, Exchange, Flow, Request},
    judge::Watch,
    wire,
};
use serde_json::Value;

use super::{
    expect::{await_log_line, judge, step_problems},
    format::{Caller, Case, Need, Nobody, Reading, Step, Until},
    request::build,
    template::Variables,
};
use crate::{
    outcome::{Ending, Outcome},
    session::{Judged, Session},
};

/// What messages call a step that takes back what the case has made.
const CLEANUP: &str = "cleanup step";
/// Why a case ends before its end.
const ENOUGH: &str = "another test has told what there was to tell";

/// Why a step gave no judged exchange.
pub(super) enum Stop {
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
    // What breaks something for everybody must find nobody at work.
    let alone = |tenant: &str| case.serial && !case.beside.iter().any(|beside| beside == tenant);
    let _guard = if case.strikes_all() { session.guard_all().await } else { session.guard(&tenants, alone).await };
    // Whoever waited for a tenant may be wanted no more.
    if session.enough.load(Ordering::Relaxed) {
        return Outcome::of(Ending::NotApplicable(ENOUGH.to_owned()));
    }
    let began = tokio::time::Instant::now();
    let mut outcome = steps(session, case, &tenants).await;
    if let (Ending::Pass, Some(line)) = (&outcome.ending, line_with_the_key(session, case)) {
        outcome.ending = Ending::Fail(format!("the target wrote the key of its model provider into its log: {line}"));
    }
    Outcome { took: began.elapsed(), ..outcome }
}

/// A line of a started target that holds the key of its model provider, which is nobody's to read, without the key.
fn line_with_the_key(session: &Session, case: &Case) -> Option<String> {
    let upstream = session.target.upstream.as_ref().filter(|_| case.needs.contains(&Need::Upstream))?;
    let line = session.target.lines_with(upstream.key(), 1).into_iter().next()?;
    Some(session.redactor.clean(&line))
}

async fn steps(session: &Session, case: &Case, tenants: &BTreeSet<String>) -> Outcome {
    let mut variables = Variables {
        session,
        case: case.id.rsplit('/').next().unwrap_or_default().to_owned(),
        captured: BTreeMap::new(),
        answers: BTreeMap::new(),
        tenants: tenants.clone(),
        turn: Some(session.turn(tenants).await),
    };
    let mut outcome = list(&mut variables, "setup step", &case.setup).await;
    if matches!(outcome.ending, Ending::Pass) {
        let setup = outcome.exchange.take();
        outcome = list(&mut variables, "step", &case.steps).await;
        outcome.exchange = outcome.exchange.or(setup);
    }
    // Whatever happened, what the case made is taken back.
    let cleaned = list(&mut variables, CLEANUP, &case.cleanup).await;
    match outcome.ending {
        Ending::Pass if !matches!(cleaned.ending, Ending::Pass) => cleaned,
        Ending::Pass | Ending::Fail(_) | Ending::Error(_) | Ending::NotApplicable(_) => outcome,
    }
}

/// Runs steps in order, up to the first that does not hold.
async fn list(variables: &mut Variables<'_>, kind: &str, steps: &[Step]) -> Outcome {
    let mut last = None;
    for step in steps {
        // Nor may whoever is between two steps.
        if variables.session.enough.load(Ordering::Relaxed) && kind != CLEANUP {
            return Outcome::of(Ending::NotApplicable(ENOUGH.to_owned()));
        }
        match run_step(variables, step).await {
            Ok((exchange, problems)) if problems.is_empty() => last = exchange.or(last),
            Ok((exchange, problems)) => {
                let message = format!("{kind} `{}`: {}", step.name, problems.join("; "));
                return Outcome { exchange: exchange.or(last), ..Outcome::of(Ending::Fail(message)) };
            }
            Err(Stop::NotApplicable(reason)) => return Outcome::of(Ending::NotApplicable(reason)),
            Err(Stop::Error(message)) => {
                return Outcome::of(Ending::Error(format!("{kind} `{}`: {message}", step.name)));
            }
            Err(Stop::NoResponse(outcome)) => return *outcome,
        }
    }
    Outcome { exchange: last, ..Outcome::of(Ending::Pass) }
}

/// The tenants that the steps of a case act for.
fn tenants(session: &Session, case: &Case) -> BTreeSet<String> {
    case.all_steps().filter_map(|(_, _, step)| tenant_of(session, &step.caller)).collect()
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
            Need::Tokens if session.profile.tokens.is_none() => Some("the profile has no key to sign tokens with"),
            Need::Upstream if session.target.upstream.is_none() => {
                Some("the suite started no stand-in for the target's model providers")
            }
            Need::Control | Need::RawHttp | Need::Start | Need::Tokens | Need::Upstream => None,
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
    for (feature, tenant) in case.without.iter().flat_map(|feature| asked.iter().map(move |tenant| (feature, tenant))) {
        if session.features(tenant).contains(feature) {
            return Some(format!("`{tenant}` declares the feature {feature}"));
        }
    }
    case.all_steps().find_map(|(_, _, step)| unlisted_mode(session, step))
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
        rest(variables, Duration::from_millis(wait)).await;
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
            for answer in join_all(calls).await {
                answers.push(answer?);
            }
        }
        if step.expect.log.is_some() {
            for answer in &answers {
                await_log_line(&session.target, &answer.exchange).await;
            }
        }
        let (exchange, problems) = judge(variables, step, &answers, &settings)?;
        let within = |until: &Until| Duration::from_millis(until.within_ms).min(session.longest_wait);
        let again = step.until.filter(|until| began.elapsed() < within(until));
        match again {
            Some(_) if !problems.is_empty() && session.enough.load(Ordering::Relaxed) => {
                return Err(Stop::NotApplicable(ENOUGH.to_owned()));
            }
            Some(until) if !problems.is_empty() => {
                rest(variables, Duration::from_millis(until.every_ms.max(10))).await;
            }
            _ => {
                if let (true, Some(exchange)) = (problems.is_empty(), &exchange) {
                    capture(variables, step, exchange)?;
                    variables.answers.insert(step.name.clone(), exchange.clone());
                }
                return Ok((exchange, problems));
            }
        }
    }
}

/// Waits for time to pass, and lets others send meanwhile.
async fn rest(variables: &mut Variables<'_>, time: Duration) {
    variables.turn = None;
    tokio::time::sleep(time).await;
    variables.turn = Some(variables.session.turn_again(&variables.tenants).await);
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
    // Helpers of the test beside the target: nothing that they answer is judged.
    let upstream = session.target.upstream.as_ref();
    let helper = match step.caller {
        Caller::Word(Nobody::Control) => session.target.control.clone(),
        Caller::Word(Nobody::Upstream) => upstream.map(|upstream| upstream.uri()),
        Caller::Word(Nobody::None) | Caller::Main | Caller::Named(_) => None,
    };
    if let Some(base) = helper {
        let client = Client::new(&base, Bounds::default()).map_err(|error| stop(&error))?;
        let exchange = client.send(request).await.map_err(|error| stop(&error))?;
        return Ok(Judged { exchange, problems: Vec::new() });
    }
    let operation = session.judge.operation(&request.method, request.path());
    let mut watch = operation.and_then(|operation| session.judge.watch(operation));
    let each = |_: &harness::client::Response, at: Duration, bytes: &[u8]| match &mut watch {
        Some(watch) => flow(watch, &step.reading, at, bytes),
        None => Flow::On,
    };
    session.read(request, tenant, patient, each).await.map_err(|error| stop(&error))
}

/// What the reader of a stream does after a piece of it.
fn flow(watch: &mut Watch<'_>, reading: &Reading, at: Duration, bytes: &[u8]) -> Flow {
    watch.push(at, bytes);
    let enough = |(name, most): (&String, &u32)| {
        let found = watch.seen().events.iter().filter(|event| event.name == *name).count();
        u32::try_from(found).unwrap_or(u32::MAX) >= *most
    };
    if reading.disconnect_after.iter().any(enough) {
        return Flow::Stop;
    }
    if reading.pause_ms > 0 { Flow::After(Duration::from_millis(reading.pause_ms)) } else { Flow::On }
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

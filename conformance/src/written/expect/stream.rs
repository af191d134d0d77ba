//! What a step expects of an event stream.

use std::{fmt::Write as _, time::Duration};

use harness::client::Exchange;
use serde_json::{Value, json};

use super::super::{format::StreamExpect, run::Stop, template::Variables};

/// What does not hold of the stream.
pub(super) fn problems(
    variables: &Variables<'_>,
    expect: &StreamExpect,
    exchange: &Exchange,
    tenant: &str,
) -> Result<Vec<String>, Stop> {
    let judge = &variables.session.judge;
    let response = &exchange.response;
    if response.media_type() != "text/event-stream" {
        return Ok(vec![format!("expected an event stream, found {}", response.media_type())]);
    }
    let operation = judge.operation(&exchange.request.method, exchange.request.path());
    let Some(mut watch) = operation.and_then(|operation| judge.watch(operation)) else {
        return Err(Stop::Error("the contract has no event stream for this operation".to_owned()));
    };
    let mut from = 0;
    for (at, to) in &response.arrivals {
        watch.push(*at, response.body.get(from..*to).unwrap_or_default());
        from = *to;
    }
    let seen = watch.seen();
    let mut problems = Vec::new();
    for (name, wanted) in &expect.events {
        let found = seen.events.iter().filter(|event| event.name == *name).count();
        if !wanted.admits(u64::try_from(found).unwrap_or(u64::MAX)) {
            problems.push(format!("expected {wanted} events `{name}`, found {found}"));
        }
    }
    if let Some(wanted) = expect.comments.filter(|wanted| !wanted.admits(seen.comments)) {
        problems.push(format!("expected {wanted} comments, found {}", seen.comments));
    }
    let last = seen.events.last().map_or("nothing", |event| event.name.as_str());
    if let Some(wanted) = expect.last.as_deref().filter(|wanted| *wanted != last) {
        problems.push(format!("expected `{wanted}` as the last event, found `{last}`"));
    }
    let first = seen.events.first().map(|event| event.at);
    if let (Some(bound), Some(first)) = (span(variables, &expect.first_event_within_ms, tenant)?, first)
        && first > bound
    {
        problems.push(format!("expected the first event within {bound:?}, it came after {first:?}"));
    }
    if let Some(bound) = span(variables, &expect.silence_at_most_ms, tenant)?
        && seen.silence > bound
    {
        problems.push(format!("expected no silence above {bound:?}, found one of {:?}", seen.silence));
    }
    if let Some(wanted) = &expect.joined {
        let wanted = variables.text(wanted, tenant).map_err(Stop::Error)?;
        let mut joined = String::new();
        for event in seen.events.iter().filter(|event| event.name == "token") {
            let _ = joined.write_str(event.data["text"].as_str().unwrap_or_default());
        }
        if joined != wanted {
            problems.push(format!("expected the tokens to make `{wanted}`, found `{joined}`"));
        }
    }
    let events = seen.events.iter().map(|event| {
        let at = u64::try_from(event.at.as_millis()).unwrap_or(u64::MAX);
        json!({ "event": event.name, "data": event.data, "at_ms": at })
    });
    let events = Value::Array(events.collect());
    for assertion in &expect.body {
        let assertion = assertion.filled(variables, tenant).map_err(Stop::Error)?;
        problems.extend(assertion.problems(&events).into_iter().map(|problem| format!("events: {problem}")));
    }
    Ok(problems)
}

/// A span of time in milliseconds, written or named; `None` where none is given.
fn span(variables: &Variables<'_>, value: &Value, tenant: &str) -> Result<Option<Duration>, Stop> {
    let value = variables.json(value, tenant).map_err(Stop::Error)?;
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match (&value, number) {
        (Value::Null, _) => Ok(None),
        (_, Some(number)) => Ok(Some(Duration::from_millis(number))),
        _ => Err(Stop::Error(format!("`{value}` is no number of milliseconds"))),
    }
}

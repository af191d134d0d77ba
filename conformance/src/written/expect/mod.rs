//! What a step expects of its answer, beside what the contract says of every answer.

mod audio;
mod log;
mod same;
mod stream;

use std::collections::BTreeMap;

use harness::client::Exchange;
use serde_json::Value;

use super::{format::Step, run::Stop, template::Variables};
use crate::session::Judged;
pub(super) use log::await_log_line;
pub use same::difference;

/// The exchange to show, and everything that is wrong.
pub(super) fn judge(
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

pub(super) fn step_problems(
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
    if let Some(name) = &expect.fits {
        let body = response.json().unwrap_or_default();
        let misfits = harness::judge::misfits(name, &body);
        let misfits = misfits.ok_or_else(|| Stop::Error(format!("the contract has no schema `{name}`")))?;
        problems.extend(misfits.into_iter().map(|misfit| format!("body does not fit {name}{misfit}")));
    }
    if let Some(name) = &expect.same_as {
        let other = variables.answers.get(name);
        let other = other.ok_or_else(|| Stop::Error(format!("no earlier step is called `{name}`")))?;
        let differs = difference(&other.response, response);
        problems.extend(differs.map(|what| format!("differs from the answer to `{name}`: {what}")));
    }
    if let Some(stream) = &expect.stream {
        problems.extend(stream::problems(variables, stream, exchange, tenant)?);
    }
    if let Some(audio) = &expect.audio {
        problems.extend(audio::problems(variables, audio, exchange, tenant)?);
    }
    if let Some(assertions) = &expect.log {
        problems.extend(log::problems(variables, assertions, exchange, tenant)?);
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

//! The log line of a request, read from the output of a target that the suite started.

use std::time::Duration;

use harness::{client::Exchange, target::Target};
use serde_json::Value;

use super::super::{assertion::Assertion, run::Stop, template::Variables};

/// Lines with one request id that are looked at.
const MOST_LINES: usize = 16;
/// How long a log may lag behind its answer.
const LAG: Duration = Duration::from_millis(1500);

/// The log lines of the request with this id. Lines of other kinds may name the id too: only a request's own has a route.
fn lines(target: &Target, id: &str) -> Vec<Value> {
    let lines = target.lines_with(id, MOST_LINES).into_iter();
    lines
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .filter(|line| line["request_id"] == id && line.get("route").is_some())
        .collect()
}

/// Waits until the log line of `exchange` is there, but not long.
pub(in crate::written) async fn await_log_line(target: &Target, exchange: &Exchange) {
    let Some(id) = exchange.response.header("x-request-id") else { return };
    let until = tokio::time::Instant::now() + LAG;
    while lines(target, id).is_empty() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is wrong with the log line of `exchange`.
pub(super) fn problems(
    variables: &Variables<'_>,
    assertions: &[Assertion],
    exchange: &Exchange,
    tenant: &str,
) -> Result<Vec<String>, Stop> {
    let target = &variables.session.target;
    let Some(id) = exchange.response.header("x-request-id") else {
        return Ok(vec!["the answer has no x-request-id to find its log line by".to_owned()]);
    };
    let lines = lines(target, id);
    let [line] = &lines[..] else {
        return Ok(vec![format!("expected one log line of the request {id}, found {}", lines.len())]);
    };
    let misfits = harness::judge::misfits("LogLine", line).unwrap_or_default();
    let mut problems: Vec<String> = misfits.into_iter().map(|misfit| format!("log line{misfit}")).collect();
    for assertion in assertions {
        let assertion = assertion.filled(variables, tenant).map_err(Stop::Error)?;
        problems.extend(assertion.problems(line).into_iter().map(|problem| format!("log line: {problem}")));
    }
    Ok(problems)
}

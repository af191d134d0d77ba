//! What went wrong, one article a case: what was expected, how to repeat it, what was sent and what came back.

use std::fmt::{self, Write};

use contract_types::{CaseRecord, CaseRecordOutcome, ExchangeRecord};
use serde_json::Value;

use super::FAILURES_SHOWN;
use crate::{
    format::{Text, count, cut, decimal, length},
    judged::PROPERTY,
    model::Run,
    redact::header,
    tally,
};

/// Longest body on the page, in bytes of the text shown; the record holds the rest.
const BODY_SHOWN: usize = 8 * 1024;

pub(super) fn write(out: &mut String, run: &Run) -> fmt::Result {
    let failures = tally::failures(&run.record.cases);
    if failures.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>What went wrong <span>{}</span></h3>", count(length(failures.len())))?;
    for case in failures.iter().take(FAILURES_SHOWN) {
        article(out, case)?;
    }
    let left = failures.len().saturating_sub(FAILURES_SHOWN);
    if left > 0 {
        let file = Text(&run.file);
        writeln!(out, "<p class=\"hint\">{} more are in <code>{file}</code>.</p>", count(length(left)))?;
    }
    Ok(())
}

fn article(out: &mut String, case: &CaseRecord) -> fmt::Result {
    let class = if case.outcome == CaseRecordOutcome::Error { "error" } else { "fail" };
    writeln!(out, "<article class=\"case {class}\">\n<h4><code>{}</code></h4>\n<p class=\"tags\">", Text(&case.id))?;
    let word = if class == "error" { "Error" } else { "Fail" };
    write!(out, "<span class=\"badge {class}\">{word}</span> <span>{}</span>", case.level)?;
    if let Some(rule) = &case.rule {
        write!(out, " <span>rule {}</span>", Text(rule))?;
    }
    if case.rule.is_none() || case.kind != "rule" {
        write!(out, " <span>{}</span>", Text(&case.kind.replace('_', " ")))?;
    }
    if let Some(operation) = &case.operation {
        write!(out, " <span>{}</span>", Text(operation))?;
    }
    write!(out, " <span>{} ms</span>", decimal(case.duration_ms, 1))?;
    if let Some(attempts) = case.attempts.filter(|attempts| *attempts > 1) {
        write!(out, " <span>{attempts} attempts</span>")?;
    }
    writeln!(
        out,
        "\n</p>\n<p class=\"message\">{}</p>",
        Text(case.message.as_deref().unwrap_or("No message was recorded."))
    )?;
    if let Some(curl) = &case.curl {
        let label = if case.kind == PROPERTY { "Shrunk script to repeat" } else { "Command to repeat" };
        if case.kind == PROPERTY {
            writeln!(out, "<p class=\"hint\">The least input found that still fails:</p>")?;
        }
        writeln!(out, "<pre class=\"command pick\" tabindex=\"0\" aria-label=\"{label}\">{}</pre>", Text(curl))?;
    }
    exchange(out, "Request", case.request.as_ref())?;
    exchange(out, "Response", case.response.as_ref())?;
    writeln!(out, "</article>")
}

fn exchange(out: &mut String, name: &str, half: Option<&ExchangeRecord>) -> fmt::Result {
    let Some(half) = half else { return Ok(()) };
    let mut line = name.to_owned();
    for part in
        [half.method.clone(), half.url.clone(), half.status.map(|status| status.to_string())].into_iter().flatten()
    {
        line.push(' ');
        line.push_str(&part);
    }
    writeln!(out, "<details>\n<summary>{} <small>{} bytes</small></summary>", Text(&line), count(half.body_bytes))?;
    if !half.headers.is_empty() {
        writeln!(out, "<dl class=\"headers\">")?;
        for (name, value) in &half.headers {
            let value = header(name, value.as_str().unwrap_or_default());
            writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), Text(&value))?;
        }
        writeln!(out, "</dl>")?;
    }
    body(out, half)?;
    writeln!(out, "</details>")
}

fn body(out: &mut String, half: &ExchangeRecord) -> fmt::Result {
    let Some(text) = &half.body else {
        let why = if half.body_bytes == 0 { "No body." } else { "The body was not kept." };
        return writeln!(out, "<p class=\"hint\">{why}</p>");
    };
    if half.body_base64 == Some(true) {
        // Base64 would carry a secret past the redaction.
        return writeln!(out, "<p class=\"hint\">The body is not text; the record holds it in base64.</p>");
    }
    let pretty = serde_json::from_str::<Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
    let pretty = pretty.unwrap_or_else(|_| text.clone());
    // Redacted before it is cut: half a key would no longer look like one.
    let clean = crate::redact(&pretty);
    let (shown, cut) = cut(&clean, BODY_SHOWN);
    writeln!(out, "<pre tabindex=\"0\" aria-label=\"Body\">{}</pre>", Text(shown))?;
    match (cut, half.truncated) {
        (true, _) => writeln!(out, "<p class=\"hint\">Cut here; the record holds more.</p>"),
        (false, true) => writeln!(out, "<p class=\"hint\">The suite kept only this beginning of the body.</p>"),
        (false, false) => Ok(()),
    }
}

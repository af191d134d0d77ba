//! Holds what was seen of one cell against its documented outcome.

use std::time::Duration;

use super::data::{Operation, Outcome};

/// What was seen of one operation while a fault was there.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The outcome; `None` where there was no whole answer.
    pub(super) outcome: Option<Outcome>,
    /// From the first byte of the request to the last of the answer.
    pub(super) after: Duration,
    /// Whether `retry-after` was sent.
    pub(super) retry_after: bool,
    /// What is stored now, compared with before.
    pub(super) stored: Stored,
}

/// What an operation did to the tenant's stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing.
    Nothing,
    /// The whole of what it was asked to do.
    Whole,
    /// Something else, such as a document without its chunks.
    Part,
}

/// Everything that is wrong with a cell, each in a sentence; empty where it is as documented.
pub(super) fn judge(operation: Operation, expected: &Outcome, seen: &Seen, deadline: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    let most = deadline + Duration::from_secs(1);
    if seen.after > most {
        wrong.push(format!("expected an answer within {most:?}, found {:?}", seen.after));
    }
    match &seen.outcome {
        None => wrong.push("expected an answer, found none that is whole".to_owned()),
        Some(found) if found != expected => wrong.push(format!("expected `{expected}`, found `{found}`")),
        Some(_) => {}
    }
    let found = seen.outcome.as_ref();
    if found.is_some_and(|it| it.status == 503) && !seen.retry_after {
        wrong.push("expected `retry-after` with 503".to_owned());
    }
    let succeeded = found.is_some_and(|it| it.status < 300 && it.code.is_none());
    match (seen.stored, operation.writes() && succeeded) {
        (Stored::Nothing, false) | (Stored::Whole, true) => {}
        (Stored::Part, _) => wrong.push("something is half-written".to_owned()),
        (Stored::Whole, false) => wrong.push("expected no change of what is stored".to_owned()),
        (Stored::Nothing, true) => wrong.push("expected what was acknowledged to be stored".to_owned()),
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Outcome {
        Outcome::try_from(text.to_owned()).unwrap()
    }

    fn judged(operation: Operation, expected: &str, seen: &Seen) -> String {
        judge(operation, &outcome(expected), seen, Duration::from_secs(2)).join("; ")
    }

    #[test]
    fn passes_what_is_as_documented_and_sees_each_departure() {
        let good = Seen {
            outcome: Some(outcome("200 without embedding, cache")),
            after: Duration::from_millis(2900),
            retry_after: false,
            stored: Stored::Nothing,
        };
        let expected = "200 without embedding, cache";
        assert_eq!(judged(Operation::Search, expected, &good), "");
        let failed = Seen { outcome: Some(outcome("503 UPSTREAM_UNAVAILABLE")), retry_after: true, ..good.clone() };
        assert_eq!(judged(Operation::Ingest, "503 UPSTREAM_UNAVAILABLE", &failed), "");
        let written = Seen { outcome: Some(outcome("200")), stored: Stored::Whole, ..good.clone() };
        assert_eq!(judged(Operation::Ingest, "200", &written), "");

        let departures = [
            (
                Operation::Search,
                expected,
                Seen { after: Duration::from_millis(3001), ..good.clone() },
                "expected an answer within 3s",
            ),
            (Operation::Search, expected, Seen { outcome: None, ..good.clone() }, "found none that is whole"),
            (Operation::Search, "200", good.clone(), "expected `200`, found `200 without embedding, cache`"),
            (
                Operation::Search,
                expected,
                Seen { outcome: Some(outcome("200 without cache")), ..good.clone() },
                "found `200 without cache`",
            ),
            (Operation::Search, expected, Seen { stored: Stored::Whole, ..good.clone() }, "expected no change"),
            (
                Operation::Ingest,
                "503 UPSTREAM_UNAVAILABLE",
                Seen { retry_after: false, ..failed.clone() },
                "`retry-after`",
            ),
            (Operation::Ingest, "503 UPSTREAM_UNAVAILABLE", Seen { stored: Stored::Part, ..failed }, "half-written"),
            (Operation::Ingest, "200", Seen { stored: Stored::Nothing, ..written.clone() }, "acknowledged"),
            (
                Operation::SearchStream,
                "200",
                Seen { outcome: Some(outcome("200 then UPSTREAM_TIMEOUT")), ..good },
                "found `200 then UPSTREAM_TIMEOUT`",
            ),
        ];
        for (operation, expected, seen, told) in departures {
            let found = judged(operation, expected, &seen);
            assert!(found.contains(told), "expected `{told}`, found `{found}`");
        }
    }
}

//! Sweeps over everything that a started target has written: the last tests of a run, which judge each line of it.

use std::time::Duration;

use contract_types::CaseRecordLevel;
use fixtures::Fixtures;
use harness::{
    canary::Scanner,
    client::Request,
    credential::Credential,
    target::{Findings, LogBook},
};
use serde_json::json;

use crate::{
    outcome::{Ending, Outcome},
    session::Session,
    written::Polarity,
};

/// How long a log may lag behind its answers.
const LAG: Duration = Duration::from_millis(1500);
/// Letters of a document that are looked for: more than chance repeats, fewer than a log cuts a text down to.
const PIECE: usize = 32;
/// Longest distance between two pieces of a document, in letters.
const STEP: usize = 600;
/// Shortest question that is looked for.
const QUESTION: usize = 20;
/// A trace that its caller wants to be recorded.
const RECORDED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// How every token of RFC 7519 begins.
const TOKEN: &str = "eyJhbGciOi";

/// One sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Every line is as the contract's schema says.
    Schema,
    /// No line holds a canary, a key, a token, a question or a text of a document, in any encoding.
    Sent,
}

/// Every sweep.
pub fn all() -> [Sweep; 2] {
    [Sweep::Schema, Sweep::Sent]
}

/// What no line may hold: what `scanner` knows, the credentials, and texts of the fixtures.
pub(crate) fn forbidden(scanner: &Scanner, fixtures: &Fixtures, credentials: &[Credential]) -> Scanner {
    let mut texts = vec![("(token)".to_owned(), "token".to_owned(), TOKEN.to_owned())];
    for credential in credentials {
        texts.push((
            credential.tenant.clone(),
            format!("key {}", credential.name),
            credential.secret.expose().to_owned(),
        ));
    }
    for tenant in fixtures.tenants() {
        for document in &tenant.documents {
            let pieces = pieces(&document.content);
            texts.extend(pieces.map(|piece| (tenant.id.clone(), format!("text of {}", document.id), piece)));
        }
        let asked = tenant.questions.iter().filter(|question| question.text.len() >= QUESTION);
        texts.extend(asked.map(|it| (tenant.id.clone(), format!("question {}", it.id), it.text.clone())));
    }
    let mut forbidden = scanner.clone();
    forbidden.add_all(texts.iter().map(|(tenant, what, text)| (tenant.as_str(), what.as_str(), text.as_str())));
    forbidden
}

/// Pieces of a document, from its beginning on, each within one line: a log that escapes line breaks leaves it whole.
fn pieces(content: &str) -> impl Iterator<Item = String> {
    let mut left = 0_usize;
    content.lines().filter_map(move |line| {
        let line = line.trim();
        let letters = line.chars().count();
        let taken = left == 0 && letters >= PIECE && !line.contains(['"', '\\']);
        left = if taken { STEP } else { left }.saturating_sub(letters);
        taken.then(|| line.chars().take(PIECE).collect())
    })
}

impl Sweep {
    /// Its stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Schema => "log/every-line-fits-the-schema",
            Self::Sent => "log/no-line-holds-what-was-sent",
        }
    }

    /// Its kind, as records name it.
    pub fn kind(self) -> &'static str {
        "log"
    }

    /// The rule that it holds.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Schema => "LOG-001",
            Self::Sent => "LOG-003",
        }
    }

    /// Which side of its rule it shows.
    pub fn polarity(self) -> Polarity {
        Polarity::Negative
    }

    /// How binding its rule is.
    pub fn level(self) -> CaseRecordLevel {
        CaseRecordLevel::Must
    }

    /// Sends a little, so that it says something where it runs alone, and judges every line since it was asked last.
    pub async fn run(self, session: &Session) -> Outcome {
        let Some(log) = session.target.log() else {
            let why = "the lines of a target can be read where the suite has started it";
            return Outcome::of(Ending::NotApplicable(why.to_owned()));
        };
        let before = log.lines();
        if let Err(message) = talk(session).await {
            return Outcome::of(Ending::Error(message));
        }
        let until = tokio::time::Instant::now() + LAG;
        while tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.judge(log, before)
    }

    fn judge(self, log: &LogBook, before: u64) -> Outcome {
        let lines = log.lines();
        let found = match self {
            Self::Schema => log.take_misfits(),
            Self::Sent => log.take_leaks(),
        };
        if found.count > 0 {
            return Outcome::of(Ending::Fail(told(&found, lines)));
        }
        if lines == before {
            return Outcome::of(Ending::Fail("requests have left no line that fits the log schema".to_owned()));
        }
        Outcome { note: Some(format!("{lines} lines")), ..Outcome::of(Ending::Pass) }
    }
}

fn told(found: &Findings, lines: u64) -> String {
    format!("{} findings beside {lines} lines that are right: {}", found.count, found.told.join("; "))
}

/// Brings a document in, asks for it, and takes it away again: texts of the fixtures, which no line may hold.
async fn talk(session: &Session) -> Result<(), String> {
    let tenant = session.main_tenant();
    let fixture = session.fixtures.tenant(tenant);
    let Some((document, credential)) = fixture.and_then(|it| it.documents.first()).zip(session.principal(tenant))
    else {
        return Ok(());
    };
    let id = format!("log-sweep-{}", session.run);
    let text: String = document.content.lines().flat_map(|line| [line, "\n"]).collect();
    let brought = json!({"documents": [{"id": id, "content_type": "text/plain", "content": text}]});
    let asked = pieces(&document.content).next().unwrap_or_else(|| "what is said of it?".to_owned());
    let path = format!("/documents/{id}");
    let requests = [
        ("POST", "/ingest", Some(brought)),
        ("POST", "/search", Some(json!({"query": asked, "cache": "bypass"}))),
        ("DELETE", path.as_str(), None),
    ];
    for (method, path, body) in requests {
        // Recorded, so that its lines tell steps too.
        let request = Request::new(method, path).header("traceparent", RECORDED);
        let mut request = request.bearer(&credential.secret);
        if let Some(body) = body {
            request = request.json(&body);
        }
        session.send(&request, Some(tenant), true).await.map_err(|error| format!("{method} {path}: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_lie_within_a_line_and_apart() {
        let line = "The workshop opens at nine and closes at five on every weekday.";
        let text = [line, "short", "a \"quoted\" word makes a line that a log may escape"].join("\n");
        assert_eq!(pieces(&text).collect::<Vec<_>>(), ["The workshop opens at nine and c"]);
        let long = vec![line; 40].join("\n");
        assert_eq!(pieces(&long).count(), 4, "one for each 600 letters or so");
    }
}

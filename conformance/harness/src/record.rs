//! The run record: what a run found, as one documented JSON file from which every page and verdict is drawn.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use contract_types::{CaseRecord, CaseRecordOutcome, ExchangeRecord, RunCounts, RunRecord};
use serde_json::{Map, Value};

use crate::{client::Exchange, redact::Redactor};

/// The version of the record's format that is written.
pub const SCHEMA_VERSION: u64 = 1;
/// Most characters of a body that are kept.
const KEPT_BODY: usize = 8192;
/// Longest text that a redactor takes out, in characters: a token.
const TORN: usize = 8192;
/// Headers that hold credentials.
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "set-cookie", "proxy-authorization"];

/// The time now, in RFC 3339.
pub fn now() -> String {
    timestamp(SystemTime::now())
}

/// `time` in RFC 3339, to the millisecond.
pub fn timestamp(time: SystemTime) -> String {
    let millis = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let stamp =
        jiff::Timestamp::from_millisecond(i64::try_from(millis).unwrap_or(0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{stamp:.3}")
}

/// Today in UTC, as `2026-11-23`.
pub fn today() -> String {
    now().chars().take(10).collect()
}

/// A new run id.
pub fn run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The commit that the project stands at; `None` outside a repository.
pub fn commit(root: &Path) -> Option<String> {
    let git = root.join(".git");
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let commit = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) => {
            if let Ok(commit) = fs::read_to_string(git.join(name)) {
                commit.trim().to_owned()
            } else {
                let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
                let line = packed.lines().find(|line| line.ends_with(&format!(" {name}")))?;
                line.split(' ').next()?.to_owned()
            }
        }
    };
    (commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(commit)
}

/// Both halves of an exchange as a record keeps them, redacted and cut.
pub fn exchange(exchange: &Exchange, redactor: &Redactor) -> (ExchangeRecord, ExchangeRecord) {
    let (request, response) = (&exchange.request, &exchange.response);
    let mut sent = half(&request.headers, request.body.as_deref().unwrap_or_default(), redactor);
    sent.method = Some(request.method.clone());
    sent.url = Some(cut(&redactor.clean(&exchange.url), KEPT_BODY).0);
    let mut found = half(&response.headers, &response.body, redactor);
    found.status = Some(u64::from(response.status));
    found.truncated |= response.truncated;
    (sent, found)
}

fn half(headers: &[(String, String)], body: &[u8], redactor: &Redactor) -> ExchangeRecord {
    let mut kept = Map::new();
    for (name, value) in headers {
        let clean =
            if SECRET_HEADERS.contains(&name.as_str()) { "[redacted]".to_owned() } else { redactor.clean(value) };
        let joined = match kept.get(name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {clean}"),
            None => clean,
        };
        kept.insert(name.clone(), Value::from(joined));
    }
    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let mut record = ExchangeRecord {
        method: None,
        url: None,
        status: None,
        headers: kept,
        body: None,
        body_base64: None,
        body_bytes: bytes,
        truncated: false,
    };
    match std::str::from_utf8(body) {
        Ok("") => {}
        Ok(text) => {
            let (text, truncated) = beginning(text, redactor);
            record.body = Some(text);
            record.truncated = truncated;
        }
        Err(_) => {
            let kept = &body[..body.len().min(KEPT_BODY / 2)];
            record.body = Some(STANDARD.encode(kept));
            record.body_base64 = Some(true);
            record.truncated = kept.len() < body.len();
        }
    }
    record
}

/// The redacted beginning of a body, and whether something was cut. Only what can come to stand in the record is searched: a
/// body may have the size of a disk.
fn beginning(text: &str, redactor: &Redactor) -> (String, bool) {
    // Redaction shortens, so more than what is kept is looked at; what the first cut may have torn apart is dropped.
    let (raw, torn) = cut(text, 8 * KEPT_BODY + TORN);
    let mut clean = redactor.clean(&raw);
    if torn {
        let whole = clean.char_indices().nth_back(TORN).map_or(0, |(at, _)| at);
        clean.truncate(whole);
    }
    let (kept, truncated) = cut(&clean, KEPT_BODY);
    (kept, truncated || torn)
}

/// At most `most` characters of `text`, and whether something was cut.
pub fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (text[..at].to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// How many cases ended how.
pub fn counts(cases: &[CaseRecord]) -> RunCounts {
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).fold(0, |count, _| count + 1);
    RunCounts {
        passed: count(CaseRecordOutcome::Pass),
        failed: count(CaseRecordOutcome::Fail),
        errored: count(CaseRecordOutcome::Error),
        not_applicable: count(CaseRecordOutcome::NotApplicable),
        known_failures: count(CaseRecordOutcome::KnownFailure),
    }
}

/// Writes a record into `folder` as `<kind>-<target>-<run id>.json`, whole or not at all.
///
/// # Errors
///
/// When the folder or the file cannot be written.
pub fn write(record: &RunRecord, folder: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}-{}-{}.json", record.kind.as_str(), record.target.name, record.run_id));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, record)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::client::{Request, Response};

    #[test]
    fn keeps_no_credential_and_only_the_beginning_of_a_body() {
        let mut redactor = Redactor::new();
        redactor.add("pl_a_secret", "[redacted]");
        let mut request = Request::new("POST", "/a?t=pl_a_secret").header("authorization", "Bearer other");
        request.body = Some(Bytes::from_static(b"\xff\xfe"));
        let response = Response {
            status: 200,
            headers: vec![("x-a".into(), "1".into()), ("x-a".into(), "pl_a_secret".into())],
            body: Bytes::from("é".repeat(KEPT_BODY + 1)),
            truncated: false,
            broken: false,
            headers_after: Duration::ZERO,
            arrivals: Vec::new(),
            stopped: false,
        };
        let whole = Exchange { url: format!("http://h{}", request.target), request, response, elapsed: Duration::ZERO };
        let (sent, found) = exchange(&whole, &redactor);
        assert_eq!(sent.headers["authorization"], "[redacted]");
        assert_eq!(sent.url.as_deref(), Some("http://h/a?t=[redacted]"));
        assert_eq!((sent.body.as_deref(), sent.body_base64), (Some("//4="), Some(true)));
        assert_eq!(found.headers["x-a"], "1, [redacted]");
        assert!(found.truncated && found.body.unwrap().chars().count() == KEPT_BODY);
    }

    #[test]
    fn tells_the_time_in_the_contracts_form() {
        assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
        assert_eq!(today().len(), 10);
        assert!(run_id().chars().nth(14) == Some('7'));
    }

    #[test]
    fn writes_a_record_that_fits_its_schema() {
        let examples = contract_types::examples("RunRecord");
        let record: RunRecord = serde_json::from_value(examples[0].clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = write(&record, &folder.path().join("out")).unwrap();
        assert!(path.ends_with(format!("out/conformance-local-{}.json", record.run_id)));
        let read: RunRecord = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(read, record);
        assert_eq!(counts(&record.cases), record.counts);
    }

    #[test]
    fn redacts_a_body_that_is_cut() {
        let mut redactor = Redactor::new();
        redactor.add("a-secret-that-stands-everywhere", "[x]");
        let body = "a-secret-that-stands-everywhere ".repeat(1 << 16);
        let record = half(&[], body.as_bytes(), &redactor);
        let text = record.body.unwrap();
        assert!(record.truncated && !text.is_empty());
        assert!(text.split(' ').all(|word| "[x]".starts_with(word)), "{text}");
        assert_eq!(record.body_bytes, u64::try_from(body.len()).unwrap());
    }
}

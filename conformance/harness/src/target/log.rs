//! What a started target writes, looked at line by line as it comes: no line is forgotten before it has been judged.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Map, Value};

use crate::{canary::Scanner, judge};

/// Most findings of a kind that are told; further ones are counted.
const MOST_TOLD: usize = 20;
/// Fields that only the log line of a request has.
const OWN: [&str; 3] = ["route", "latency_ms", "trace_id"];
/// Fields of the objects that a host writes beside log lines: why a request failed, where its client is not told.
const BESIDE: [&str; 2] = ["request_id", "cause"];

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    /// Standard output, where log lines belong.
    Output,
    /// Standard error.
    Error,
}

/// Findings of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many there were.
    pub count: u64,
    /// The first of them, without anything that the line held.
    pub told: Vec<String>,
}

impl Findings {
    fn add(&mut self, text: String) {
        self.count += 1;
        if self.told.len() < MOST_TOLD && !self.told.contains(&text) {
            self.told.push(text);
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    lines: u64,
    misfits: Findings,
    leaks: Findings,
}

/// What was found in the lines of a target so far.
#[derive(Debug, Default)]
pub struct LogBook {
    forbidden: OnceLock<Arc<Scanner>>,
    seen: Mutex<Seen>,
}

impl LogBook {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on no line may hold what `forbidden` finds. The first call counts.
    pub fn watch(&self, forbidden: Arc<Scanner>) {
        let _ = self.forbidden.set(forbidden);
    }

    /// Judges one line.
    pub(super) fn see(&self, pipe: Pipe, line: &str) {
        let judged = judged(pipe, line);
        let leaks = self.forbidden.get().map(|scanner| scanner.found(line.as_bytes())).unwrap_or_default();
        let mut seen = self.lock();
        match judged {
            Judged::Other => {}
            Judged::Fits => seen.lines += 1,
            Judged::Misfit(text) => seen.misfits.add(text),
        }
        let place = if pipe == Pipe::Output { "a line of standard output" } else { "a line of standard error" };
        for leak in leaks {
            seen.leaks.add(format!("{place} holds {leak}"));
        }
    }

    /// How many log lines were right so far.
    pub fn lines(&self) -> u64 {
        self.lock().lines
    }

    /// The lines that are no log lines though they should be, since this was asked last.
    pub fn take_misfits(&self) -> Findings {
        std::mem::take(&mut self.lock().misfits)
    }

    /// What lines held that they may not hold, since this was asked last.
    pub fn take_leaks(&self) -> Findings {
        std::mem::take(&mut self.lock().leaks)
    }
}

enum Judged {
    Fits,
    Misfit(String),
    /// No log line, and not meant as one.
    Other,
}

fn judged(pipe: Pipe, line: &str) -> Judged {
    if !line.starts_with('{') {
        return Judged::Other;
    }
    let object = match serde_json::from_str::<Map<String, Value>>(line) {
        Ok(object) => object,
        Err(_) if pipe == Pipe::Error => return Judged::Other,
        Err(error) => return Judged::Misfit(format!("a line begins as JSON and is none: {}", kind(&error))),
    };
    if object.contains_key("log_lines_dropped") {
        return Judged::Misfit("log lines were dropped".to_owned());
    }
    let own = OWN.iter().any(|field| object.contains_key(*field));
    let beside = object.keys().all(|field| BESIDE.contains(&field.as_str()));
    if !own && (pipe == Pipe::Error || beside) {
        return Judged::Other;
    }
    let route = object.get("route").and_then(Value::as_str).unwrap_or("no route").to_owned();
    let misfits = judge::misfits("LogLine", &Value::Object(object)).unwrap_or_default();
    if misfits.is_empty() {
        Judged::Fits
    } else {
        Judged::Misfit(format!("log line of {route}: {}", misfits.join("; ")))
    }
}

/// The kind of an error of JSON, without the text that it is about.
fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it breaks off" } else { "its syntax is broken" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const GOOD: &str = r#"{"timestamp":"2026-03-02T09:15:00.000Z","level":"info","message":"request","route":"/search","method":"POST","status":200,"latency_ms":1.5,"request_id":"r1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}"#;

    fn misfits(pipe: Pipe, line: &str) -> u64 {
        let book = LogBook::default();
        book.see(pipe, line);
        book.take_misfits().count
    }

    #[test]
    fn a_line_that_is_not_as_the_schema_says_is_found_wherever_it_stands() {
        let book = LogBook::default();
        book.see(Pipe::Output, GOOD);
        assert_eq!((book.lines(), book.take_misfits()), (1, Findings::default()));
        let strange = GOOD.replace("\"level\"", "\"prompt\":\"hello\",\"level\"");
        let capital = GOOD.replace("00f067aa0ba902b7", "00F067AA0BA902B7");
        let lacking = GOOD.replace(",\"span_id\":\"00f067aa0ba902b7\"", "");
        for line in [strange.as_str(), &capital, &lacking, r#"{"something":"else"}"#, &GOOD[..90]] {
            assert_eq!(misfits(Pipe::Output, line), 1, "{line}");
        }
        assert_eq!(misfits(Pipe::Error, &strange), 1);
        assert_eq!(misfits(Pipe::Error, r#"{"log_lines_dropped":3}"#), 1);
        for line in [r#"{"level":"warn","target":"reference_core","message":"x"}"#, "listening on http://x", "{broken"]
        {
            assert_eq!(misfits(Pipe::Error, line), 0, "{line}");
        }
        for line in [r#"{"request_id":"r1","cause":"the disk is full"}"#, "ready", ""] {
            assert_eq!(misfits(Pipe::Output, line), 0, "{line}");
        }
    }

    #[test]
    fn what_may_not_stand_in_a_line_is_found_in_every_form_and_not_repeated() {
        let mut scanner = Scanner::new();
        scanner.add("owner", &BTreeMap::from([("document".to_owned(), "2fded8b62be3b152".to_owned())]));
        let book = LogBook::default();
        book.see(Pipe::Output, "2fded8b62be3b152");
        assert_eq!(book.take_leaks().count, 0, "nobody has said what to look for");
        book.watch(Arc::new(scanner));
        for form in ["2fded8b62be3b152", "MmZkZWQ4YjYyYmUzYjE1Mg==", "32666465643862363262653362313532"] {
            book.see(Pipe::Error, &format!("warning: {form}"));
            let found = book.take_leaks();
            assert_eq!(found.count, 1, "{form}");
            assert!(found.told[0].contains("document") && !found.told[0].contains(form), "{found:?}");
        }
        book.see(Pipe::Output, GOOD);
        assert_eq!(book.take_leaks(), Findings::default());
    }
}

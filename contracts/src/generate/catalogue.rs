//! The case catalogue and its denominator, as files.

use std::{collections::BTreeSet, fmt::Write};

use super::naming::literal;
use crate::{Contract, catalogue};

/// One case a line.
pub(super) fn lines(contract: &Contract) -> String {
    let cases = catalogue::cases(contract);
    cases.iter().filter_map(|case| serde_json::to_string(case).ok()).fold(String::new(), |all, line| all + &line + "\n")
}

/// Code of the denominator's lists.
pub(super) fn denominator(contract: &Contract) -> String {
    let found = catalogue::denominator(contract);
    let mut out = String::new();
    for (name, about, entries) in [
        ("OPERATIONS", "Operations.", &found.operations),
        ("STATUSES", "Documented statuses, as `operation status`.", &found.statuses),
        ("PARAMETERS", "Parameters, as `operation location name`.", &found.parameters),
        ("KEYWORDS", "Keywords of request schemas, as `operation place keyword`.", &found.keywords),
    ] {
        list(&mut out, name, about, entries);
    }
    out
}

fn list(out: &mut String, name: &str, about: &str, entries: &BTreeSet<String>) {
    let entries: Vec<String> = entries.iter().map(|entry| literal(entry)).collect();
    let _ = writeln!(out, "/// {about}\npub const {name}: &[&str] = &[{}];\n", entries.join(", "));
}

//! `docs/failure-modes.md`, made of the entries and the matrix. Every entry is held to the template, and every name in it to the
//! contract.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use super::data::{Dependency, FaultName, Group, Matrix, Operation, matrix};

/// The parts of an entry, as the template says them.
const PARTS: [&str; 5] = ["Scenario", "Impact", "Detection", "Mitigation", "Prevention"];
/// Least characters of a part: a sentence that says something.
const LEAST: usize = 60;
/// Sections that must be there, each with an entry at least.
const SECTIONS: [&str; 6] = ["On one machine", "Workers AI", "AI Gateway", "Vectorize", "KV", "Durable Objects"];
/// Names of others, which no file here defines.
const FOREIGN: [&str; 3] = ["cf-aig-cache-status", "cf-aig-cache-ttl", "processedUpToMutation"];
/// Set to write the page instead of comparing it.
const WRITE: &str = "PLUMBLINE_WRITE_DOCS";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    sections: Vec<Section>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    title: String,
    dependency: Option<Dependency>,
    scenario: String,
    impact: String,
    detection: String,
    mitigation: String,
    prevention: String,
}

impl Entry {
    fn parts(&self) -> [&str; 5] {
        [&self.scenario, &self.impact, &self.detection, &self.mitigation, &self.prevention]
    }
}

fn entries() -> Entries {
    serde_yaml::from_str(include_str!("entries.yaml")).unwrap_or_else(|error| panic!("entries.yaml: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn docs() -> PathBuf {
    root().join("reference-impl/docs")
}

#[test]
fn the_page_is_made_of_the_matrix_and_the_entries() {
    let (page, file) = (page(&matrix(), &entries()), docs().join("failure-modes.md"));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stands == page,
        "{} is stale: run `{WRITE}=1 cargo test -p reference-impl --test it the_page_is_made`",
        file.display()
    );
}

#[test]
fn every_entry_has_all_that_the_template_asks_for() {
    let template = std::fs::read_to_string(docs().join("failure-mode-template.md")).unwrap();
    let asked: Vec<&str> =
        template.lines().filter_map(|line| line.strip_prefix("**")?.split_once(".**")).map(|it| it.0).collect();
    assert_eq!(asked, PARTS, "the template and the page have the same parts");
    let sections = entries().sections;
    let titles: Vec<&str> = sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, SECTIONS);
    let mut wrong = Vec::new();
    let mut dependencies = BTreeSet::new();
    for entry in sections.iter().flat_map(|section| &section.entries) {
        dependencies.extend(entry.dependency);
        for (part, text) in PARTS.iter().zip(entry.parts()) {
            if text.trim().len() < LEAST || !text.trim_end().ends_with('.') {
                wrong.push(format!("{}: {part} says less than a sentence", entry.title));
            }
        }
    }
    assert!(wrong.is_empty() && sections.iter().all(|section| !section.entries.is_empty()), "{}", wrong.join("\n"));
    let all: BTreeSet<Dependency> = Dependency::ALL.iter().copied().collect();
    assert_eq!(dependencies, all, "each dependency of the matrix has an entry");
}

#[test]
fn every_name_and_command_in_an_entry_exists() {
    let known = Known::read();
    let mut wrong = Vec::new();
    for entry in entries().sections.iter().flat_map(|section| &section.entries) {
        for (part, text) in PARTS.iter().zip(entry.parts()) {
            let spans = text.split('`').skip(1).step_by(2);
            wrong.extend(spans.filter_map(|span| known.fault(span)).map(|it| format!("{}: {part}: {it}", entry.title)));
        }
        let detection: Vec<&str> = entry.detection.split('`').skip(1).step_by(2).collect();
        if !detection.iter().any(|span| known.metrics.contains(*span) || known.log_fields.contains(*span)) {
            wrong.push(format!("{}: Detection names no metric and no field of the log", entry.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for absent in [
        "moon_total",
        "NO_SUCH_CODE",
        "moon_unavailable",
        "/moon",
        "cargo run -p reference-impl -- moon",
        "cargo run -p reference-impl -- check --moon X",
    ] {
        assert!(known.fault(absent).is_some(), "`{absent}` is taken for something that exists");
    }
}

/// What an entry may name.
struct Known {
    metrics: BTreeSet<String>,
    log_fields: BTreeSet<String>,
    /// Codes, words of `degraded`, paths, headers and every field of the contract.
    names: BTreeSet<String>,
}

impl Known {
    fn read() -> Self {
        let schemas = &contract_types::schemas()["components"]["schemas"];
        let api: Value = serde_json::from_str(contract_types::OPENAPI).unwrap();
        let case = root().join("conformance/cases/telemetry/every-metric-has-its-name.yaml");
        let case = std::fs::read_to_string(case).unwrap();
        let words = case.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let metrics = words.filter(|word| word.contains('_') && !word.starts_with('_')).map(str::to_owned).collect();
        let log_fields = schemas["LogLine"]["properties"].as_object().unwrap().keys().cloned().collect();
        let mut names = BTreeSet::new();
        for schema in ["ErrorCode", "Degradation", "Feature"] {
            names.extend(
                schemas[schema]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned),
            );
        }
        names.extend(api["paths"].as_object().unwrap().keys().cloned());
        names.extend(FOREIGN.map(str::to_owned));
        fields(schemas, &mut names);
        fields(&api, &mut names);
        Self { metrics, log_fields, names }
    }

    /// What is wrong with a span of code; `None` where it exists.
    fn fault(&self, span: &str) -> Option<String> {
        if let Some(command) = span.strip_prefix("cargo run -p reference-impl -- ") {
            let mut words = command.split(' ');
            let help =
                Command::new(env!("CARGO_BIN_EXE_reference-impl")).args([words.next().unwrap(), "--help"]).output();
            let help = help.unwrap();
            let text = String::from_utf8(help.stdout).unwrap();
            let missing = words.find(|word| word.starts_with("--") && !text.contains(*word));
            return (!help.status.success() || missing.is_some()).then(|| format!("`{span}` is no command"));
        }
        let exists = self.metrics.contains(span) || self.log_fields.contains(span) || self.names.contains(span);
        (!exists).then(|| format!("`{span}` is no name of the contract"))
    }
}

/// Names of properties and headers, wherever they stand.
fn fields(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                if let ("properties" | "headers", Value::Object(properties)) = (key.as_str(), inner) {
                    names.extend(properties.keys().cloned());
                }
                fields(inner, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn page(matrix: &Matrix, entries: &Entries) -> String {
    let cells: usize = matrix.groups.iter().map(|group| group.outcomes.len()).sum();
    let mut page = format!(
        "# Failure modes\n\n\
         <!-- Made by `cargo test -p reference-impl --test it the_page_is_made` with {WRITE}=1; edit tests/it/faults/*.yaml instead. -->\n\n\
         What happens when something that the platform needs is in trouble, what shows it, and what to do. Each entry follows\n\
         [the template](failure-mode-template.md). The tables are the fault matrix: {cells} cells that\n\
         `cargo test -p reference-impl --test it faults` runs against a server, each within the tenant's `deadline_ms` and one second,\n\
         with nothing half-written, no other tenant harmed, and the tenant served wholly again once the fault is gone.\n\n\
         A cell reads: status; an error's code; *without* and the words of `degraded`; *then* and the code of the event that ends a\n\
         stream. Models are behind URLs there and fail on the socket; the other dependencies fail by the control API. Metrics are\n\
         read at `GET /metrics` where a tenant has the feature `metrics`.\n"
    );
    for section in &entries.sections {
        let _ = write!(page, "\n## {}\n", section.title);
        for entry in &section.entries {
            let _ = write!(page, "\n### {}\n", entry.title);
            for (part, text) in PARTS.iter().zip(entry.parts()) {
                let _ = write!(page, "\n**{part}.** {}\n", text.trim());
            }
            if let Some(dependency) = entry.dependency {
                page.push_str(&table(matrix, dependency));
            }
        }
    }
    page.push_str("\n## Two at once\n\n| faults | operation | outcome |\n|---|---|---|\n");
    for group in matrix.groups.iter().filter(|group| group.faults.len() > 1) {
        for (operation, outcome) in &group.outcomes {
            let _ = writeln!(page, "| {} | {} | {outcome} |", group.title(), operation.as_str());
        }
    }
    page
}

/// Faults of one dependency down, operations across.
fn table(matrix: &Matrix, dependency: Dependency) -> String {
    let operations: Vec<Operation> =
        Operation::ALL.iter().copied().filter(|it| dependency.operations().contains(it)).collect();
    let heads: Vec<&str> = operations.iter().map(|operation| operation.as_str()).collect();
    let mut table =
        format!("\n| {} | {} |\n|---|{}\n", dependency.as_str(), heads.join(" | "), "---|".repeat(heads.len()));
    for fault in FaultName::ALL {
        let alone = |group: &&Group| group.faults.len() == 1 && group.fault_of(dependency) == Some(*fault);
        if let Some(group) = matrix.groups.iter().find(alone) {
            let cells: Vec<String> = operations
                .iter()
                .map(|it| group.outcomes.get(it).map_or_else(String::new, ToString::to_string))
                .collect();
            let _ = writeln!(table, "| {} | {} |", fault.as_str(), cells.join(" | "));
        }
    }
    for excluded in matrix.excluded.iter().filter(|it| it.dependency == dependency) {
        let _ = write!(table, "\nNo cell *{}*: {}\n", excluded.fault.as_str(), excluded.reason);
    }
    table
}

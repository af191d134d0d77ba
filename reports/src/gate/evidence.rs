//! What counts as evidence: which record belongs to which part, and why one does not count.

use std::collections::HashSet;

use contract_types::{GatePart, GatePartPart, GatePartVerdict, RunRecordVerdict};
use serde_json::Value;

use super::Terms;
use crate::model::{Run, Suite};

/// How a suite's note begins that says the run held a part of it alone.
const PART_OF_SUITE: &str = "part of the suite:";

/// What load does by a command of its own and not by a scenario.
const COMMANDS_OF_LOAD: [&str; 4] = ["compare", "smoke", "soak", "streams"];

/// What a run is called whose command does not say what it did.
pub(crate) const UNNAMED: &str = "run";

/// The part that a run belongs to.
pub(super) fn part(run: &Run) -> GatePartPart {
    match run.suite() {
        Suite::Conformance => GatePartPart::Conformance,
        Suite::Saboteurs => GatePartPart::Saboteurs,
        Suite::Quality => GatePartPart::Quality,
        Suite::Load => GatePartPart::Load,
    }
}

/// What a run did, as its command says: the scenario of load, or the command behind the `--`.
pub(crate) fn name(run: &Run) -> String {
    let words: Vec<&str> = run.record.command.split_whitespace().collect();
    let scenario = words.windows(2).find(|pair| pair[0] == "--scenario").map(|pair| pair[1]);
    // Behind the `--` of cargo; a program that was started itself is the first word, and says nothing.
    let program = usize::from(!words.is_empty());
    let own = words.iter().position(|word| *word == "--").map_or(&words[program..], |at| &words[at + 1..]);
    let own = if words.first() == Some(&"cargo") && !words.contains(&"--") { &[] } else { own };
    let verb = own.first().filter(|word| !word.starts_with('-'));
    let rows = || run.record.load.iter().flatten().next().map(|row| row.scenario.as_str());
    let found = match run.suite() {
        Suite::Load => verb.copied().or(scenario).or_else(rows),
        Suite::Quality | Suite::Conformance | Suite::Saboteurs => verb.copied(),
    };
    let plain = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
    let name: String = found.unwrap_or(UNNAMED).chars().filter(plain).take(64).collect();
    if name.is_empty() { UNNAMED.to_owned() } else { name }
}

/// How the run says that it held a part of its suite alone; nothing where it held all of it.
pub(crate) fn part_of_suite(run: &Run) -> Option<&str> {
    run.record.notes.iter().find_map(|note| note.strip_prefix(PART_OF_SUITE)).map(str::trim)
}

/// Whether two runs of a suite did the same: by the same command, and both of the whole suite or both of a part.
pub(crate) fn same_kind(one: &Run, other: &Run) -> bool {
    let named = |run: &Run| match run.suite() {
        // Conformance is run by several commands that do the same.
        Suite::Conformance | Suite::Saboteurs => String::new(),
        Suite::Quality | Suite::Load => name(run),
    };
    named(one) == named(other) && part_of_suite(one).is_some() == part_of_suite(other).is_some()
}

/// `load search`, `conformance`.
pub(crate) fn label(part: GatePartPart, name: Option<&str>) -> String {
    name.map_or_else(|| part.to_string(), |name| format!("{part} {name}"))
}

/// The command that makes a record of a part.
pub(super) fn command(part: GatePartPart, name: Option<&str>, target: &str) -> String {
    let name = name.unwrap_or_default();
    match part {
        GatePartPart::Conformance => format!("cargo test -p conformance -- --target {target}"),
        GatePartPart::Saboteurs => "cargo run -p conformance -- saboteurs".to_owned(),
        // What a run is called that does not say what it did is no command.
        GatePartPart::Quality if name == UNNAMED => format!("cargo run -p quality -- smoke --target {target}"),
        GatePartPart::Load if name == UNNAMED => format!("cargo run -p loadtests --release -- --target {target}"),
        GatePartPart::Quality => format!("cargo run -p quality -- {name} --target {target}"),
        GatePartPart::Load if COMMANDS_OF_LOAD.contains(&name) => {
            format!("cargo run -p loadtests --release -- {name} --target {target}")
        }
        GatePartPart::Load => format!("cargo run -p loadtests --release -- --target {target} --scenario {name}"),
    }
}

/// Why the newest record of a part decides nothing.
pub(super) fn fault(run: &Run, terms: &Terms) -> Option<String> {
    let (file, record) = (&run.file, &run.record);
    if !terms.fresh(run) {
        let hours = terms.now.duration_since(run.finished).as_hours();
        return Some(format!("{file} is {hours} hours old, more than {}", terms.max_age.as_hours()));
    }
    let ours = contract_version();
    if record.contract_version != ours {
        return Some(format!("{file} is of the contract {}, this program knows {ours}", record.contract_version));
    }
    if let Some(commit) = terms.commit.as_ref().filter(|commit| record.commit.as_ref() != Some(*commit)) {
        let theirs = record.commit.as_deref().unwrap_or("no commit");
        return Some(format!("{file} is of {theirs}, expected the commit {commit}"));
    }
    if record.verdict == RunRecordVerdict::Error {
        let said = record.notes.last().map(|note| format!(": {note}")).unwrap_or_default();
        return Some(format!("the run of {file} could not be completed{said}"));
    }
    if record.verdict == RunRecordVerdict::Pass && looked_at(run) == 0 {
        return Some(format!("the run of {file} passed and looked at nothing"));
    }
    None
}

/// How many things the run looked at: cases that passed, scores and measurements with a request.
fn looked_at(run: &Run) -> usize {
    let passed = usize::try_from(run.record.counts.passed).unwrap_or(usize::MAX);
    let load = run.record.load.iter().flatten().filter(|row| row.requests > 0).count();
    passed.saturating_add(load).saturating_add(run.record.scores.as_ref().map_or(0, Vec::len))
}

/// Version of the contract that this program was built with.
pub(super) fn contract_version() -> String {
    let document: Value = serde_json::from_str(contract_types::OPENAPI).expect("the generator writes valid JSON");
    document["info"]["version"].as_str().unwrap_or_default().to_owned()
}

/// What a reader should know of the records that were judged.
pub(super) fn remarks(judged: &[&Run], parts: &[GatePart], terms: &Terms) -> Vec<String> {
    let mut remarks = Vec::new();
    let commits: HashSet<&str> = judged.iter().filter_map(|run| run.record.commit.as_deref()).collect();
    if commits.len() > 1 {
        remarks.push("The records are of different commits; --commit asks for one.".to_owned());
    }
    for run in judged {
        if let Some(chosen) = part_of_suite(run) {
            remarks.push(format!("{} holds a part of its suite alone, {chosen}.", run.file));
        }
        let (_, budgets) = run.budgets();
        if run.suite() == Suite::Load && budgets == 0 {
            let file = format!("loadtests/budgets/{}.yaml", terms.target);
            remarks.push(format!("{} had no budget of latency to keep; {file} gives one.", run.file));
        }
    }
    let left = parts.iter().filter(|part| part.verdict == GatePartVerdict::LeftOut);
    let left: Vec<String> = left.map(|part| label(part.part, part.name.as_deref())).collect();
    if !left.is_empty() {
        remarks.push(format!("Not counted: {}.", left.join(", ")));
    }
    remarks.truncate(32);
    remarks
}

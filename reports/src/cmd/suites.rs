//! Runs the suites of a gate, one after the other: each is a program of its own, and only its exit code and its record count.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use contract_types::GatePartPart;

use super::gate::{GateArguments, folder};

/// Folder of built programs that are run in place of `cargo run`.
const PROGRAMS: &str = "PLUMBLINE_BIN";
/// The target that saboteurs are tried on.
const LOCAL: &str = "local";
/// Exit codes of a suite that leave no verdict, the gravest first: out of reach, refused, broken.
const UNDECIDED: [u8; 3] = [3, 2, 1];
/// Checks failed: the record says which.
const FAILED: u8 = 100;

/// How the suites ended that were run.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The suite, and its exit code; nothing where a signal ended it.
    ended: Vec<(String, Option<u8>)>,
}

impl Ran {
    /// The exit code of the suite that left the least to judge by; nothing where each gave a verdict.
    pub(super) fn worst(&self) -> Option<u8> {
        let codes = || self.ended.iter().map(|(_, code)| code.unwrap_or(1));
        let known = UNDECIDED.into_iter().find(|code| codes().any(|ended| ended == *code));
        known.or_else(|| codes().any(|code| code != 0 && code != FAILED).then_some(1))
    }

    /// What a reader should know of the suites that gave no verdict.
    pub(super) fn told(&self) -> Vec<String> {
        let undecided = self.ended.iter().filter(|(_, code)| !matches!(code, Some(0 | FAILED)));
        let why = |code: Option<u8>| match code {
            Some(3) => "the target is out of reach".to_owned(),
            Some(2) => "it refused its arguments or input".to_owned(),
            Some(code) => format!("it broke with exit code {code}"),
            None => "it was ended by a signal".to_owned(),
        };
        undecided.map(|(suite, code)| format!("{suite} gave no verdict: {}.", why(*code))).collect()
    }
}

/// A suite with what it is to do.
struct Suite {
    name: String,
    program: &'static str,
    words: Vec<String>,
}

/// Runs every suite of the gate. What they print goes to standard error, so that standard output holds the verdict alone.
pub(super) fn run(arguments: &GateArguments) -> anyhow::Result<Ran> {
    let out = folder(&arguments.out)?;
    let programs = std::env::var_os(PROGRAMS).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut ran = Ran::default();
    for suite in suites(arguments, &out) {
        eprintln!("gate: {}", suite.name);
        let mut command = command(&suite, programs.as_deref());
        let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
        let status = status.with_context(|| format!("{}: `{}` cannot be started", suite.name, suite.program))?;
        ran.ended.push((suite.name, status.code().and_then(|code| u8::try_from(code).ok())));
    }
    Ok(ran)
}

fn command(suite: &Suite, programs: Option<&Path>) -> Command {
    let mut command = if let Some(folder) = programs {
        Command::new(folder.join(suite.program))
    } else {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["run", "-q", "-p", suite.program, "--"]);
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        command
    };
    command.args(&suite.words);
    command
}

fn suites(arguments: &GateArguments, out: &Path) -> Vec<Suite> {
    let wanted = |part: GatePartPart| arguments.parts.is_empty() || arguments.parts.contains(&part);
    let (target, out) = (arguments.target.as_str(), out.display().to_string());
    let suite = |name: String, program: &'static str, first: &[&str], more: &[(&str, &[String])]| {
        let first = first.iter().map(|word| (*word).to_owned());
        let given = ["--target", target, "--out", &out].map(str::to_owned);
        let more = more.iter().flat_map(|(flag, values)| {
            values.iter().flat_map(|value| [(*flag).to_owned(), value.clone()]).filter(|word| !word.is_empty())
        });
        Suite { name, program, words: first.chain(given).chain(more).collect() }
    };
    let mut all = Vec::new();
    if wanted(GatePartPart::Conformance) {
        let more: [(&str, &[String]); 1] = [("--filter", &arguments.filters)];
        all.push(suite("conformance".to_owned(), "conformance", &["run"], &more));
    }
    if wanted(GatePartPart::Saboteurs) && target == LOCAL {
        // It takes its texts without a flag.
        all.push(suite("saboteurs".to_owned(), "conformance", &["saboteurs"], &[("", &arguments.filters)]));
    }
    if wanted(GatePartPart::Quality) {
        all.push(suite("quality".to_owned(), "quality", &["smoke"], &[("--tenant", &arguments.tenants)]));
    }
    if wanted(GatePartPart::Load) {
        for scenario in &arguments.scenarios {
            let one = |value: &str| [value.to_owned()];
            let (name, time, users) = (one(scenario), one(&arguments.duration), one(&arguments.users.to_string()));
            let more: [(&str, &[String]); 3] = [("--scenario", &name), ("--duration", &time), ("--users", &users)];
            all.push(suite(format!("load {scenario}"), "loadtests", &[], &more));
        }
    }
    all
}

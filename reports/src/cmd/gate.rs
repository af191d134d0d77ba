//! `reports gate`: one verdict on one target, for people, for a pull request and for machines.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use clap::Args;
use contract_types::{GatePartPart, GatePartVerdict, GateReport, GateReportVerdict};
use jiff::{SignedDuration, Timestamp};
use reports::Terms;

use super::{USAGE, broke, refused, suites, write};

/// Reasons of each part that are printed; the JSON and the record have all.
const REASONS_SHOWN: usize = 5;

/// Gives one verdict on a target by its newest run records: conformance, saboteurs (on `local` alone), quality and load.
///
/// Every part that counts needs a record that passes, is not too old and held its whole suite; without one the verdict is `error`.
/// With --run the suites are run first. With --filter, --tenant or --partial the record of a part of a suite counts too, and the
/// verdict says so. `PLUMBLINE_BIN` names a folder of built programs to run in place of `cargo run`.
///
/// Exit codes: 0 pass, 100 a part failed, 3 the target is out of reach, 1 there is no evidence to judge by or a suite broke,
/// 2 an argument or a record cannot be used.
#[derive(Debug, Args)]
pub(super) struct GateArguments {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(super) target: String,
    /// Folder of the run records. The default is that of the workspace this binary was built in.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/out"))]
    pub(super) out: PathBuf,
    /// Run the suites first, and judge by what they write.
    #[arg(long)]
    pub(super) run: bool,
    /// Only these parts; the others are left out, and the verdict says so.
    #[arg(long = "part", value_name = "PART", value_delimiter = ',', value_parser = part)]
    pub(super) parts: Vec<GatePartPart>,
    /// Greatest age of a record that counts, such as 90m, 24h or 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = age)]
    pub(super) max_age: SignedDuration,
    /// The commit that records must be of, 40 hexadecimal digits.
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    pub(super) commit: Option<String>,
    /// A scenario of load that must have a record; may be repeated.
    #[arg(long = "scenario", value_name = "NAME", default_value = "search")]
    pub(super) scenarios: Vec<String>,
    /// With --run, how long each scenario lasts.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(super) duration: String,
    /// With --run, users at once of each scenario.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(super) users: u16,
    /// With --run, only tests and saboteurs whose id holds this text; may be repeated.
    #[arg(long = "filter", value_name = "TEXT", requires = "run")]
    pub(super) filters: Vec<String>,
    /// With --run, only the questions of this tenant; may be repeated.
    #[arg(long = "tenant", value_name = "ID", requires = "run")]
    pub(super) tenants: Vec<String>,
    /// Take the record of a part of a suite for evidence too.
    #[arg(long)]
    pub(super) partial: bool,
    /// Write a comment for a pull request there, in Markdown.
    #[arg(long, value_name = "FILE")]
    comment: Option<PathBuf>,
    /// Write the verdict there as JSON (schema `GateReport`); `-` is standard output, which then holds nothing else.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn part(text: &str) -> Result<GatePartPart, String> {
    text.parse().map_err(|()| "expected conformance, saboteurs, quality or load".to_owned())
}

fn commit(text: &str) -> Result<String, String> {
    let whole = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if whole { Ok(text.to_owned()) } else { Err("expected 40 hexadecimal digits in lower case".to_owned()) }
}

/// From one minute to a year.
fn age(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("expected a time such as 90m, 24h or 7d, found `{text}`");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let minutes =
        number.checked_mul(minutes).filter(|minutes| (1..=366 * 24 * 60).contains(minutes)).ok_or_else(wrong)?;
    Ok(SignedDuration::from_mins(minutes))
}

/// The machine's clock, to the millisecond.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl GateArguments {
    pub(super) fn run(&self) -> ExitCode {
        match self.judged() {
            Ok((report, code)) => self.tell(&report, code).unwrap_or_else(|error| broke(&error)),
            Err(refusal) => refusal,
        }
    }

    /// The verdict and the exit code, which a target out of reach can change.
    fn judged(&self) -> Result<(GateReport, u8), ExitCode> {
        let began = now();
        let ran = if self.run { suites::run(self).map_err(|error| broke(&error))? } else { suites::Ran::default() };
        let runs = reports::read(&self.out).map_err(|error| refused(&error.to_string()))?;
        let mut terms = self.terms();
        if self.run {
            // What lay there before says nothing about this run, whatever its age.
            terms.max_age = terms.now.duration_since(began);
        }
        let mut report = reports::gate(&runs, &terms);
        report.remarks.extend(ran.told());
        let code = u8::try_from(report.exit_code).unwrap_or(1);
        // A failure is certain and outranks what could not be looked at.
        let code = if report.verdict == GateReportVerdict::Fail { code } else { ran.worst().unwrap_or(code) };
        report.exit_code = code.into();
        if code != 0 && report.verdict == GateReportVerdict::Pass {
            report.verdict = GateReportVerdict::Error;
        }
        Ok((report, code))
    }

    fn terms(&self) -> Terms {
        let parts = if self.parts.is_empty() { GatePartPart::ALL.to_vec() } else { self.parts.clone() };
        Terms {
            max_age: self.max_age,
            parts,
            scenarios: self.scenarios.clone(),
            commit: self.commit.clone(),
            partial: self.partial || !self.filters.is_empty() || !self.tenants.is_empty(),
            ..Terms::new(&self.target, now())
        }
    }

    fn tell(&self, report: &GateReport, code: u8) -> anyhow::Result<ExitCode> {
        let json = || serde_json::to_string_pretty(report).context("the verdict as JSON").map(|text| text + "\n");
        // The verdict is told first: suites may have run for an hour, and a file that cannot be written must not take it along.
        let file = self.json.as_deref().filter(|path| *path != Path::new("-"));
        match (&self.json, file) {
            (Some(_), None) => print!("{}", json()?),
            (None | Some(_), _) => print(report),
        }
        if let Some(path) = file {
            write(path, &json()?)?;
        }
        if let Some(path) = &self.comment {
            write(path, &reports::gate_comment(report))?;
        }
        if code == USAGE {
            eprintln!("a suite refused its arguments or input; its message stands above");
        }
        Ok(ExitCode::from(code))
    }
}

/// The verdict in one line, then the parts with their reasons.
fn print(report: &GateReport) {
    println!("gate on {}: {}", report.target, report.verdict);
    for part in &report.parts {
        let name = part.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        let verdict = if part.verdict == GatePartVerdict::LeftOut { "left out" } else { part.verdict.as_str() };
        println!("  {}{name}: {verdict} ({})", part.part, part.summary);
        for reason in part.reasons.iter().take(REASONS_SHOWN) {
            println!("    {}: {}: {}", reason.kind, reason.what, reason.told);
        }
        let left = part.reasons.len().saturating_sub(REASONS_SHOWN);
        if left > 0 {
            println!("    and {left} more");
        }
    }
    for case in report.flaky.iter().take(REASONS_SHOWN) {
        println!("  not steady: {} failed in {} of {} runs, {} flips", case.case, case.failed, case.runs, case.flips);
    }
    for remark in &report.remarks {
        println!("  note: {remark}");
    }
}

/// The folder of the records, made where there is none: the suites write there.
pub(super) fn folder(out: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    fs::canonicalize(out).with_context(|| format!("cannot find {}", out.display()))
}

#[cfg(test)]
mod tests {
    use super::{age, commit, part};

    #[test]
    fn reads_ages_commits_and_parts() {
        for (text, minutes) in [("90m", 90), ("24h", 1440), ("7d", 10_080)] {
            assert_eq!(age(text).map(|age| age.as_mins()), Ok(minutes), "{text}");
        }
        for text in ["", "h", "0m", "-1h", "1.5h", "9", "400d", "99999999999999999999d", "5é"] {
            assert!(age(text).is_err(), "{text}");
        }
        assert!(commit(&"0f".repeat(20)).is_ok() && commit("HEAD").is_err() && commit(&"0F".repeat(20)).is_err());
        assert!(part("load").is_ok() && part("loads").is_err());
    }
}

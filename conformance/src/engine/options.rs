//! The options of a run, the same for the program and for `cargo test`.

use std::{path::PathBuf, time::Duration};

use super::stop::Stops;
use crate::suite::Tier;

/// What to run against which target, when to stop, and what to write.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Name of a profile: a file of conformance/targets or targets here, of --targets, or one of the project's own.
    #[arg(long, env = "CONFORMANCE_TARGET", default_value = "local")]
    pub target: String,
    /// Only tests whose id holds one of these texts.
    #[arg(value_name = "TEXT")]
    pub texts: Vec<String>,
    /// Only tests whose id holds this text; may be repeated, and says the same as a TEXT.
    #[arg(long = "filter", value_name = "TEXT")]
    pub filters: Vec<String>,
    /// Only the test of exactly this id; may be repeated.
    #[arg(long = "case", value_name = "ID")]
    pub cases: Vec<String>,
    /// Only tests of this rule, for example TEN-009; may be repeated.
    #[arg(long = "rule", value_name = "RULE")]
    pub rules: Vec<String>,
    /// Only tests of this operation id, for example search; may be repeated.
    #[arg(long = "operation", value_name = "OPERATION")]
    pub operations: Vec<String>,
    /// Only these tiers. Probes take minutes and never decide; nothing else is left out unless it is said.
    #[arg(long = "tier", value_name = "TIER", value_enum, value_delimiter = ',', default_values_t = [Tier::Generated, Tier::Written, Tier::Property])]
    pub tiers: Vec<Tier>,
    /// Only what failed or broke in the newest record of this target.
    #[arg(long)]
    pub rerun_failed: bool,
    /// Part i of n, as i/n: the tests are dealt out in turn, so that n machines share a run.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(usize, usize)>,
    /// Seed of the property tier.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Time that the property tier is given, for example 10s or 5m.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "8s")]
    pub property_time: Duration,
    /// No test begins after this time, for example 90s or 10m.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_time: Option<Duration>,
    /// No test begins after this many requests.
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u64>,
    /// Stop at the first failure of a MUST.
    #[arg(long)]
    pub fail_fast: bool,
    /// Print the ids of the chosen tests and touch no target.
    #[arg(long)]
    pub list: bool,
    /// Say what a rule asks for and which tests hold it, and touch no target.
    #[arg(long, value_name = "RULE")]
    pub explain: Option<String>,
    /// Folder of run records; reports/out of the project when absent, plumbline-out here where there is no checkout.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write the run as JUnit XML too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the run as SARIF too.
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the run as a comment in Markdown too.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the run as an HTML page too.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// A form of the record, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Junit(PathBuf),
    Sarif(PathBuf),
    Markdown(PathBuf),
    Html(PathBuf),
}

impl Options {
    /// When the run is to stop.
    pub(super) fn stops(&self) -> Stops {
        Stops { first_failure: self.fail_fast, time: self.max_time, requests: self.max_requests }
    }

    /// The note of a run that holds a part of the suite alone, which opens no gate; nothing where all of it runs.
    pub(super) fn part(&self) -> Option<String> {
        let whole = [Tier::Generated, Tier::Written, Tier::Property].iter().all(|tier| self.tiers.contains(tier));
        let narrowed = [
            ("TEXT", !self.texts.is_empty()),
            ("--filter", !self.filters.is_empty()),
            ("--case", !self.cases.is_empty()),
            ("--rule", !self.rules.is_empty()),
            ("--operation", !self.operations.is_empty()),
            ("--tier", !whole),
            ("--rerun-failed", self.rerun_failed),
            ("--shard", self.shard.is_some()),
        ];
        let by: Vec<&str> = narrowed.into_iter().filter(|(_, narrows)| *narrows).map(|(name, _)| name).collect();
        (!by.is_empty()).then(|| format!("part of the suite: chosen by {}", by.join(", ")))
    }

    /// What is written beside the record.
    pub(super) fn forms(&self) -> Vec<Form> {
        let forms = [
            self.junit.clone().map(Form::Junit),
            self.sarif.clone().map(Form::Sarif),
            self.markdown.clone().map(Form::Markdown),
            self.html.clone().map(Form::Html),
        ];
        forms.into_iter().flatten().collect()
    }
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err("expected i/n with i from 1 to n, for example 2/4".to_owned()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| "expected a time such as 500ms, 90s or 10m".to_owned())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        unit => return Err(format!("`{unit}` is no unit; expected ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

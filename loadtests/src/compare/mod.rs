//! `loadtests compare`: whether one of two is slower. Either two targets in turns within one run, which is what a doubt should be
//! settled by, or two stored runs.

mod interleaved;
pub mod interval;
mod stored;

use std::{path::PathBuf, sync::Arc};

use clap::{Args, builder::RangedU64ValueParser};
use contract_types::OPENAPI;
use contracts::Contract;
use harness::{
    exit,
    judge::Judge,
    output::{data, say},
    prepare::Prepared,
    record,
};

use crate::{
    action::Action,
    population::{Population, Sharing},
    record::{Failure, Ran, gate},
    scenario::ScenarioName,
};
use interleaved::Side;
use interval::Finding;

/// Name of the scenario in records.
const NAME: &str = "compare";

/// Tells whether one of two is slower, by a 99 % interval of the ratio of medians and a margin of 5 %.
///
/// With --records, two stored load runs are compared stretch of time by stretch of time. Otherwise two targets are started or
/// reached and asked the same questions in turns. Exit code 100 where the second is slower.
#[derive(Debug, Clone, Args)]
pub struct CompareArguments {
    /// Two load records, the earlier first.
    #[arg(long, num_args = 2, value_names = ["BEFORE", "NOW"], conflicts_with_all = ["target", "other", "slow_other"])]
    pub records: Option<Vec<PathBuf>>,
    /// Target profile to compare with.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub target: String,
    /// Target profile to compare; the same again without this, which shows what a comparison of equals says.
    #[arg(long, value_name = "NAME")]
    pub other: Option<String>,
    /// What is asked: a scenario of one operation.
    #[arg(long, value_enum, default_value_t = ScenarioName::Retrieve)]
    pub scenario: ScenarioName,
    /// Pairs of requests.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    pub pairs: u32,
    /// Make the second target late by this share of the first's median, in percent and whole milliseconds, to see that it is found.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub slow_other: Option<u32>,
    /// Seed of the questions and their order.
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u64>::new().range(0..=9_007_199_254_740_991))]
    pub seed: u64,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl CompareArguments {
    fn command(&self) -> String {
        let mut text = format!(
            "cargo run -p loadtests -- compare --target {} --scenario {} --pairs {} --seed {}",
            self.target,
            self.scenario.as_str(),
            self.pairs,
            self.seed
        );
        let more = [("other", self.other.clone()), ("slow-other", self.slow_other.map(|it| it.to_string()))];
        for (name, value) in more.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            text = format!("{text} --{name} {value}");
        }
        text
    }
}

/// Compares and gives the exit code.
pub fn run(arguments: &CompareArguments) -> u8 {
    let outcome = match arguments.records.as_deref() {
        Some([before, now]) => stored::compare(before, now).map(|ratios| {
            let slower = ratios.iter().filter(|(_, ratio)| ratio.finding() == Finding::Slower).count();
            for (name, ratio) in &ratios {
                data(&format!("{name}: {}", ratio.told()));
            }
            if slower == 0 { exit::PASS } else { exit::FAILED }
        }),
        Some(_) | None => targets(arguments),
    };
    outcome.unwrap_or_else(|(code, message)| {
        say(&message);
        code
    })
}

fn targets(arguments: &CompareArguments) -> Result<u8, Failure> {
    let bug = |error: &dyn std::fmt::Display| (exit::HARNESS, error.to_string());
    let spec = arguments.scenario.spec();
    let &[(action, _)] = spec.mix else {
        return Err((exit::USAGE, "--scenario: expected one of a single operation, such as retrieve".to_owned()));
    };
    if action == Action::Ingest {
        return Err((exit::USAGE, "--scenario: a comparison writes nothing; expected one that asks".to_owned()));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| bug(&error))?;
    let started_at = record::now();
    let document = serde_json::from_str(OPENAPI).map_err(|error| bug(&error))?;
    let contract = Contract::from_document(document).map_err(|error| bug(&error))?;
    let open = |name: &str| -> Result<Prepared, Failure> {
        let told = |error: harness::prepare::PrepareError| (error.exit_code(), error.to_string());
        let mut prepared = Prepared::open(name, &[]).map_err(told)?;
        runtime.block_on(prepared.fill()).map_err(told)?;
        Ok(prepared)
    };
    let one = open(&arguments.target)?;
    let two = open(arguments.other.as_deref().unwrap_or(&arguments.target))?;
    let side = |prepared: &Prepared, name| -> Result<Side, Failure> {
        // Answers from a cache would hide what is compared, so questions are drawn evenly.
        let sharing = Sharing { zipf: 0.0, seed: arguments.seed, inspect_every: 20, duration: None, most: None };
        let population = runtime.block_on(Population::of(prepared)).map_err(|told| (exit::FAILED, told))?;
        let shared = population.share(&sharing, spec, Judge::new(&contract)).map_err(|told| (exit::USAGE, told))?;
        Ok(Side { name, shared: Arc::new(shared) })
    };
    let sides = [side(&one, "compare-first")?, side(&two, "compare-second")?];
    let inspected = sides.each_ref().map(|side| Arc::clone(&side.shared));
    let compared = runtime.block_on(interleaved::compare(arguments, action, sides, Some(&two)))?;
    let told = compared.ratio.map_or_else(|| "too few pairs to tell".to_owned(), interval::Ratio::told);
    data(&told);
    let slower = compared.ratio.is_none_or(|ratio| ratio.finding() == Finding::Slower);
    let findings = inspected.iter().map(|shared| shared.inspector.findings());
    let wrong: u64 = findings.map(|found| found.violating + found.leaking).sum();
    let errors = compared.errors;
    let one_gate = |name: &str, problem: Option<String>| gate(NAME, Some(action.operation().id), name, problem);
    let mut notes = vec![told.clone()];
    notes.extend(compared.notes);
    let ran = Ran {
        target: one.run_target(),
        started_at,
        seed: arguments.seed,
        command: arguments.command(),
        cases: vec![
            one_gate("slower", slower.then(|| format!("expected the second to be no slower, found {told}"))),
            one_gate(
                "statuses",
                (errors > 0).then(|| format!("expected status 200 for every request, found {errors} others")),
            ),
            one_gate(
                "sample",
                (wrong > 0).then(|| format!("expected answers by the contract, found {wrong} others in the sample")),
            ),
        ],
        load: compared.load,
        notes,
        unreachable: false,
    };
    ran.finish(arguments.out.as_deref())
}

//! `loadtests compare`: whether one of two is slower. Either two targets in turns within one run, which is what a doubt should be
//! settled by, or two stored runs.

mod interleaved;
pub mod interval;
mod stored;

use std::{path::PathBuf, sync::Arc};

use clap::{Args, builder::RangedU64ValueParser};
use contract_types::{CaseRecord, OPENAPI};
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
use interleaved::{Compared, Side};
use interval::Finding;

/// Name of the scenario in records.
const NAME: &str = "compare";

/// Tells whether one of two is slower, by a 99 % interval of the ratio and a margin of 5 %. The interval comes from the pairs' ratios,
/// slice of time by slice of time, drawn again in blocks.
///
/// With --records, two stored load runs are compared stretch of time by stretch of time. Otherwise two targets are started or
/// reached and asked the same questions in turns. Exit code 100 where the second is slower.
#[derive(Debug, Clone, Args)]
pub struct CompareArguments {
    /// Two load records, the earlier first.
    #[arg(long, num_args = 2, value_names = ["BEFORE", "NOW"], conflicts_with_all = ["target", "other", "slow_other", "prove"])]
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
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(200..=100_000))]
    pub pairs: u32,
    /// Make the second target late by this share of the first's median, in percent and whole milliseconds, to see that it is found.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub slow_other: Option<u32>,
    /// Compare so often as things are, half of it before and half after one comparison with --slow-other (20 percent without it), all
    /// in one run on the same two targets: passes where the slowdown is found and nothing else is.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub prove: Option<u32>,
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
        let number = |it: Option<u32>| it.map(|it| it.to_string());
        let more =
            [("other", self.other.clone()), ("slow-other", number(self.slow_other)), ("prove", number(self.prove))];
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
    let runtime = crate::threads::runtime().map_err(|error| bug(&error))?;
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
    let turns = Turns { arguments, action, sides: &sides, two: &two };
    let (mut cases, mut notes) = match arguments.prove {
        None => runtime.block_on(turns.once())?,
        Some(times) => runtime.block_on(turns.prove(times))?,
    };
    notes.push(format!("load average of the machine: {}", crate::streams::load_average()));
    let findings = sides.iter().map(|side| side.shared.inspector.findings());
    let wrong: u64 = findings.map(|found| found.violating + found.leaking).sum();
    let told = (wrong > 0).then(|| format!("expected answers by the contract, found {wrong} others in the sample"));
    cases.push(gate(NAME, Some(action.operation().id), "sample", told));
    let mut load = Vec::new();
    for side in &sides {
        load.extend(side.shared.recorder.measured().records(side.name, 0, &[]));
    }
    let ran = Ran {
        target: one.run_target(),
        started_at,
        seed: arguments.seed,
        command: arguments.command(),
        cases,
        load,
        notes,
        unreachable: false,
    };
    ran.finish(arguments.out.as_deref())
}

/// Two sides and what is asked of them.
struct Turns<'a> {
    arguments: &'a CompareArguments,
    action: Action,
    sides: &'a [Side; 2],
    two: &'a Prepared,
}

/// Gates and remarks.
type Came = (Vec<CaseRecord>, Vec<String>);

impl Turns<'_> {
    fn gate(&self, name: &str, problem: Option<String>) -> CaseRecord {
        gate(NAME, Some(self.action.operation().id), name, problem)
    }

    /// One comparison, told to people: its finding in words, and whether the second is slower.
    async fn turn(&self, seed: u64, slow: Option<u32>) -> Result<(String, Finding, Compared), Failure> {
        let slow = slow.map(|percent| (percent, self.two));
        let compared = interleaved::compare(self.arguments, self.action, self.sides, seed, slow).await?;
        let told = compared.ratio.map_or_else(|| "too few pairs to tell".to_owned(), interval::Ratio::told);
        data(&told);
        let finding = compared.ratio.map_or(Finding::Open, interval::Ratio::finding);
        Ok((told, finding, compared))
    }

    async fn once(&self) -> Result<Came, Failure> {
        let (told, finding, compared) = self.turn(self.arguments.seed, self.arguments.slow_other).await?;
        let slower = finding == Finding::Slower;
        let cases = vec![
            self.gate("slower", slower.then(|| format!("expected the second to be no slower, found {told}"))),
            self.statuses(compared.errors),
        ];
        let mut notes = vec![told];
        notes.extend(compared.notes);
        Ok((cases, notes))
    }

    /// Unchanged comparisons around one with a seeded slowdown.
    async fn prove(&self, times: u32) -> Result<Came, Failure> {
        let percent = self.arguments.slow_other.unwrap_or(20);
        let (mut alarms, mut missed, mut errors, mut notes) = (Vec::new(), None, 0, Vec::new());
        for number in 0..=times {
            let slow = (number == times / 2).then_some(percent);
            let (told, finding, compared) = self.turn(self.arguments.seed + u64::from(number), slow).await?;
            // What a side has measured grows from turn to turn, so the last count of errors is that of all.
            errors = compared.errors;
            let slower = finding == Finding::Slower;
            match slow {
                Some(_) => missed = (!slower).then(|| told.clone()),
                None if slower => alarms.push(told.clone()),
                None => {}
            }
            notes
                .push(format!("{}: {told}", slow.map_or_else(|| "unchanged".to_owned(), |it| format!("{it} % later"))));
            notes.extend(compared.notes);
        }
        let alarmed = (!alarms.is_empty()).then(|| {
            format!(
                "expected none of {times} unchanged comparisons to be slower, found {}: {}",
                alarms.len(),
                alarms.join("; ")
            )
        });
        let missed = missed.map(|told| format!("expected a slowdown of {percent} % to be found, found {told}"));
        let cases = vec![self.gate("caught", missed), self.gate("unchanged", alarmed), self.statuses(errors)];
        Ok((cases, notes))
    }

    fn statuses(&self, errors: u64) -> CaseRecord {
        let told = (errors > 0).then(|| format!("expected status 200 for every request, found {errors} others"));
        self.gate("statuses", told)
    }
}

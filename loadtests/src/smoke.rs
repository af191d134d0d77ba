//! `loadtests smoke`: every scenario at once, each for the same short time and at a low rate. It tells whether each still runs and is
//! still answered rightly; how fast is told and not judged, because they share the machine with each other.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use contract_types::{CaseRecord, LoadBudget, LoadRecord, OPENAPI};
use contracts::Contract;
use harness::{
    exit,
    judge::Judge,
    output::{data, say},
    prepare::Prepared,
    record,
};
use tokio::task::JoinSet;

use crate::{
    ask::{self, Shared},
    budget,
    cli::duration,
    open,
    population::{Population, Sharing},
    record::{Failure, Ran},
    report::Results,
    run,
    scenario::{ScenarioName, Shape},
    streams,
};

/// Most requests of one scenario that are open at once.
const OPEN: usize = 200;
/// Users who flood in noisy-neighbour.
const FLOOD: usize = 1;
/// One in how many answers of each scenario is inspected: nearly all, since there are few.
const INSPECT_EVERY: u64 = 2;

/// Runs every scenario at once at a low rate: the steady ones, the flood, the spike and the ramp on one target, and whole and cut
/// streams on targets of their own.
///
/// Each answer must have status 200 and a good end, half of them are held against the contract and searched for other tenants'
/// canaries, what was written must be deleted, streams may not be cut, and what cut streams held must come back. Times are told and
/// not judged.
#[derive(Debug, Clone, Args)]
pub struct SmokeArguments {
    /// Target profile that starts its target.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub target: String,
    /// How long each scenario lasts.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub duration: Duration,
    /// Requests of each scenario that arrive a second; the ramp begins with it.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0.5, value_parser = crate::cli::rate)]
    pub rate: f64,
    /// Seed of the questions and their order.
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u64>::new().range(0..=9_007_199_254_740_991))]
    pub seed: u64,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A scenario that is over.
struct Over {
    name: ScenarioName,
    segments: Vec<crate::schedule::Segment>,
    noisy: Option<usize>,
    shared: Arc<Shared>,
    went: open::Went,
}

impl SmokeArguments {
    fn command(&self) -> String {
        let Self { target, duration, rate, seed, out: _ } = self;
        let seconds = duration.as_secs();
        format!("cargo run -p loadtests -- smoke --target {target} --duration {seconds}s --rate {rate} --seed {seed}")
    }
}

/// Runs it and gives the exit code.
pub fn run(arguments: &SmokeArguments) -> u8 {
    try_run(arguments).unwrap_or_else(|(code, message)| {
        say(&message);
        code
    })
}

fn try_run(arguments: &SmokeArguments) -> Result<u8, Failure> {
    let bug = |error: &dyn std::fmt::Display| (exit::HARNESS, error.to_string());
    let document = serde_json::from_str(OPENAPI).map_err(|error| bug(&error))?;
    let judge = Arc::new(Judge::new(&Contract::from_document(document).map_err(|error| bug(&error))?));
    let runtime = crate::threads::runtime().map_err(|error| bug(&error))?;
    let opened = Prepared::open(&arguments.target, &[]);
    let mut prepared = opened.map_err(|error| (error.exit_code(), error.to_string()))?;
    if !prepared.target.is_started() {
        let told = format!("profile `{}`: expected one that starts its target, such as local", arguments.target);
        return Err((exit::USAGE, told));
    }
    runtime.block_on(prepared.fill()).map_err(|error| (error.exit_code(), error.to_string()))?;
    runtime.block_on(run::warm_up(&prepared)).map_err(|error| (exit::UNREACHABLE, error.to_string()))?;
    // All are up before the first request: what starts a server is no part of what is measured.
    let yards = runtime.block_on(async {
        let open = || streams::Yard::open(&arguments.target, streams::Operation::Chat);
        Ok::<_, Failure>([Arc::new(open().await?), Arc::new(open().await?)])
    })?;
    let started_at = record::now();
    let (mut overs, whole, cut) = runtime.block_on(async {
        let population = Population::of(&prepared).await.map_err(|told| (exit::FAILED, told))?;
        let names = ScenarioName::value_variants();
        say(&format!("{} scenarios, whole and cut streams at once for {:?}", names.len(), arguments.duration));
        let mut running = JoinSet::new();
        for (index, name) in (0_u32..).zip(names) {
            // Scenarios take turns within the pause of one of them, or all would ask in the same millisecond.
            let share = f64::from(index) / f64::from(u32::try_from(names.len()).unwrap_or(1));
            let after = Duration::from_secs_f64(share / arguments.rate);
            let begun = begin(*name, after, arguments, &population, Arc::clone(&judge));
            running.spawn(begun.map_err(|told| (exit::USAGE, format!("scenario `{}`: {told}", name.as_str())))?);
        }
        let (whole, cut) = tokio::join!(
            streams::smoke_whole(&yards[0], arguments.duration),
            streams::smoke_cut(&yards[1], arguments.duration, arguments.seed)
        );
        let overs: Result<Vec<Over>, reqwest::Error> = running.join_all().await.into_iter().collect();
        Ok::<_, Failure>((overs.map_err(|error| bug(&error))?, whole?, cut?))
    })?;
    overs.sort_by_key(|over| over.name);
    let client = ask::client().build().map_err(|error| bug(&error))?;
    let (mut cases, mut load, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for over in overs {
        let left_behind = runtime.block_on(over.shared.clean_up(&client));
        judge_one(over, arguments, left_behind, (&mut cases, &mut load, &mut notes))?;
    }
    for (more_cases, more_load, note) in [whole, cut] {
        cases.extend(more_cases);
        load.extend(more_load);
        data(&note);
        notes.push(note);
    }
    let ran = Ran {
        target: prepared.run_target(),
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

/// One scenario, ready to run, which begins after a while.
fn begin(
    name: ScenarioName,
    after: Duration,
    arguments: &SmokeArguments,
    population: &Population,
    judge: Arc<Judge>,
) -> Result<impl Future<Output = Result<Over, reqwest::Error>> + Send + 'static, String> {
    let spec = name.spec();
    let sharing = Sharing {
        zipf: 1.0,
        seed: arguments.seed,
        inspect_every: INSPECT_EVERY,
        duration: Some(arguments.duration),
        most: None,
    };
    let shared = Arc::new(population.share(&sharing, spec, judge)?);
    let noisy = (spec.shape == Shape::Flood).then(|| shared.callers.len() - 1);
    let segments = spec.shape.segments(arguments.rate, arguments.duration, None);
    let plan = open::Plan {
        segments: segments.clone(),
        open: OPEN,
        flood: FLOOD,
        flood_rate: None,
        noisy,
        until_behind: spec.shape == Shape::Steps,
    };
    Ok(async move {
        tokio::time::sleep(after).await;
        let went = open::run(plan, &shared).await?;
        Ok(Over { name, segments, noisy, shared, went })
    })
}

/// Holds a scenario that is over against its budget of errors, and tells what it measured.
fn judge_one(
    over: Over,
    arguments: &SmokeArguments,
    left_behind: u64,
    (cases, load, notes): (&mut Vec<CaseRecord>, &mut Vec<LoadRecord>, &mut Vec<String>),
) -> Result<(), Failure> {
    let Over { name, segments, noisy, shared, went } = over;
    let shape = name.spec().shape;
    let budgets = budget::of(&arguments.target, name.as_str()).map_err(|error| (exit::USAGE, error.to_string()))?;
    let results = Results {
        scenario: name.as_str(),
        shape,
        parts: shape.parts(name, &segments),
        tenants: shared.callers.iter().map(|caller| caller.tenant.clone()).collect(),
        noisy,
        measured: shared.recorder.measured(),
        findings: shared.inspector.findings(),
        inspected_every: shared.inspector.every(),
        budgets: budgets.into_iter().filter_map(of_errors).collect(),
        left_behind,
    };
    let all = results.measured.all();
    let told = format!(
        "{:16} {:>6} requests, {:>3} errors, p50 {:>8.2} ms, p95 {:>8.2} ms; {} inspected{}",
        name.as_str(),
        all.requests(),
        all.errors(),
        all.quantile_ms(0.5),
        all.quantile_ms(0.95),
        results.findings.inspected,
        if went.behind { "; fell behind" } else { "" }
    );
    data(&told);
    notes.push(told);
    // What is told of each tenant would be most of the record, and each has few requests here.
    load.extend(results.records().into_iter().filter(|record| record.tenant.is_none()));
    cases.extend(results.gates());
    Ok(())
}

/// What of a budget a smoke holds to.
fn of_errors(budget: LoadBudget) -> Option<LoadBudget> {
    let most = budget.errors?;
    let mut only = LoadBudget::new(budget.scenario);
    only.errors = Some(most);
    Some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_to_errors_and_to_no_time() {
        let mut budget = LoadBudget::new("search".to_owned());
        budget.p95_ms = Some(1.0);
        assert!(of_errors(budget.clone()).is_none());
        budget.errors = Some(0.0);
        let kept = of_errors(budget).expect("there is one of errors");
        assert_eq!((kept.errors, kept.p95_ms), (Some(0.0), None));
    }
}

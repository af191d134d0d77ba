//! The command line.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, builder::RangedU64ValueParser};

use contract_types::LoadBudget;

use crate::{compare, model, run, scenario::ScenarioName, smoke, streams};

/// What `--help` ends with.
const EXAMPLES: &str = "\
Two models of load:
  Without --rate, --users ask as soon as their last answer is there (closed). Such a run tells how much a target can do; a target
  that stalls slows it down too, so its percentiles hide stalls.
  With --rate, requests arrive at that rate whatever the target does (open), and latency counts from when a request was to begin.
  That is how many people who know nothing of each other ask, and what percentiles should be read from.

Examples:
  How much can it do?                 loadtests --scenario search --users 16
  How fast is it at 50 a second?      loadtests --scenario search --rate 50 --duration 1m
  Where does it fall behind?          loadtests --scenario ramp --rate 10 --duration 2m
  Does one tenant harm the others?    loadtests --scenario noisy-neighbour --users 32 --rate 20 --duration 2m
  A deployment elsewhere, gently:     loadtests --target staging --scenario mixed --rate 5 --max-requests 500
  Many paced streams at once:         loadtests streams --streams 200 --share 0.3
  Are fifty tenants treated alike?    loadtests --scenario tenants --crowd 50 --rate 200 --duration 5m
  Does each scenario still run?       loadtests smoke
  Is a change slower?                 loadtests compare --target local --other changed --scenario retrieve
  One machine is not enough?          Run it on several with different --seed, then: reports merge a.json b.json --out merged

What a run is judged by: every answer has status 200 and every stream one good end; the sample keeps to the contract and holds no
canary of another tenant; and the budgets of loadtests/budgets/TARGET.yaml hold. The record goes to reports/out, and `cargo run -p
reports` draws it.

Exit codes: 0 passed, 1 a bug of ours, 2 an argument or file cannot be used, 3 the target cannot be reached, 100 failed.";

/// Puts a stated load on a deployment, measures it, and looks at a sample of the answers.
#[derive(Debug, Clone, Parser)]
#[command(name = "loadtests", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// Target profile, a file of conformance/targets without its ending.
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub target: String,
    /// What the users do.
    #[arg(long, value_enum, default_value_t = ScenarioName::Search)]
    pub scenario: ScenarioName,
    /// Users at once who wait for their answers, or who flood in noisy-neighbour. The pace of a profile bounds users and rate,
    /// unless the run starts the target itself.
    #[arg(long, default_value_t = 8, value_parser = RangedU64ValueParser::<u64>::new().range(1..=1000))]
    pub users: u64,
    /// Tenants to make up for the run, all alike, in place of those of the fixtures; for a target that the run starts.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(2..=500))]
    pub crowd: Option<u32>,
    /// How long, such as 20s, 5m or 1h30m.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub duration: Duration,
    /// Requests that arrive a second, with latency counted from the intended start of each. Without it users ask as soon as
    /// their last answer is there. It is the ordinary rate of spike and noisy-neighbour (20 without it) and the first step of
    /// ramp (10 without it).
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub rate: Option<f64>,
    /// Most requests that are open at once with a rate; an arrival beyond waits, and its wait counts.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = RangedU64ValueParser::<u64>::new().range(1..=10_000))]
    pub max_open: u64,
    /// Most requests of the run. For a target that is not on this machine 5000 is the most that is taken, and the default.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub max_requests: Option<u64>,
    /// Inspect one answer in N of each user.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub inspect_every: u64,
    /// How uneven the questions are asked: Zipf's exponent, 0 for evenly.
    #[arg(long, value_name = "EXPONENT", default_value_t = 1.0, value_parser = exponent)]
    pub zipf: f64,
    /// Longest 95th percentile in milliseconds that passes, in place of that of the budgets.
    #[arg(long, value_name = "MS", value_parser = rate)]
    pub budget_p95_ms: Option<f64>,
    /// Seed of the questions and their order.
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<u64>::new().range(0..=9_007_199_254_740_991))]
    pub seed: u64,
    /// Folder that the run record is written to [default: reports/out of the workspace].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Something else than a scenario.
    #[command(subcommand)]
    pub other: Option<Other>,
}

/// What the program does beside scenarios.
#[derive(Debug, Clone, Subcommand)]
pub enum Other {
    /// Many paced streams at once.
    Streams(streams::LoadArguments),
    /// Streams that their clients cut.
    Soak(streams::SoakArguments),
    /// Every scenario at once, briefly and gently.
    Smoke(smoke::SmokeArguments),
    /// Whether one of two is slower.
    Compare(compare::CompareArguments),
    /// The scripted model alone.
    StandIn(model::ModelArguments),
}

impl Arguments {
    /// Runs the load; the exit code says how it went.
    pub fn run(self) -> ExitCode {
        let code = match &self.other {
            None => run::run(&self),
            Some(Other::Streams(arguments)) => streams::load(arguments),
            Some(Other::Soak(arguments)) => streams::run_soak(arguments),
            Some(Other::Smoke(arguments)) => smoke::run(arguments),
            Some(Other::Compare(arguments)) => compare::run(arguments),
            Some(Other::StandIn(arguments)) => model::serve(arguments),
        };
        ExitCode::from(code)
    }

    /// `budgets` with the arguments' own in place of theirs.
    pub(crate) fn budgets(&self, mut budgets: Vec<LoadBudget>) -> Vec<LoadBudget> {
        if let Some(most) = self.budget_p95_ms {
            budgets.iter_mut().filter(|budget| budget.operation.is_none()).for_each(|budget| budget.p95_ms = None);
            let mut own = LoadBudget::new(self.scenario.as_str().to_owned());
            own.p95_ms = Some(most);
            budgets.insert(0, own);
        }
        budgets
    }

    /// The command line that repeats the run.
    pub fn command(&self) -> String {
        let mut text = format!(
            "cargo run -p loadtests --release -- --target {} --scenario {} --users {} --duration {}s --inspect-every {} \
             --zipf {} --seed {}",
            self.target,
            self.scenario.as_str(),
            self.users,
            self.duration.as_secs(),
            self.inspect_every,
            self.zipf,
            self.seed
        );
        let more = [
            ("crowd", self.crowd.map(|tenants| tenants.to_string())),
            ("rate", self.rate.map(|rate| rate.to_string())),
            ("max-open", (self.max_open != 1000).then(|| self.max_open.to_string())),
            ("max-requests", self.max_requests.map(|most| most.to_string())),
            ("budget-p95-ms", self.budget_p95_ms.map(|budget| budget.to_string())),
        ];
        for (name, value) in more.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            text = format!("{text} --{name} {value}");
        }
        text
    }
}

/// Hours, minutes and seconds in that order; a number alone is seconds. From one second to a day.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a time such as 20s, 5m or 1h30m from 1s to 24h, found `{text}`");
    let (mut seconds, mut rest, mut units) = (0_u64, text, [('h', 3600), ('m', 60), ('s', 1)].into_iter());
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..].chars().next().unwrap_or('s');
        let (_, length) = units.find(|(letter, _)| *letter == unit).ok_or_else(wrong)?;
        seconds = number.checked_mul(length).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = rest.get(digits + 1..).unwrap_or_default();
    }
    if (1..=86_400).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    bounded(text, 0.1, 1_000_000.0)
}

/// Above 0 and at most 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    bounded(text, 0.01, 1.0)
}

fn exponent(text: &str) -> Result<f64, String> {
    bounded(text, 0.0, 10.0)
}

fn bounded(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("expected a number from {least} to {most}, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, seconds) in [("20s", 20), ("20", 20), ("5m", 300), ("1h30m", 5400), ("1m5s", 65), ("24h", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "25h", "s", "5d", "1m2h", "-1s", "1.5s", "99999999999999999999s", "20s20s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repeats_itself_by_its_command() {
        let given = ["loadtests", "--users", "3", "--duration", "1m", "--rate", "12.5", "--max-requests", "9"];
        let arguments = Arguments::try_parse_from(given).expect("the arguments are right");
        let command = arguments.command();
        let words = command.split(' ').skip_while(|word| *word != "--").skip(1);
        let again = Arguments::try_parse_from(std::iter::once("loadtests").chain(words)).expect("the command is right");
        assert_eq!(again.command(), command);
        assert_eq!((again.users, again.duration.as_secs(), again.rate), (3, 60, Some(12.5)));
    }

    #[test]
    fn does_other_things_beside_scenarios() {
        let parsed =
            |words: &[&str]| Arguments::try_parse_from(std::iter::once("loadtests").chain(words.iter().copied()));
        let streams = parsed(&["streams", "--streams", "50", "--duration", "5s", "--operation", "search"]);
        let Some(Other::Streams(streams)) = streams.expect("the arguments are right").other else {
            panic!("expected streams")
        };
        assert_eq!(
            (streams.streams, streams.duration.as_secs(), streams.operation),
            (50, 5, streams::Operation::Search)
        );
        assert!(matches!(parsed(&["soak"]).expect("defaults are enough").other, Some(Other::Soak(_))));
        assert!(matches!(parsed(&["smoke"]).expect("defaults are enough").other, Some(Other::Smoke(_))));
        assert!(matches!(parsed(&["stand-in"]).expect("defaults are enough").other, Some(Other::StandIn(_))));
        assert!(parsed(&["--users", "3", "soak"]).is_err() && parsed(&["streams", "--share", "0"]).is_err());
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for wrong in
            [["--users", "0"], ["--rate", "0"], ["--zipf", "nan"], ["--scenario", "nonsense"], ["--duration", "never"]]
        {
            assert!(Arguments::try_parse_from(["loadtests", wrong[0], wrong[1]]).is_err(), "{wrong:?}");
        }
    }
}

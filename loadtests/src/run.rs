//! One run from the profile to the record.

use std::sync::Arc;

use contract_types::OPENAPI;
use contracts::Contract;
use harness::{
    client::ClientError,
    exit,
    judge::Judge,
    output::{data, say},
    prepare::Prepared,
    record,
};
use serde_json::Value;

use crate::{
    action::Action,
    ask::{self, TIMEOUT},
    attack::{self, Plan},
    budget,
    cli::Arguments,
    crowd::Crowd,
    open::{self, Went},
    pacing::Pace,
    population::{Population, Sharing},
    record::{Failure, Ran},
    report::Results,
    scenario::Shape,
    schedule::Segment,
};

/// Most requests of a run against a target that is not on this machine.
pub const REMOTE_REQUESTS: u64 = 5_000;
/// Questions of each tenant before the first that counts.
const WARM_UP: usize = 3;

/// Runs the load that `arguments` state and gives the exit code.
pub fn run(arguments: &Arguments) -> u8 {
    try_run(arguments).unwrap_or_else(|(code, message)| {
        say(&message);
        code
    })
}

fn try_run(arguments: &Arguments) -> Result<u8, Failure> {
    let bug = |error: &dyn std::fmt::Display| (exit::HARNESS, error.to_string());
    let usage = |message: String| (exit::USAGE, message);
    let spec = arguments.scenario.spec();
    let name = arguments.scenario.as_str();
    let budgets = budget::of(&arguments.target, name).map_err(|error| usage(error.to_string()))?;
    let document = serde_json::from_str(OPENAPI).map_err(|error| bug(&error))?;
    let contract = Contract::from_document(document).map_err(|error| bug(&error))?;
    let runtime = crate::threads::runtime().map_err(|error| bug(&error))?;
    let crowd = arguments.crowd.map(Crowd::make).transpose().map_err(|error| usage(error.to_string()))?;
    let opened = match &crowd {
        Some(crowd) => Prepared::open_over(&arguments.target, crowd.fixtures.clone()),
        None => Prepared::open(&arguments.target, &[]),
    };
    let mut prepared = opened.map_err(|error| (error.exit_code(), error.to_string()))?;
    let needed = spec.mix.iter().filter_map(|(action, _)| action.feature());
    if let Some(lacking) = needed.into_iter().find(|it| !prepared.profile.spec.features.contains(it)) {
        let (target, lacking) = (&arguments.target, lacking.as_str());
        return Err(usage(format!("scenario `{name}`: the profile `{target}` does not declare the feature {lacking}")));
    }
    let load = Load::of(arguments, spec.shape, &prepared).map_err(usage)?;
    runtime.block_on(prepared.fill()).map_err(|error| (error.exit_code(), error.to_string()))?;

    runtime.block_on(warm_up(&prepared)).map_err(|error| (exit::UNREACHABLE, error.to_string()))?;
    let population = runtime.block_on(Population::of(&prepared)).map_err(|told| (exit::FAILED, told))?;
    let sharing = Sharing {
        zipf: arguments.zipf,
        seed: arguments.seed,
        inspect_every: arguments.inspect_every,
        duration: Some(arguments.duration),
        most: load.most,
    };
    let shared = population.share(&sharing, spec, Judge::new(&contract));
    let shared = Arc::new(shared.map_err(|told| usage(format!("scenario `{name}`: {told}")))?);
    let noisy = (spec.shape == Shape::Flood).then(|| shared.callers.len() - 1);
    if noisy == Some(0) {
        return Err(usage(format!("scenario `{name}`: expected two tenants with questions in the profile, found one")));
    }
    let started_at = record::now();
    say(&format!("{name} on {} for {:?}: {}", prepared.target.base_url, arguments.duration, load.describe()));
    let went = runtime.block_on(async {
        match &load.model {
            Model::Closed(pace) => {
                attack::run(load.plan, *pace, &shared).await.map_err(|error| bug(&error))?;
                Ok(None)
            }
            Model::Open(segments) => {
                let plan = open::Plan {
                    segments: segments.clone(),
                    open: usize::try_from(arguments.max_open).unwrap_or(1),
                    flood: load.plan.users,
                    flood_rate: load.flood_rate,
                    noisy,
                    until_behind: spec.shape == Shape::Steps,
                };
                open::run(plan, &shared).await.map(Some).map_err(|error| bug(&error))
            }
        }
    })?;
    let client = ask::client().build().map_err(|error| bug(&error))?;
    let left_behind = runtime.block_on(shared.clean_up(&client));
    let segments = match &load.model {
        Model::Closed(_) => Vec::new(),
        Model::Open(segments) => segments.clone(),
    };
    let results = Results {
        scenario: name,
        shape: spec.shape,
        parts: spec.shape.parts(arguments.scenario, &segments),
        tenants: shared.callers.iter().map(|caller| caller.tenant.clone()).collect(),
        noisy,
        measured: shared.recorder.measured(),
        findings: shared.inspector.findings(),
        inspected_every: shared.inspector.every(),
        budgets: arguments.budgets(budgets),
        left_behind,
    };
    for line in results.table() {
        data(&line);
    }
    let mut notes = vec![load.describe(), results.sample()];
    notes.extend(results.notes(went.is_some_and(|went| went.behind)));
    notes.extend(went.filter(|went| went.late > 0).map(told_late));
    notes.iter().skip(1).for_each(|note| data(note));
    let ran = Ran {
        target: prepared.run_target(),
        started_at,
        seed: arguments.seed,
        command: arguments.command(),
        cases: results.gates(),
        load: results.records(),
        notes,
        unreachable: results.is_unreachable(),
    };
    ran.finish(arguments.out.as_deref())
}

/// Asks a few questions of each tenant before anything is measured: what a target reads when it is first asked, such as an index,
/// would else count as its latency, and a part of a run that comes first would look slower than those after it.
pub(crate) async fn warm_up(prepared: &Prepared) -> Result<(), ClientError> {
    for (tenant, credential) in prepared.tenants() {
        for question in tenant.questions.iter().take(WARM_UP) {
            let request = Action::Retrieve.request(&question.text, &Value::Null).bearer(&credential.secret);
            prepared.client.send(&request).await?;
        }
    }
    Ok(())
}

fn told_late(went: Went) -> String {
    format!(
        "{} requests began later than intended, because every place was taken or this machine was busy; their wait counts",
        went.late
    )
}

/// How requests follow each other.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    /// Users who wait for their answers.
    Closed(Pace),
    /// Arrivals that wait for nobody.
    Open(Vec<Segment>),
}

/// The load as it will be, within what the profile allows.
#[derive(Debug, Clone, PartialEq)]
struct Load {
    plan: Plan,
    model: Model,
    /// Requests a second of a flood; nothing where only its users bound it.
    flood_rate: Option<f64>,
    most: Option<u64>,
}

impl Load {
    /// A target that the run starts for itself is pressed as the arguments say; the pace of a profile protects others.
    fn of(arguments: &Arguments, shape: Shape, prepared: &Prepared) -> Result<Self, String> {
        let pace = prepared.profile.spec.pace.as_ref().filter(|_| !prepared.target.is_started());
        let pace = pace.map(|pace| (pace.concurrency, pace.requests_per_second));
        let remote = !prepared.target.is_started() && !is_loopback(&prepared.target.base_url);
        Self::within(arguments, shape, pace, remote)
    }

    fn within(arguments: &Arguments, shape: Shape, allowed: Option<(u64, f64)>, remote: bool) -> Result<Self, String> {
        if remote && let Some(most) = arguments.max_requests.filter(|most| *most > REMOTE_REQUESTS) {
            return Err(format!(
                "--max-requests {most}: a target that is not on this machine takes at most {REMOTE_REQUESTS}; lower it"
            ));
        }
        if shape == Shape::Flood && remote && allowed.is_none() {
            return Err(
                "this scenario floods its target; one that is not on this machine needs a `pace` in its profile, which bounds the flood"
                    .to_owned(),
            );
        }
        let users = allowed.map_or(arguments.users, |(concurrency, _)| arguments.users.min(concurrency));
        let most = allowed.map(|(_, most)| most);
        let quiet = arguments.rate.or(shape.default_rate());
        let flood_rate = most.zip(quiet).filter(|_| shape == Shape::Flood).map(|(most, quiet)| most - quiet);
        if let Some(left) = flood_rate.filter(|left| *left <= 0.0) {
            return Err(format!(
                "this scenario needs room for its flood beside the others; lower --rate by more than {:.1}, or raise the profile's pace",
                -left
            ));
        }
        let model = match (arguments.rate.or(shape.default_rate()), most) {
            (Some(rate), most) => Model::Open(shape.segments(rate, arguments.duration, most)),
            (None, Some(most)) => Model::Closed(Pace::AtMost(most)),
            (None, None) => Model::Closed(Pace::Free),
        };
        Ok(Self {
            plan: Plan { users: usize::try_from(users).unwrap_or(1), duration: arguments.duration },
            model,
            flood_rate,
            most: arguments.max_requests.or(remote.then_some(REMOTE_REQUESTS)),
        })
    }

    fn describe(&self) -> String {
        let users = self.plan.users;
        let pace = match &self.model {
            Model::Closed(Pace::Free) => format!("{users} users, each asks as soon as its last answer is there"),
            Model::Closed(Pace::AtMost(rate)) => format!(
                "{users} users, each asks as soon as its last answer is there, at most {rate} requests a second in all"
            ),
            Model::Open(segments) => {
                let rates = || segments.iter().map(|segment| segment.rate);
                let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
                let range = if low < high { format!("{low:.1} to {high:.1}") } else { format!("{high}") };
                let flood = if segments.iter().any(|it| it.flood) {
                    let bound = self
                        .flood_rate
                        .map_or_else(String::new, |rate| format!(", at most {rate:.1} requests a second"));
                    format!("; {users} users flood in turns{bound}")
                } else {
                    String::new()
                };
                format!("{range} requests arrive a second, latency from the intended start{flood}")
            }
        };
        let most = self.most.map_or_else(String::new, |most| format!("; at most {most} requests"));
        format!("{pace}{most}; time-out {} s", TIMEOUT.as_secs())
    }
}

/// Whether `base_url` names this machine.
fn is_loopback(base_url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn load(given: &[&str], pace: Option<(u64, f64)>, remote: bool) -> Result<Load, String> {
        let given = std::iter::once("loadtests").chain(given.iter().copied());
        let arguments = Arguments::try_parse_from(given).expect("the arguments are right");
        let shape = arguments.scenario.spec().shape;
        Load::within(&arguments, shape, pace, remote)
    }

    fn rates(load: &Load) -> Vec<f64> {
        match &load.model {
            Model::Closed(_) => Vec::new(),
            Model::Open(segments) => segments.iter().map(|segment| segment.rate).collect(),
        }
    }

    #[test]
    fn stays_within_the_pace_of_the_profile() {
        let fixed = load(&["--users", "50", "--rate", "500"], Some((4, 20.0)), false).expect("it is allowed");
        assert_eq!((fixed.plan.users, rates(&fixed), fixed.most), (4, vec![20.0], None));
        let spike = load(&["--scenario", "spike"], Some((4, 30.0)), false).expect("it is allowed");
        assert_eq!(rates(&spike), [20.0, 30.0, 20.0, 20.0]);
        let closed = |pace| load(&[], pace, false).expect("it is allowed").model;
        assert_eq!(closed(Some((4, 20.0))), Model::Closed(Pace::AtMost(20.0)));
        assert_eq!(closed(None), Model::Closed(Pace::Free));
    }

    #[test]
    fn floods_nothing_but_a_target_of_this_machine() {
        let noisy = ["--scenario", "noisy-neighbour"];
        assert_eq!(load(&noisy, None, false).expect("it is allowed").flood_rate, None);
        assert!(load(&noisy, None, true).is_err());
    }

    #[test]
    fn bounds_a_flood_by_what_the_pace_leaves_beside_the_others() {
        let noisy = ["--scenario", "noisy-neighbour", "--rate", "5"];
        let bounded = load(&noisy, Some((4, 20.0)), true).expect("it is allowed");
        assert_eq!((bounded.flood_rate, bounded.plan.users, bounded.most), (Some(15.0), 4, Some(REMOTE_REQUESTS)));
        assert!(load(&noisy, Some((4, 5.0)), true).is_err());
    }

    #[test]
    fn bounds_what_a_remote_target_gets() {
        assert_eq!(load(&[], None, true).expect("it is allowed").most, Some(REMOTE_REQUESTS));
        assert_eq!(load(&["--max-requests", "10"], None, true).expect("it is allowed").most, Some(10));
        assert!(load(&["--max-requests", "5001"], None, true).is_err());
        assert!(load(&["--max-requests", "5001"], None, false).is_ok());
        assert_eq!(load(&[], None, false).expect("it is allowed").most, None);
    }

    #[test]
    fn knows_this_machine() {
        for here in ["http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:8787"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["https://staging.plumbline.example", "http://127.0.0.1.example", "http://10.0.0.1", "nonsense"] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}

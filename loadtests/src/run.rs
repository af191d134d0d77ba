//! One run from the profile to the record.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use contract_types::{CaseRecordOutcome, OPENAPI, RunRecord, RunRecordKind, RunRecordVerdict};
use contracts::Contract;
use harness::{
    canary::Scanner,
    exit,
    judge::Judge,
    output::{data, say},
    prepare::Prepared,
    project_root, record,
};

use crate::{
    attack::{self, Plan},
    cli::Arguments,
    inspection::Inspector,
    pacing::{Pace, Pacing},
    recorder::Recorder,
    report::Results,
    search::{Caller, Shared, TIMEOUT},
    workload::Workload,
};

/// Most requests of a run against a target that is not on this machine.
pub const REMOTE_REQUESTS: u64 = 5_000;

/// A failure to run at all: exit code and message.
type Failure = (u8, String);

/// Runs the load that `arguments` state and gives the exit code.
pub fn run(arguments: &Arguments) -> u8 {
    try_run(arguments).unwrap_or_else(|(code, message)| {
        say(&message);
        code
    })
}

fn try_run(arguments: &Arguments) -> Result<u8, Failure> {
    let bug = |error: &dyn std::fmt::Display| (exit::HARNESS, error.to_string());
    let document = serde_json::from_str(OPENAPI).map_err(|error| bug(&error))?;
    let contract = Contract::from_document(document).map_err(|error| bug(&error))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| bug(&error))?;
    let mut prepared =
        Prepared::open(&arguments.target, &[]).map_err(|error| (error.exit_code(), error.to_string()))?;
    let load = Load::of(arguments, &prepared).map_err(|message| (exit::USAGE, message))?;
    runtime.block_on(prepared.fill()).map_err(|error| (error.exit_code(), error.to_string()))?;

    let shared = Arc::new(shared(arguments, &load, &prepared, Judge::new(&contract)).map_err(|error| bug(&error))?);
    let started_at = record::now();
    say(&format!(
        "{} for {:?} on {}: {}",
        arguments.target,
        arguments.duration,
        prepared.target.base_url,
        load.describe()
    ));
    runtime.block_on(attack::run(load.plan, &shared)).map_err(|error| bug(&error))?;
    let results = Results {
        tenants: shared.callers.iter().map(|caller| caller.tenant.clone()).collect(),
        measured: shared.recorder.measured(),
        findings: shared.inspector.findings(),
        inspected_every: shared.inspector.every(),
        budget_p95_ms: arguments.budget_p95_ms,
    };
    for line in results.table() {
        data(&line);
    }
    let cases = results.gates();
    let failed: Vec<_> = cases.iter().filter(|case| case.outcome == CaseRecordOutcome::Fail).collect();
    for case in &failed {
        say(&format!("{}: {}", case.id, case.message.as_deref().unwrap_or_default()));
    }
    let (verdict, code) = match (results.is_unreachable(), failed.is_empty()) {
        (true, _) => (RunRecordVerdict::Error, exit::UNREACHABLE),
        (false, true) => (RunRecordVerdict::Pass, exit::PASS),
        (false, false) => (RunRecordVerdict::Fail, exit::FAILED),
    };
    let record = RunRecord {
        schema_version: record::SCHEMA_VERSION,
        run_id: record::run_id(),
        kind: RunRecordKind::Load,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        contract_version: contract.version().to_owned(),
        target: prepared.run_target(),
        started_at,
        finished_at: record::now(),
        seed: arguments.seed,
        commit: record::commit(&project_root()),
        command: arguments.command(),
        verdict,
        counts: record::counts(&cases),
        cases,
        coverage: None,
        scores: None,
        changes: None,
        load: Some(results.records()),
        notes: vec![load.describe(), results.sample()],
    };
    let out = arguments.out.clone().unwrap_or_else(|| project_root().join("reports/out"));
    let path = record::write(&record, &out).map_err(|error| (exit::HARNESS, format!("{}: {error}", out.display())))?;
    say(&format!("wrote {}", path.display()));
    if results.is_unreachable() {
        say("the target gave no answer at all");
    }
    Ok(code)
}

/// The load as it will be, within what the profile allows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Load {
    plan: Plan,
    pace: Pace,
    most: Option<u64>,
}

impl Load {
    /// A target that the run starts for itself is pressed as the arguments say; the pace of a profile protects others.
    fn of(arguments: &Arguments, prepared: &Prepared) -> Result<Self, String> {
        let pace = prepared.profile.spec.pace.as_ref().filter(|_| !prepared.target.is_started());
        let pace = pace.map(|pace| (pace.concurrency, pace.requests_per_second));
        let remote = !prepared.target.is_started() && !is_loopback(&prepared.target.base_url);
        Self::within(arguments, pace, remote)
    }

    fn within(arguments: &Arguments, allowed: Option<(u64, f64)>, remote: bool) -> Result<Self, String> {
        if remote && let Some(most) = arguments.max_requests.filter(|most| *most > REMOTE_REQUESTS) {
            return Err(format!(
                "--max-requests {most}: a target that is not on this machine takes at most {REMOTE_REQUESTS}; lower it"
            ));
        }
        let users = allowed.map_or(arguments.users, |(concurrency, _)| arguments.users.min(concurrency));
        let pace = match (arguments.rate, allowed) {
            (Some(rate), allowed) => Pace::Fixed(allowed.map_or(rate, |(_, most)| rate.min(most))),
            (None, Some((_, most))) => Pace::AtMost(most),
            (None, None) => Pace::Free,
        };
        Ok(Self {
            plan: Plan { users: usize::try_from(users).unwrap_or(1), duration: arguments.duration },
            pace,
            most: arguments.max_requests.or(remote.then_some(REMOTE_REQUESTS)),
        })
    }

    fn describe(&self) -> String {
        let users = format!("{} users", self.plan.users);
        let pace = match self.pace {
            Pace::Free => "each asks as soon as its last answer is there".to_owned(),
            Pace::AtMost(rate) => {
                format!("each asks as soon as its last answer is there, at most {rate} requests a second in all")
            }
            Pace::Fixed(rate) => format!("{rate} requests a second in all, latency from the intended start"),
        };
        let most = self.most.map_or_else(String::new, |most| format!("; at most {most} requests"));
        format!("{users}, {pace}{most}; time-out {} s", TIMEOUT.as_secs())
    }
}

/// Whether `base_url` names this machine.
fn is_loopback(base_url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn shared(arguments: &Arguments, load: &Load, prepared: &Prepared, judge: Judge) -> Result<Shared, &'static str> {
    let mut scanner = Scanner::new();
    for tenant in prepared.fixtures.tenants() {
        scanner.add(&tenant.id, &tenant.canaries);
    }
    let tenants: Vec<_> = prepared.tenants().collect();
    let questions =
        tenants.iter().map(|(tenant, _)| tenant.questions.iter().map(|question| question.text.clone()).collect());
    let workload = Workload::new(questions.collect(), arguments.zipf, arguments.seed);
    let callers = tenants
        .iter()
        .map(|(tenant, credential)| Caller { tenant: tenant.id.clone(), secret: credential.secret.clone() });
    Ok(Shared {
        base_url: prepared.target.base_url.clone(),
        callers: callers.collect(),
        workload: workload.ok_or("a tenant without questions takes part")?,
        pacing: Pacing::new(load.pace, load.most, arguments.duration + Duration::from_secs(1)),
        recorder: Recorder::new(load.plan.users, tenants.len()),
        inspector: Inspector::new(judge, scanner, arguments.inspect_every),
        seed: arguments.seed,
        users: AtomicU64::new(0),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn load(given: &[&str], pace: Option<(u64, f64)>, remote: bool) -> Result<Load, String> {
        let given = std::iter::once("loadtests").chain(given.iter().copied());
        Load::within(&Arguments::try_parse_from(given).expect("the arguments are right"), pace, remote)
    }

    #[test]
    fn stays_within_the_pace_of_the_profile() {
        let load = load(&["--users", "50", "--rate", "500"], Some((4, 20.0)), false).expect("it is allowed");
        assert_eq!((load.plan.users, load.pace, load.most), (4, Pace::Fixed(20.0), None));
        assert_eq!(self::load(&[], Some((4, 20.0)), false).expect("it is allowed").pace, Pace::AtMost(20.0));
        assert_eq!(self::load(&[], None, false).expect("it is allowed").pace, Pace::Free);
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

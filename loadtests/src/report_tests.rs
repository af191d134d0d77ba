//! Tables, measurements and gates of made-up runs.

use std::time::{Duration, Instant};

use contract_types::CaseRecordOutcome;

use super::*;
use crate::{
    action::Action,
    recorder::{Key, Recorder, Request},
    scenario::ScenarioName,
};

/// Requests as (part, tenant, milliseconds, outcome).
type Made = (usize, usize, u64, Outcome);

fn results(scenario: ScenarioName, made: impl IntoIterator<Item = Made>, budget: LoadBudget) -> Results {
    let recorder = Recorder::new(Duration::from_secs(1));
    for (part, tenant, ms, outcome) in made {
        let key = Key { part, action: Action::Search, tenant, cached: None, phase: Phase::Response };
        let request = Request { key, start: Instant::now(), latency: Duration::from_millis(ms), outcome };
        recorder.record(0, &request, None, &[]);
    }
    let shape = scenario.spec().shape;
    let segments = shape.segments(10.0, Duration::from_secs(16), None);
    Results {
        scenario: scenario.as_str(),
        shape,
        parts: shape.parts(scenario, &segments),
        tenants: vec!["aurora-bikes".to_owned(), "lumen-desk".to_owned(), "meridian-lab".to_owned()],
        noisy: (shape == Shape::Flood).then_some(2),
        measured: recorder.measured(),
        findings: Findings::default(),
        inspected_every: 20,
        budgets: vec![budget],
        left_behind: 0,
    }
}

fn budget(change: impl FnOnce(&mut LoadBudget)) -> LoadBudget {
    let mut budget = LoadBudget::new("search".to_owned());
    change(&mut budget);
    budget
}

fn failed(results: &Results) -> Vec<String> {
    let gates = results.gates().into_iter().filter(|gate| gate.outcome == CaseRecordOutcome::Fail);
    gates.map(|gate| gate.id).collect()
}

const GOOD: Made = (0, 0, 20, Outcome::Answered);

#[test]
fn passes_a_clean_run_and_lines_the_table_up() {
    let results = results(ScenarioName::Search, [GOOD; 3], budget(|it| it.p95_ms = Some(600_000.0)));
    assert_eq!(failed(&results), Vec::<String>::new());
    let table = results.table();
    assert!(table[1].starts_with("search                       3       0"), "{table:?}");
    assert_eq!(table[0].len(), table[1].len());
    assert_eq!(results.records()[0].budget_p95_ms, Some(600_000.0));
}

#[test]
fn fails_each_gate_for_its_own_reason() {
    let search = |made: &[Made], budget| results(ScenarioName::Search, made.to_vec(), budget);
    let none = || budget(|_| {});
    let refused = (0, 0, 1, Outcome::Status(503));
    assert_eq!(failed(&search(&[GOOD, refused], none())), ["load/search/statuses"]);
    assert_eq!(failed(&search(&[GOOD, refused], budget(|it| it.errors = Some(0.5)))), Vec::<String>::new());
    assert_eq!(failed(&search(&[GOOD, refused], budget(|it| it.errors = Some(0.4)))), ["load/search/budget/errors"]);
    assert_eq!(failed(&search(&[GOOD], budget(|it| it.p50_ms = Some(5.0)))), ["load/search/budget/p50"]);
    assert_eq!(failed(&search(&[GOOD], budget(|it| it.p99_ms = Some(5.0)))), ["load/search/budget/p99"]);
    assert_eq!(failed(&search(&[], none())), ["load/search/requests"]);
    // A budget of first events is not kept by a run that saw none.
    let first = budget(|it| it.first_event_p95_ms = Some(5.0));
    assert_eq!(failed(&search(&[GOOD], first)), ["load/search/budget/first-event-p95"]);
    let mut leaking = search(&[GOOD], none());
    leaking.findings.leaking = 1;
    assert_eq!(failed(&leaking), ["load/search/isolation"]);
    let mut violating = search(&[GOOD], none());
    violating.findings.violating = 1;
    assert_eq!(failed(&violating), ["load/search/contract"]);
    let mut littering = search(&[GOOD], none());
    littering.left_behind = 1;
    assert_eq!(failed(&littering), ["load/search/clean"]);
}

#[test]
fn holds_the_worst_tenant_against_the_best() {
    let made = |slow: u64| {
        (0..200).map(move |index| (0, index % 2, if index % 2 == 0 { 10 } else { slow }, Outcome::Answered))
    };
    let fair = |slow| failed(&results(ScenarioName::Tenants, made(slow), budget(|it| it.fairness = Some(1.5))));
    assert_eq!(fair(14), Vec::<String>::new());
    assert_eq!(fair(16), ["load/tenants/budget/fairness"]);
    let few = results(ScenarioName::Tenants, made(10).take(20), budget(|it| it.fairness = Some(1.5)));
    assert_eq!(failed(&few), ["load/tenants/budget/fairness"]);
}

#[test]
fn holds_quiet_tenants_with_a_flood_against_themselves_without() {
    let made = |with: u64| {
        let quiet = [(0, 0, 10, Outcome::Answered), (1, 0, with, Outcome::Answered)];
        // The flood is refused and slow, and neither counts.
        quiet.into_iter().chain([(1, 2, 9_000, Outcome::Status(429))])
    };
    let isolated =
        |with| failed(&results(ScenarioName::NoisyNeighbour, made(with), budget(|it| it.isolation = Some(2.0))));
    assert_eq!(isolated(19), Vec::<String>::new());
    assert_eq!(isolated(21), ["load/noisy-neighbour/budget/isolation"]);
}

#[test]
fn a_spike_is_judged_by_what_is_left_of_it() {
    let made = |after: u64| {
        [(0, 0, 10, Outcome::Answered), (1, 0, 5_000, Outcome::Status(503)), (3, 0, after, Outcome::Answered)]
    };
    let recovered = |after| failed(&results(ScenarioName::Spike, made(after), budget(|it| it.recovery = Some(2.0))));
    assert_eq!(recovered(19), Vec::<String>::new());
    assert_eq!(recovered(21), ["load/spike/budget/recovery"]);
}

#[test]
fn a_ramp_tells_its_knee() {
    let made = [(0, 0, 10, Outcome::Answered), (1, 0, 10, Outcome::Answered), (2, 0, 10, Outcome::Answered)];
    let results = results(ScenarioName::Ramp, made, budget(|_| {}));
    assert_eq!(results.notes(true), ["knee: 15.0 requests a second were kept up with, 22.5 were not"]);
    assert_eq!(results.notes(false), ["knee: above 22.5 requests a second"]);
}

#[test]
fn tells_an_absent_target_from_a_failing_one() {
    let gone = (0, 0, 20, Outcome::Transport);
    assert!(results(ScenarioName::Search, [gone; 2], budget(|_| {})).is_unreachable());
    assert!(!results(ScenarioName::Search, [gone, (0, 0, 20, Outcome::Status(500))], budget(|_| {})).is_unreachable());
}

//! What the page and the comment say about change, about saboteurs, probes, levels and exclusions, and how large they may grow.

use contract_types::RunRecordVerdict;
use reports::{Report, comment, page, parse};
use serde_json::{Value, json};

use crate::{changed, passing, run, sample};

/// One case of a made-up run.
fn case(id: &str, outcome: &str) -> Value {
    json!({"id": id, "kind": "rule", "level": "MUST", "outcome": outcome, "duration_ms": 1, "message": format!("about {id}")})
}

/// A run with these cases that started on `day` of a month.
fn made(day: u32, cases: Vec<Value>) -> reports::Run {
    let number = |outcome: &str| cases.iter().filter(|case| case["outcome"] == outcome).count();
    let counts = json!({
        "passed": number("pass"), "failed": number("fail"), "errored": number("error"),
        "not_applicable": number("not_applicable"), "known_failures": number("known_failure"),
    });
    run(&changed(|record| {
        record["started_at"] = json!(format!("2026-04-{day:02}T09:00:00Z"));
        record["counts"] = counts;
        record["cases"] = Value::Array(cases);
    }))
}

#[test]
fn each_change_stands_in_its_own_list() {
    let table = [
        ("newly failing", Some("pass"), Some("fail")),
        ("newly failing", Some("not_applicable"), Some("error")),
        ("newly failing", None, Some("fail")),
        ("mended", Some("fail"), Some("pass")),
        ("mended", Some("known_failure"), Some("pass")),
        ("set aside", Some("fail"), Some("known_failure")),
        ("set aside", Some("pass"), Some("not_applicable")),
        ("appeared", None, Some("pass")),
        ("vanished", Some("pass"), None),
    ];
    for (list, before, now) in table {
        let cases = |outcome: Option<&str>| {
            let mut cases = vec![case("stays", "pass")];
            cases.extend(outcome.map(|outcome| case("moves", outcome)));
            cases
        };
        let report = Report::new(vec![made(1, cases(before)), made(2, cases(now))]);
        assert!(page(&report).contains(&format!("<b>1</b> {list}</span>")), "{list}: {before:?} to {now:?}");
        assert!(comment(&report).contains(&format!("1 {list}")), "{list}: {before:?} to {now:?}");
    }
}

#[test]
fn runs_that_end_alike_changed_nothing() {
    let report = Report::new(vec![made(1, vec![case("a", "fail")]), made(2, vec![case("a", "fail")])]);
    assert!(page(&report).contains("Nothing got better or worse."));
    assert!(comment(&report).contains("Nothing got better or worse since"));
}

#[test]
fn a_run_that_judged_nothing_is_never_compared_with() {
    let unreachable = made(2, Vec::new());
    let report =
        Report::new(vec![made(1, vec![case("a", "pass")]), unreachable.clone(), made(3, vec![case("a", "fail")])]);
    assert!(page(&report).contains("run of 2026-04-01 09:00 UTC"));
    let report = Report::new(vec![made(1, vec![case("a", "pass")]), unreachable]);
    assert!(!page(&report).contains("Since the run before"));
}

#[test]
fn a_floor_that_breaks_is_newly_failing() {
    let quality = |day: u32, value: f64| {
        let mut record = contract_types::examples("RunRecord")[1].clone();
        record["started_at"] = json!(format!("2026-04-{day:02}T09:00:00Z"));
        record["verdict"] = json!("fail");
        record["scores"][0]["value"] = json!(value);
        run(record.to_string().as_bytes())
    };
    let report = Report::new(vec![quality(1, 0.9), quality(2, 0.1)]);
    assert!(
        page(&report)
            .contains("<code>scores/aurora-bikes/handbook/recall@5</code> <span>MUST, passed before, fails</span>")
    );
}

/// A run of one part of its suite.
fn part(mut run: reports::Run) -> reports::Run {
    run.record.notes.push("part of the suite: chosen by --filter".to_owned());
    run
}

#[test]
fn a_newer_part_of_a_suite_stands_in_for_no_whole() {
    let whole = made(1, vec![case("a", "fail"), case("b", "pass")]);
    let report =
        Report::new(vec![part(made(2, vec![case("b", "pass")])), whole.clone(), made(3, vec![case("a", "pass")])]);
    assert_eq!(report.current[0].started, made(3, Vec::new()).started, "the newest of the whole counts");
    let mut filtered = part(made(2, vec![case("b", "pass")]));
    (filtered.record.verdict, filtered.file) = (RunRecordVerdict::Pass, "filtered.json".to_owned());
    let report = Report::new(vec![filtered, whole]);
    assert_eq!((report.current.len(), report.verdict()), (1, RunRecordVerdict::Fail));
    let page = page(&report);
    assert!(page.contains("50.0 %") && page.contains("1 of 2 cases passed"), "{page}");
    assert!(!page.contains("Part of the suite") && !page.contains("Nothing got better or worse"));
    // It is history, which says what it is.
    let history = page.split_once("id=\"history\"").unwrap().1;
    assert!(history.contains("1 of 1 cases passed, a part of the suite alone") && history.contains("filtered.json"));
}

#[test]
fn a_part_of_a_suite_that_is_all_there_is_says_so() {
    let report = Report::new(vec![part(made(1, vec![case("a", "fail")]))]);
    let page = page(&report);
    for told in [
        "Of a part of its suite alone: conformance on local.",
        "<span class=\"part\">Part of the suite, chosen by --filter</span>",
        "0 of 1 cases passed, 1 failed, a part of the suite alone",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(comment(&report).contains("a part of the suite alone"));
}

/// A load run of a scenario that started on `day` of a month.
fn load(day: u32, scenario: &str, p95: f64) -> reports::Run {
    let mut record = contract_types::examples("RunRecord")[2].clone();
    let when = json!(format!("2026-04-{day:02}T09:00:00Z"));
    (record["started_at"], record["finished_at"]) = (when.clone(), when);
    record["target"]["name"] = json!("local");
    record["command"] = json!(format!("cargo run -p loadtests --release -- --target local --scenario {scenario}"));
    record["verdict"] = json!(if p95 > 50.0 { "fail" } else { "pass" });
    record["load"] = json!([{"scenario": scenario, "operation": "search", "requests": 90, "errors": 0, "rate_per_s": 9,
        "p50_ms": 5, "p95_ms": p95, "p99_ms": 90, "max_ms": 99, "budget_p95_ms": 50}]);
    run(record.to_string().as_bytes())
}

#[test]
fn one_scenario_of_load_does_not_hide_another() {
    let report = Report::new(vec![load(2, "search", 60.0), load(2, "chat", 9.0)]);
    assert_eq!((report.current.len(), report.verdict()), (2, RunRecordVerdict::Fail));
    let page = page(&report);
    for told in ["id=\"load-local:search\"", "id=\"load-local:chat\"", "Failed: load search on local."] {
        assert!(page.contains(told), "{told}");
    }
    // What was tried once, longer ago than a record counts, is history, as it is for the gate.
    let report = Report::new(vec![load(2, "search", 60.0), load(4, "chat", 9.0)]);
    assert_eq!((report.current.len(), report.verdict()), (1, RunRecordVerdict::Pass));
}

/// A saboteur or a probe.
fn of_kind(kind: &str, id: &str, outcome: &str) -> Value {
    let mut made = case(id, outcome);
    made["kind"] = json!(kind);
    made
}

#[test]
fn saboteurs_are_a_suite_of_their_own_and_never_hide_a_conformance_run() {
    let saboteurs = made(2, vec![of_kind("saboteur", "saboteurs/errors/leaks", "pass")]);
    let report = Report::new(vec![made(1, vec![case("a", "fail")]), saboteurs]);
    assert_eq!((report.current.len(), report.verdict()), (2, RunRecordVerdict::Fail));
    assert!(page(&report).contains("id=\"saboteurs-local\""));
}

#[test]
fn the_board_counts_what_was_seeded_and_shows_what_escaped_first() {
    let cases = [("a/x", "pass"), ("b/y", "pass"), ("b/z", "fail"), ("b/w", "error"), ("c/v", "not_applicable")];
    let cases = cases.map(|(id, outcome)| of_kind("saboteur", &format!("saboteurs/{id}"), outcome));
    let report = Report::new(vec![made(1, cases.to_vec())]);
    let page = page(&report);
    assert!(page.contains("<b class=\"fail\">2 / 4</b>"), "{page}");
    let order: Vec<usize> = ["<code>z", "<code>w", "<code>y", "<code>x"].map(|name| page.find(name).unwrap()).to_vec();
    assert!(order.is_sorted(), "{order:?}");
    assert!(comment(&report).contains("**Saboteurs: 2 / 4 caught**"));
}

#[test]
fn a_probe_is_in_no_count_and_never_decides() {
    let probe = of_kind("probe", "probes/p", "fail");
    let mut record = serde_json::from_slice::<Value>(&passing(|_| ())).unwrap();
    record["cases"].as_array_mut().unwrap().push(probe);
    record["counts"]["failed"] = json!(1);
    let report = Report::new(vec![parse("run.json", record.to_string().as_bytes()).unwrap()]);
    let page = page(&report);
    assert!(page.contains("1 of 1 cases passed") && !page.contains("<h3>What went wrong"));
    assert!(page.contains("<td><span class=\"badge found\">found something</span></td>"));
}

#[test]
fn levels_are_badges_and_no_notes() {
    let report = Report::new(vec![run(&changed(|record| {
        record["notes"] = json!(["level: search (highest reached), next: chat"]);
    }))]);
    let page = page(&report);
    assert!(page.contains(
        "<span class=\"level\">search (highest reached)</span> <span class=\"level next\">next: chat</span>"
    ));
    assert!(!page.contains("<h3>Notes</h3>"));
}

#[test]
fn what_is_excluded_is_shown_with_its_reason_and_is_not_missing() {
    let page = page(&sample());
    assert!(page.contains("2 statuses excluded, not in the total"));
    let both = |record: &mut Value| {
        record["coverage"][0]["excluded"] = json!([{"item": "search 504", "reason": "no fault can be injected"}]);
    };
    let problem = parse("run.json", &changed(both)).unwrap_err();
    assert_eq!(problem.place, "/coverage/0/excluded/0/item");
}

#[test]
fn the_comment_of_a_huge_run_fits_and_says_that_there_is_more() {
    let cases: Vec<Value> = (0..30)
        .map(|index| {
            let mut case = case(&format!("case-{index:04}"), "fail");
            case["message"] = json!("`".repeat(8000));
            case["curl"] = json!("x".repeat(16_000));
            case
        })
        .collect();
    let runs = (0..40).map(|index| {
        let mut run = made(1, cases.clone());
        run.record.target.name = format!("target-{index}");
        run
    });
    let comment = comment(&Report::new(runs.collect()));
    assert!(comment.chars().count() <= 60_000, "{}", comment.chars().count());
    assert!(comment.ends_with("\nMore is on the page.\n"));
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
}

#[test]
fn a_page_of_5000_cases_stays_small() {
    let many = |outcome: &str| (0..5000).map(|index| case(&format!("case-{index:04}"), outcome)).collect::<Vec<_>>();
    let page = page(&Report::new(vec![made(1, many("pass")), made(2, many("fail"))]));
    assert_eq!(page.matches("<article").count(), 100);
    assert!(page.contains("4,900 more are in"));
    assert!(page.len() < 300_000, "{}", page.len());
}

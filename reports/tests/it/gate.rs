//! The gate's verdict: which evidence opens it, which trouble shuts it, and what the reasons say.

use contract_types::{GatePartPart, GatePartVerdict, GateReasonKind, GateReport, GateReportVerdict};
use jiff::{SignedDuration, Timestamp};
use reports::{Run, Terms, gate, gate_comment};
use serde_json::{Value, json};

use crate::passing;

/// Name of the target, part of the commands.
const TARGET: &str = "local";

/// The records of a target in good order, each changed by `change` with its suite's name.
pub(crate) fn records(change: impl Fn(&str, &mut Value)) -> Vec<Vec<u8>> {
    let suites = [
        ("conformance", "conformance", "cargo run -p conformance -- run --target local"),
        ("saboteurs", "conformance", "cargo run -p conformance -- saboteurs"),
        ("quality", "quality", "cargo run -p quality -- smoke --target local"),
        ("load", "load", "cargo run -p loadtests --release -- --target local --scenario search"),
    ];
    let mut ids = 0x30;
    let mut made = |(suite, kind, command): (&str, &str, &str)| {
        ids += 1;
        passing(|record| {
            record["run_id"] = json!(format!("0195f2b0-6d0a-7c3e-9b1f-2a4c6e8d0f{ids:x}"));
            (record["kind"], record["command"]) = (json!(kind), json!(command));
            (record["target"]["name"], record["contract_version"]) = (json!(TARGET), contract_version());
            let case = json!({"id": format!("{suite}/one"), "kind": "rule", "level": "MUST", "outcome": "pass", "duration_ms": 1});
            record["cases"] = json!([case]);
            record["counts"] =
                json!({"passed": 1, "failed": 0, "errored": 0, "not_applicable": 0, "known_failures": 0});
            match suite {
                "saboteurs" => record["cases"][0]["kind"] = json!("saboteur"),
                "quality" => {
                    record["scores"] = json!([{"collection": "fixtures", "tenant": "aurora-bikes", "metric": "ndcg", "k": 10, "value": 0.9, "queries": 20, "floor": 0.8}]);
                }
                "load" => {
                    record["load"] = json!([{"scenario": "search", "operation": "search", "requests": 90, "errors": 0, "rate_per_s": 9,
                        "p50_ms": 5, "p95_ms": 9, "p99_ms": 12, "max_ms": 20, "budget_p95_ms": 50}]);
                }
                _ => {}
            }
            change(suite, record);
        })
    };
    suites.map(&mut made).into()
}

/// The version of the contract that the gate asks for.
fn contract_version() -> Value {
    let document: Value = serde_json::from_str(contract_types::OPENAPI).expect("the generator writes valid JSON");
    document["info"]["version"].clone()
}

fn runs(change: impl Fn(&str, &mut Value)) -> Vec<Run> {
    let parse = |(index, text): (usize, Vec<u8>)| reports::parse(&format!("{index}.json"), &text).expect("it is valid");
    records(change).into_iter().enumerate().map(parse).collect()
}

fn terms(runs: &[Run]) -> Terms {
    let newest = runs.iter().map(|run| run.finished).max().expect("there are runs");
    Terms::new(TARGET, newest + SignedDuration::from_mins(5))
}

fn judged(change: impl Fn(&str, &mut Value)) -> GateReport {
    let runs = runs(change);
    let terms = terms(&runs);
    gate(&runs, &terms)
}

/// A case that fails, in the record of one suite.
fn failing(suite: &str, case: &Value) -> GateReport {
    judged(|name, record| {
        if name == suite {
            record["verdict"] = json!("fail");
            record["cases"].as_array_mut().unwrap().push(case.clone());
            record["counts"]["failed"] = json!(1);
        }
    })
}

/// Kinds of the reasons, each once in their order.
fn kinds(report: &GateReport) -> Vec<GateReasonKind> {
    let mut kinds: Vec<GateReasonKind> = report.parts.iter().flat_map(|part| &part.reasons).map(|it| it.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn good_records_of_every_suite_open_it() {
    let report = judged(|_, _| ());
    assert_eq!((report.verdict, report.exit_code), (GateReportVerdict::Pass, 0), "{report:?}");
    assert_eq!(report.parts.len(), 4);
    assert!(report.parts.iter().all(|part| part.verdict == GatePartVerdict::Pass && part.reasons.is_empty()));
}

#[test]
fn each_kind_of_trouble_shuts_it_and_is_told_by_its_kind() {
    let case = |id: &str, kind: &str, rule: Option<&str>, message: &str| {
        let mut case =
            json!({"id": id, "kind": kind, "level": "MUST", "outcome": "fail", "duration_ms": 1, "message": message});
        if let Some(rule) = rule {
            case["rule"] = json!(rule);
        }
        case
    };
    let table = [
        ("conformance", case("z/a", "type_error", Some("ERR-002"), "expected 422"), GateReasonKind::Contract),
        ("conformance", case("z/b", "isolation", None, "expected 404"), GateReasonKind::Isolation),
        ("conformance", case("z/c", "rule", Some("TEN-001"), "expected 403"), GateReasonKind::Isolation),
        (
            "conformance",
            case("z/d", "rule", Some("RET-001"), "body holds the canary `x` of tenant `y`"),
            GateReasonKind::Isolation,
        ),
        ("saboteurs", case("saboteurs/a/b", "saboteur", None, "not caught"), GateReasonKind::Saboteur),
        ("quality", case("smoke/x", "gate", None, "lost 0.1"), GateReasonKind::Quality),
        ("load", case("load/search/budget/p95", "gate", None, "expected p95 within 50 ms"), GateReasonKind::Latency),
        ("load", case("load/search/contract", "gate", None, "depart from the contract"), GateReasonKind::Contract),
        (
            "load",
            case("load/search/isolation", "gate", None, "hold a canary of another tenant"),
            GateReasonKind::Isolation,
        ),
    ];
    for (suite, case, kind) in table {
        let report = failing(suite, &case);
        assert_eq!((report.verdict, report.exit_code), (GateReportVerdict::Fail, 100), "{case}");
        assert_eq!(kinds(&report), [kind], "{case}");
    }
}

#[test]
fn a_score_under_its_floor_and_a_time_over_its_budget_shut_it() {
    let score = judged(|suite, record| {
        if suite == "quality" {
            (record["verdict"], record["scores"][0]["value"]) = (json!("fail"), json!(0.5));
        }
    });
    assert_eq!((score.exit_code, kinds(&score)), (100, vec![GateReasonKind::Quality]));
    let time = judged(|suite, record| {
        if suite == "load" {
            (record["verdict"], record["load"][0]["p95_ms"]) = (json!("fail"), json!(51));
        }
    });
    assert_eq!((time.exit_code, kinds(&time)), (100, vec![GateReasonKind::Latency]));
}

#[test]
fn what_is_no_evidence_opens_nothing() {
    let undecided = |report: GateReport, says: &str| {
        assert_eq!((report.verdict, report.exit_code), (GateReportVerdict::Error, 1), "{says}");
        let told: Vec<&str> =
            report.parts.iter().flat_map(|part| &part.reasons).map(|reason| reason.told.as_str()).collect();
        assert!(told.len() == 1 && told[0].contains(says) && told[0].contains("; run `cargo "), "{says}: {told:?}");
    };
    let quality = |change: fn(&mut Value)| {
        judged(move |suite, record| {
            if suite == "quality" {
                change(record);
            }
        })
    };
    undecided(quality(|record| record["target"]["name"] = json!("other")), "there is no record of quality smoke");
    undecided(quality(|record| record["contract_version"] = json!("9.0.0")), "is of the contract 9.0.0");
    undecided(
        quality(|record| record["notes"] = json!(["part of the suite: chosen by --tenant"])),
        "chosen by --tenant",
    );
    undecided(quality(|record| record["verdict"] = json!("error")), "could not be completed");
    undecided(
        quality(|record| {
            (record["cases"], record["counts"]["passed"], record["scores"]) = (json!([]), json!(0), json!([]));
        }),
        "looked at nothing",
    );
    let runs = runs(|suite, record| {
        if suite == "quality" {
            for field in ["started_at", "finished_at"] {
                record[field] = json!("2026-02-01T09:15:00Z");
            }
        }
    });
    undecided(gate(&runs, &terms(&runs)), "hours old, more than 24");
    let of_commit = Terms { commit: Some("0".repeat(40)), parts: vec![GatePartPart::Quality], ..terms(&runs) };
    let now: Timestamp = "2026-02-01T10:15:00Z".parse().unwrap();
    undecided(gate(&runs, &Terms { now, ..of_commit }), "expected the commit 000");
}

#[test]
fn a_part_of_a_suite_counts_only_where_that_is_asked() {
    let runs = runs(|_, record| record["notes"] = json!(["part of the suite: chosen by --filter"]));
    assert_eq!(gate(&runs, &terms(&runs)).exit_code, 1);
    let report = gate(&runs, &Terms { partial: true, ..terms(&runs) });
    assert_eq!(report.exit_code, 0);
    assert!(report.remarks.iter().any(|remark| remark.contains("a part of its suite alone")), "{:?}", report.remarks);
}

#[test]
fn a_failure_outranks_missing_evidence_and_a_gate_without_parts_stays_shut() {
    let mut runs = runs(|suite, record| {
        if suite == "load" {
            record["verdict"] = json!("fail");
        }
    });
    runs.remove(0);
    assert_eq!(gate(&runs, &terms(&runs)).exit_code, 100);
    let none = Terms { parts: Vec::new(), ..terms(&runs) };
    assert_eq!(gate(&runs, &none).exit_code, 1);
}

#[test]
fn saboteurs_count_on_the_local_target_alone() {
    let elsewhere = runs(|_, record| record["target"]["name"] = json!("staging"));
    let without: Vec<Run> = elsewhere.into_iter().filter(|run| !run.record.command.contains("saboteurs")).collect();
    let report = gate(&without, &Terms { target: "staging".to_owned(), ..terms(&without) });
    assert_eq!(report.exit_code, 0, "{report:?}");
    assert!(report.parts.iter().any(|part| part.verdict == GatePartVerdict::LeftOut));
    assert!(report.remarks.iter().any(|remark| remark == "Not counted: saboteurs."), "{:?}", report.remarks);
}

/// What keeps the gate shut is told with a command that a person can run.
#[test]
fn names_a_command_that_there_is() {
    for (command, remedy) in [
        ("target/debug/loadtests", "`cargo run -p loadtests --release -- --target local`"),
        (
            "cargo run -p loadtests -- streams --target local",
            "`cargo run -p loadtests --release -- streams --target local`",
        ),
        (
            "cargo run -p loadtests -- --scenario chat",
            "`cargo run -p loadtests --release -- --target local --scenario chat`",
        ),
    ] {
        let report = judged(|suite, record| {
            if suite == "load" {
                record["command"] = json!(command);
                record["verdict"] = json!("error");
                record["load"] = json!([]);
            }
        });
        let told: Vec<&str> = report.parts.iter().flat_map(|part| &part.reasons).map(|it| it.told.as_str()).collect();
        assert!(told.iter().any(|told| told.contains(remedy)), "{command}: {told:#?}");
    }
}

#[test]
fn tells_cases_that_changed_within_one_commit_and_no_others() {
    let at = |minute: u32, outcome: &str, commit: &str| {
        let verdict = if outcome == "fail" { "fail" } else { "pass" };
        let text = passing(|record| {
            let when = json!(format!("2026-03-02T09:{minute:02}:00Z"));
            (record["started_at"], record["finished_at"], record["commit"]) =
                (when.clone(), when, json!(commit.repeat(40)));
            (record["verdict"], record["cases"][0]["outcome"]) = (json!(verdict), json!(outcome));
            record["cases"][0]["id"] = json!("a/b");
            record["cases"].as_array_mut().unwrap().truncate(1);
            record["counts"] = json!({"passed": u8::from(outcome == "pass"), "failed": u8::from(outcome == "fail"), "errored": 0, "not_applicable": 0, "known_failures": 0});
            record["target"]["name"] = json!(TARGET);
        });
        reports::parse(&format!("{minute}.json"), &text).expect("it is valid")
    };
    let unsteady = [at(1, "pass", "a"), at(2, "fail", "a"), at(3, "pass", "a")];
    let report = gate(&unsteady, &terms(&unsteady));
    let [case] = report.flaky.as_slice() else { panic!("{:?}", report.flaky) };
    assert_eq!((case.case.as_str(), case.runs, case.failed, case.flips), ("a/b", 3, 1, 2));
    assert_eq!(report.parts[0].trend.len(), 3);
    assert!(gate_comment(&report).contains("🟩🟥🟩"));
    let mended = [at(1, "fail", "a"), at(2, "pass", "b")];
    assert!(gate(&mended, &terms(&mended)).flaky.is_empty());
}

#[test]
fn a_reason_repeats_no_secret_and_breaks_out_of_nothing() {
    let key = "pl_aurora-bikes_0123456789abcdefghijABCDEFGHIJ01234567";
    let report = failing(
        "conformance",
        &json!({"id": "z/a", "kind": "rule", "level": "MUST", "outcome": "fail", "duration_ms": 1, "message": format!("{key} `` | <img>\n# x")}),
    );
    let comment = gate_comment(&report);
    assert!(!comment.contains(key) && !comment.contains("\n# x"), "{comment}");
}

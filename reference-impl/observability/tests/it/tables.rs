//! The tables say what exists, and what is committed is made of them.

use std::collections::BTreeSet;

use observability::tables::{Maker, SERVER_FAULTS, base_name, metrics_of};
use observability::{TableError, Tables, files, queries};
use serde_json::Value;

use crate::{read, root, table};

const METRICS: &str = "metrics: [{name: requests_total, kind: counter, from: contract}]";
const DASHBOARD: &str = "
dashboards:
  - uid: one
    title: One
    purpose: To try it.
    rows:
      - title: Row
        panels:
          - {title: Panel, kind: stat, unit: none, width: 24, about: It says enough to be read., queries: [{expr: 'sum(requests_total)'}]}
";
const ALERTS: &str = "
severities: {page: now, ticket: later}
objectives: []
alerts:
  - name: Some
    severity: page
    expr: sum(requests_total) > 5
    summary: There are some
    why: Five are more than there should be.
    cases:
      - {fires: true, why: six, at: 1m, series: {requests_total: '6x3'}}
      - {fires: false, why: four, at: 1m, series: {requests_total: '4x3'}}
";

#[test]
fn what_is_committed_is_what_the_tables_give() {
    let stale = files::stale(&table(), &root().join("reference-impl"));
    assert!(stale.is_empty(), "{}\n{}", stale.join("\n"), files::REMEDY);
}

#[test]
fn a_file_that_was_changed_by_hand_is_stale() {
    let folder = std::env::temp_dir().join(format!("observability-{}", std::process::id()));
    let tables = table();
    for (name, content) in files::all(&tables) {
        let file = folder.join(&name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    assert_eq!(files::stale(&tables, &folder), Vec::<String>::new());
    std::fs::write(folder.join("observability/grafana/overview.json"), "{}").unwrap();
    std::fs::write(folder.join("observability/grafana/mine.json"), "{}").unwrap();
    let stale = files::stale(&tables, &folder);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        stale,
        ["observability/grafana/overview.json is stale", "observability/grafana/mine.json is in no table"]
    );
}

#[test]
fn knows_every_metric_of_the_contract_and_no_other() {
    let case = read("conformance/cases/telemetry/every-metric-has-its-name.yaml");
    let of_contract: BTreeSet<&str> = case.split("# TYPE ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    let tables = table();
    let listed = tables.metrics.iter().filter(|metric| metric.from == Maker::Contract);
    assert_eq!(listed.map(|metric| metric.name.as_str()).collect::<BTreeSet<_>>(), of_contract);
}

#[test]
fn draws_every_metric_of_the_contract() {
    let tables = table();
    let drawn: BTreeSet<String> = queries::all(&tables, "1m")
        .iter()
        .flat_map(|asked| metrics_of(&asked.expr))
        .map(|name| base_name(&name).to_owned())
        .collect();
    let missing: Vec<&str> =
        tables.metrics.iter().map(|metric| metric.name.as_str()).filter(|name| !drawn.contains(*name)).collect();
    assert!(missing.is_empty(), "on no dashboard: {missing:?}");
}

#[test]
fn faults_of_ours_are_the_codes_of_the_contract_from_500_on() {
    let schema: Value = serde_json::from_str(&read("contracts/schemas/error_code.json")).unwrap();
    let statuses = schema["x-statuses"].as_object().unwrap();
    let ours = statuses.iter().filter(|(status, _)| status.as_str() >= "500" && status.as_str() != "501");
    let codes: BTreeSet<&str> =
        ours.flat_map(|(_, codes)| codes.as_array().unwrap()).map(|it| it.as_str().unwrap()).collect();
    assert_eq!(SERVER_FAULTS.split('|').collect::<BTreeSet<_>>(), codes);
}

#[test]
fn leaves_no_variable_in_what_it_asks() {
    for asked in queries::all(&table(), "20s") {
        assert!(!asked.expr.contains(['$', '@']), "{}: {}", asked.panel, asked.expr);
    }
}

#[test]
fn places_no_panel_over_another() {
    for (name, content) in files::all(&table()).into_iter().filter(|(name, _)| name.contains("/grafana/")) {
        let dashboard: Value = serde_json::from_str(&content).unwrap();
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: an id is there twice");
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{name}: {}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{name}: {} covers another", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn refuses_tables_that_say_what_does_not_exist() {
    assert!(Tables::from_texts(METRICS, DASHBOARD, ALERTS).is_ok());
    let cases = [
        ("sum(requests_total)'", "sum(reqests_total)'", "panel `Panel`: `reqests_total` is not in tables/metrics.yaml"),
        ("sum(requests_total)'", "sum(rate(requests_total[5m]))'", "a rate is taken over $__rate_interval"),
        ("width: 24", "width: 20", "row `Row` is 20 wide"),
        ("It says enough to be read.", "Short.", "`about` says less than a sentence"),
        (
            "sum(requests_total) > 5",
            "sum(others_total) > 5",
            "alert Some: `others_total` is not in tables/metrics.yaml",
        ),
        ("fires: false, why: four", "fires: true, why: four", "alert Some: no case in which it must not fire"),
        ("There are some", "There are {{ $value }}", "names a value"),
        ("at: 1m, series: {requests_total: '6x3'}", "at: soon, series: {requests_total: '6x3'}", "`soon` is no time"),
        (
            "expr: sum(requests_total) > 5",
            "burn: {objective: none, least: 1, pairs: []}",
            "with the name of an objective",
        ),
    ];
    for (old, new, expected) in cases {
        let changed = [DASHBOARD, ALERTS].map(|text| text.replace(old, new));
        assert!(changed[0] != DASHBOARD || changed[1] != ALERTS, "{old} is in neither");
        let error = Tables::from_texts(METRICS, &changed[0], &changed[1]).expect_err(expected);
        assert!(matches!(&error, TableError::Faults(_)) && error.to_string().contains(expected), "{expected}: {error}");
    }
}

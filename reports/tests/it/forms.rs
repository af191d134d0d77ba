//! JUnit and SARIF: what they look like, what they may never say, and that other programs can read them.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use reports::{RULES, RulePlace, Run, contract_places, junit, operation_places, prometheus, rule_places, sarif};
use serde_json::{Value, json};

use crate::{changed, page::hostile, passing, run, sample};

fn of_the_samples(suite: &str) -> Run {
    let begins = |run: &Run| run.file.starts_with(&format!("{suite}-local"));
    sample().current.into_iter().find(begins).expect("a sample of that suite")
}

#[test]
fn the_junit_of_the_samples_stays_as_it_is() {
    for suite in ["conformance", "quality", "load", "saboteurs"] {
        insta::assert_snapshot!(format!("junit_{suite}"), junit(&of_the_samples(suite)));
    }
}

#[test]
fn the_sarif_of_the_samples_stays_as_it_is() {
    for suite in ["conformance", "load", "saboteurs"] {
        insta::assert_snapshot!(format!("sarif_{suite}"), sarif(&of_the_samples(suite), &places()));
    }
}

/// A small contract, so that the pictures do not change with every rule that is written.
fn places() -> Vec<RulePlace> {
    let rules = "# Rules\n- id: ANS-001\n  level: MUST\n  text: \"Every sentence carries a citation.\"\n- id: QUE-003\n  level: SHOULD\n";
    let operations = "paths:\n  /search:\n    post:\n      operationId: search\n";
    rule_places(rules).into_iter().chain(operation_places(operations)).collect()
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&sarif(run, contract_places())).unwrap()
}

/// Parses the XML anew and gives tests, failures, errors and skipped ones of the whole.
fn totals(xml: &str) -> (usize, usize, usize, usize) {
    let report = quick_junit::Report::deserialize_from_str(xml).expect("well-formed JUnit");
    let sum = |number: fn(&quick_junit::TestSuite) -> usize| report.test_suites.iter().map(number).sum();
    let skipped = |test: &&quick_junit::TestCase| matches!(test.status, quick_junit::TestCaseStatus::Skipped { .. });
    let skipped = report.test_suites.iter().map(|suite| suite.test_cases.iter().filter(skipped).count()).sum();
    (sum(|suite| suite.tests), sum(|suite| suite.failures), sum(|suite| suite.errors), skipped)
}

#[test]
fn junit_fails_exactly_what_fails_the_run() {
    let conformance = of_the_samples("conformance");
    let (tests, failures, errors, skipped) = totals(&junit(&conformance));
    // 5 failed: 3 of them MUST, one SHOULD and one probe.
    assert_eq!((tests, failures, errors, skipped), (327, 3, 1, 144));
    assert_eq!(totals(&junit(&run(&passing(|_| ())))), (2, 0, 0, 1));
}

#[test]
fn junit_is_never_green_when_the_run_is_not() {
    for (verdict, expected) in [("error", (3, 0, 1, 1)), ("fail", (3, 1, 0, 1))] {
        let xml = junit(&run(&passing(|record| record["verdict"] = json!(verdict))));
        assert_eq!(totals(&xml), expected, "{xml}");
    }
}

#[test]
fn junit_warns_of_a_should_and_lets_it_pass() {
    let xml = junit(&run(&changed(|record| {
        record["cases"][0]["level"] = json!("SHOULD");
        record["verdict"] = json!("pass");
    })));
    assert_eq!(totals(&xml), (3, 0, 0, 1));
    assert!(xml.contains("<system-out>warning (SHOULD): sentence 2"), "{xml}");
}

#[test]
fn junit_of_hostile_text_is_still_read() {
    for text in ["]]><x>&\"'", "\u{1b}[31m\u{0}\u{ffff}\u{202e} y", "a\nb\tc"] {
        let xml = junit(&hostile(text).current[0]);
        assert_eq!(totals(&xml).0, 3, "{xml}");
        assert!(!xml.contains(['\u{ffff}', '\u{202e}', '\u{0}', '\u{1b}']), "{xml}");
    }
}

#[test]
fn junit_counts_floors_and_budgets() {
    assert_eq!(totals(&junit(&of_the_samples("quality"))), (21, 0, 0, 0));
    assert_eq!(totals(&junit(&of_the_samples("load"))), (8, 3, 0, 0));
}

/// The schema that the standard's committee publishes, out of the package that carries it.
fn official() -> jsonschema::Validator {
    // Only the packages of this platform are sure to lie on this machine, and without `--offline` cargo would fetch the others.
    let compiler = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let compiler = String::from_utf8(compiler).unwrap();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package =
        packages.iter().find(|package| package["name"] == "serde-sarif").expect("a dependency of these tests");
    let schema = PathBuf::from(package["manifest_path"].as_str().unwrap()).with_file_name("src").join("schema.json");
    let mut schema: Value = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    // Its pattern of a property that is never written has a bracket too many and is no regular expression of ECMA-262.
    for object in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][object]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

#[test]
fn sarif_follows_the_official_schema() {
    let schema = official();
    assert!(!schema.is_valid(&json!({"version": "2.1.0", "runs": [{"tool": {}}]})), "a schema that refuses nothing");
    let mut runs = sample().current;
    runs.extend([hostile("{0} [x](y) \u{0}").current.remove(0), run(&passing(|_| ()))]);
    for run in runs {
        let log = parsed(&run);
        let faults: Vec<String> =
            schema.iter_errors(&log).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {}", run.file, faults.join("\n"));
    }
}

#[test]
fn sarif_names_each_rule_once_and_points_at_its_line() {
    let log = parsed(&of_the_samples("conformance"));
    let run = &log["runs"][0];
    assert_eq!(run["automationDetails"]["id"], "conformance/local");
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(rules.len(), rules.iter().collect::<BTreeSet<_>>().len());
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/rules.yaml")).unwrap();
    let mut pointed = 0;
    for result in run["results"].as_array().unwrap() {
        let id = result["ruleId"].as_str().unwrap();
        assert_eq!(rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()], id);
        let place = &result["locations"][0]["physicalLocation"];
        if place["artifactLocation"]["uri"] == RULES {
            let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
            assert_eq!(text.lines().nth(line - 1), Some(format!("- id: {id}").as_str()));
            pointed += 1;
        }
    }
    assert!(pointed >= 3, "{pointed}");
}

#[test]
fn sarif_levels_follow_what_a_failure_does_to_the_run() {
    let log = parsed(&of_the_samples("conformance"));
    let of = |id: &str| {
        let results = log["runs"][0]["results"].as_array().unwrap();
        results.iter().find(|result| result["partialFingerprints"]["caseId/v1"] == id).unwrap().clone()
    };
    assert_eq!(of("retrieve/hides-other-tenants-chunks")["level"], "error");
    assert_eq!(of("search/corrects-one-typo")["level"], "warning");
    assert_eq!(of("probes/answers-a-second-host-header")["level"], "note");
    let known = of("retrieve/ties-break-by-chunk-id");
    assert_eq!((&known["level"], &known["suppressions"][0]["kind"]), (&json!("note"), &json!("external")));
}

#[test]
fn a_run_that_broke_says_so_in_sarif() {
    let log = parsed(&run(&passing(|record| record["verdict"] = json!("error"))));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn every_rule_and_operation_of_the_contract_has_its_place() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts");
    let mut found = 0;
    for (file, begins) in [("rules.yaml", "- id: "), ("openapi.yaml", "operationId: ")] {
        let text = fs::read_to_string(format!("{root}/{file}")).unwrap();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(begins)) {
            let id = line.trim_start().trim_start_matches(begins);
            let place =
                contract_places().iter().find(|place| place.id == id).unwrap_or_else(|| panic!("{id} has none"));
            assert_eq!((place.line, place.file.ends_with(file)), (index + 1, true));
            found += 1;
        }
    }
    assert_eq!(found, contract_places().len());
    assert!(contract_places().iter().filter(|place| place.file == RULES).all(|place| !place.text.is_empty()));
}

#[test]
fn a_rules_fields_are_read_whatever_their_quotes() {
    let places = rule_places(
        "# x\n- id: ABC-001\n  level: SHOULD\n  text: \"A \\\"b\\\".\"\n\n- id: 'ABC-002'\n  text: plain\n",
    );
    let texts: Vec<_> = places.iter().map(|place| (place.id.as_str(), place.line, place.text.as_str())).collect();
    assert_eq!(texts, [("ABC-001", 2, "A \"b\"."), ("ABC-002", 6, "plain")]);
}

#[test]
fn prometheus_counts_each_case_once_and_tells_none_failed_from_none_tried() {
    let run = of_the_samples("conformance");
    let text = prometheus(&run);
    let counted: usize = text.lines().filter(|line| line.starts_with("plumbline_cases{")).map(value).sum();
    assert_eq!(counted, run.record.cases.len());
    let none = crate::run(&passing(|_| ()));
    let line = "plumbline_cases{suite=\"conformance\",target=\"local\",kind=\"isolation\",outcome=\"pass\"} 0\n";
    assert!(prometheus(&none).contains(line), "{}", prometheus(&none));
    let finished = format!(
        "plumbline_run_finished_timestamp_seconds{{suite=\"conformance\",target=\"local\"}} {}\n",
        none.finished.as_second()
    );
    assert!(prometheus(&none).ends_with(&finished));
}

fn value(line: &str) -> usize {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

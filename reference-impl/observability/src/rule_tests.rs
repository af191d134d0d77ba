//! The unit tests of the alerts as promtool runs them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Tables;
use crate::rules::runbook;
use crate::tables::{Alert, AlertCase};

#[derive(Debug, Serialize)]
struct File {
    rule_files: [&'static str; 1],
    evaluation_interval: &'static str,
    tests: Vec<Test>,
}

#[derive(Debug, Serialize)]
struct Test {
    name: String,
    interval: String,
    input_series: Vec<Series>,
    #[serde(rename = "alert_rule_test")]
    expected: [Expected; 1],
}

#[derive(Debug, Serialize)]
struct Series {
    series: String,
    values: String,
}

#[derive(Debug, Serialize)]
struct Expected {
    eval_time: String,
    alertname: String,
    exp_alerts: Vec<Firing>,
}

#[derive(Debug, Serialize)]
struct Firing {
    exp_labels: BTreeMap<String, String>,
    exp_annotations: BTreeMap<&'static str, String>,
}

/// Time between the values of a case that goes on for hours; rules are looked at as seldom, or promtool takes minutes.
const LONG: &str = "5m";

/// The text of the file with the cases that are looked at every minute, and of that with the long ones.
pub(crate) fn tests(tables: &Tables) -> (String, String) {
    let cases = || tables.alerts.alerts.iter().flat_map(|alert| alert.cases.iter().map(move |case| (alert, case)));
    let is_long = |case: &AlertCase| case.interval.as_deref() == Some(LONG);
    let text = |long: bool| {
        let tests = cases().filter(|(_, case)| is_long(case) == long).map(|(alert, case)| test(alert, case)).collect();
        let evaluation_interval = if long { LONG } else { "1m" };
        let file = File { rule_files: ["rules.yaml"], evaluation_interval, tests };
        format!("{}{}", crate::files::MADE, serde_yaml::to_string(&file).expect("tests are plain data"))
    };
    (text(false), text(true))
}

fn test(alert: &Alert, case: &AlertCase) -> Test {
    let verb = if case.fires { "fires" } else { "is silent" };
    let series = case.series.iter().map(|(series, values)| Series { series: series.clone(), values: values.clone() });
    Test {
        name: format!("{} {verb}: {}", alert.name, case.why),
        interval: case.interval.clone().unwrap_or_else(|| "1m".to_owned()),
        input_series: series.collect(),
        expected: [Expected {
            eval_time: case.at.clone(),
            alertname: alert.name.clone(),
            exp_alerts: if case.fires { vec![firing(alert, case)] } else { Vec::new() },
        }],
    }
}

fn firing(alert: &Alert, case: &AlertCase) -> Firing {
    let mut labels = case.labels.clone();
    labels.insert("severity".to_owned(), alert.severity.name().to_owned());
    let annotations = BTreeMap::from([("summary", told(&alert.summary, &labels)), ("runbook", runbook(alert))]);
    Firing { exp_labels: labels, exp_annotations: annotations }
}

/// `template` with the labels that it names; one that is not there is empty, as Prometheus has it.
fn told(template: &str, labels: &BTreeMap<String, String>) -> String {
    let mut parts = template.split("{{ $labels.");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (label, rest) = part.split_once(" }}").unwrap_or((part, ""));
        text.push_str(labels.get(label).map_or("", String::as_str));
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::told;

    #[test]
    fn foretells_what_an_annotation_says() {
        let labels = BTreeMap::from([("tenant".to_owned(), "aurora".to_owned())]);
        for (template, expected) in [
            ("All is well", "All is well"),
            ("{{ $labels.tenant }} waits for {{ $labels.port }}.", "aurora waits for ."),
            ("{{ $labels.tenant }}", "aurora"),
        ] {
            assert_eq!(told(template, &labels), expected);
        }
    }
}

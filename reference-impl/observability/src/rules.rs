//! The rules file of Prometheus: what is recorded for the objectives, and the alerts.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Tables;
use crate::tables::{Alert, Objective, filled};

/// Where the sections of alerts are.
pub(crate) const RUNBOOK: &str = "reference-impl/docs/on-call.md";

#[derive(Debug, Serialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rule {
    Recorded {
        record: String,
        expr: String,
    },
    Alert {
        alert: String,
        expr: String,
        #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
        hold: Option<String>,
        labels: Labels,
        annotations: Annotations,
    },
}

#[derive(Debug, Serialize)]
struct Labels {
    severity: &'static str,
}

#[derive(Debug, Serialize)]
struct Annotations {
    summary: String,
    runbook: String,
}

/// The text of the file.
pub(crate) fn rules(tables: &Tables) -> String {
    let mut groups: Vec<Group> = tables
        .alerts
        .objectives
        .iter()
        .map(|objective| Group {
            name: format!("plumbline-{}", objective.name),
            rules: windows(tables, objective).iter().flat_map(|window| recorded(objective, window)).collect(),
        })
        .collect();
    groups.push(Group {
        name: "plumbline-alerts".to_owned(),
        rules: tables.alerts.alerts.iter().map(|it| alert(tables, it)).collect(),
    });
    let text = serde_yaml::to_string(&Rules { groups }).expect("rules are plain data");
    format!("{}{text}", crate::files::MADE)
}

/// The windows in which an objective is looked at, by the alphabet.
fn windows(tables: &Tables, objective: &Objective) -> BTreeSet<String> {
    let burns = tables.alerts.alerts.iter().filter_map(|alert| alert.burn.as_ref());
    let pairs = burns.filter(|burn| burn.objective == objective.name).flat_map(|burn| &burn.pairs);
    pairs.flat_map(|pair| [pair.long.clone(), pair.short.clone()]).collect()
}

fn recorded(objective: &Objective, window: &str) -> [Rule; 2] {
    let name = &objective.name;
    let over = |expression: &str| filled(expression).replace("@window@", window);
    let bad = format!("tenant:{name}_bad:rate{window}");
    let ratio = format!("{bad} / ({})", over(&objective.all));
    [
        Rule::Recorded { record: bad, expr: over(&objective.bad) },
        Rule::Recorded { record: format!("tenant:{name}_bad:ratio_rate{window}"), expr: ratio },
    ]
}

fn alert(tables: &Tables, alert: &Alert) -> Rule {
    Rule::Alert {
        alert: alert.name.clone(),
        expr: alert.expression(&tables.alerts.objectives).expect("tables are checked when they are read"),
        hold: alert.hold.clone(),
        labels: Labels { severity: alert.severity.name() },
        annotations: Annotations { summary: alert.summary.clone(), runbook: runbook(alert) },
    }
}

/// Where to read what to do.
pub(crate) fn runbook(alert: &Alert) -> String {
    format!("{RUNBOOK}#{}", alert.name.to_lowercase())
}

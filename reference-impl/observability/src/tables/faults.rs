//! What is wrong with the tables, all of it at once.

use std::collections::BTreeSet;

use super::{Alert, Tables, alerts::seconds, base_name, metrics_of};

/// Columns of a dashboard.
const COLUMNS: u32 = 24;
/// Least characters of a text that explains.
const LEAST: usize = 20;

/// Every fault.
pub(super) fn of(tables: &Tables) -> Vec<String> {
    let mut faults = Vec::new();
    twice("metric", tables.metrics.iter().map(|it| it.name.as_str()), &mut faults);
    twice("dashboard", tables.dashboards.iter().map(|it| it.uid.as_str()), &mut faults);
    twice("alert", tables.alerts.alerts.iter().map(|it| it.name.as_str()), &mut faults);
    dashboards(tables, &mut faults);
    for alert in &tables.alerts.alerts {
        of_alert(tables, alert, &mut faults);
    }
    for objective in &tables.alerts.objectives {
        let place = format!("objective {}", objective.name);
        if !(objective.objective > 0.0 && objective.objective < 1.0) {
            faults.push(format!("{place}: expected a share between 0 and 1"));
        }
        for expression in [&objective.bad, &objective.all] {
            if !expression.contains("[@window@]") {
                faults.push(format!("{place}: `{expression}` has no [@window@]"));
            }
            unknown(tables, &place, expression, &mut faults);
        }
    }
    faults
}

fn dashboards(tables: &Tables, faults: &mut Vec<String>) {
    for dashboard in &tables.dashboards {
        twice("panel", dashboard.panels().map(|it| it.title.as_str()), faults);
        for row in &dashboard.rows {
            let width: u32 = row.panels.iter().map(|panel| panel.width).sum();
            if width == 0 || !width.is_multiple_of(COLUMNS) {
                faults.push(format!(
                    "{}: row `{}` is {width} wide, expected a multiple of {COLUMNS}",
                    dashboard.uid, row.title
                ));
            }
        }
        for panel in dashboard.panels() {
            let place = format!("{}: panel `{}`", dashboard.uid, panel.title);
            if panel.about.trim().len() < LEAST {
                faults.push(format!("{place}: `about` says less than a sentence"));
            }
            if let Some(of) = &panel.thresholds
                && of.above.is_empty() == of.below.is_empty()
            {
                faults.push(format!("{place}: expected thresholds either above or below"));
            }
            if panel.queries.is_empty() {
                faults.push(format!("{place}: no query"));
            }
            for query in &panel.queries {
                unknown(tables, &place, &query.expr, faults);
                if query.expr.contains("rate(") && !query.expr.contains("[$__rate_interval]") {
                    faults.push(format!("{place}: a rate is taken over $__rate_interval"));
                }
            }
        }
    }
}

fn of_alert(tables: &Tables, alert: &Alert, faults: &mut Vec<String>) {
    let place = format!("alert {}", alert.name);
    let Some(expression) = alert.expression(&tables.alerts.objectives) else {
        faults.push(format!("{place}: expected either `expr` or `burn` with the name of an objective"));
        return;
    };
    if alert.burn.is_none() {
        unknown(tables, &place, &expression, faults);
    }
    let times = alert.burn.iter().flat_map(|burn| &burn.pairs).flat_map(|pair| [&pair.long, &pair.short]);
    for time in times.chain(&alert.hold).chain(alert.cases.iter().map(|case| &case.at)) {
        if seconds(time).is_none() {
            faults.push(format!("{place}: `{time}` is no time; expected a number and s, m, h or d"));
        }
    }
    if alert.summary.contains("$value") {
        faults.push(format!("{place}: `summary` names a value, which no test can foretell"));
    }
    if alert.why.trim().len() < LEAST {
        faults.push(format!("{place}: `why` does not explain the thresholds"));
    }
    for (fires, what) in [(true, "in which it fires"), (false, "in which it must not fire")] {
        if !alert.cases.iter().any(|case| case.fires == fires) {
            faults.push(format!("{place}: no case {what}"));
        }
    }
    if alert.cases.iter().any(|case| !case.fires && !case.labels.is_empty()) {
        faults.push(format!("{place}: a silent case has no labels"));
    }
}

fn unknown(tables: &Tables, place: &str, expression: &str, faults: &mut Vec<String>) {
    for name in metrics_of(expression) {
        if !tables.metrics.iter().any(|metric| metric.name == base_name(&name)) {
            faults.push(format!("{place}: `{name}` is not in tables/metrics.yaml"));
        }
    }
}

fn twice<'a>(what: &str, names: impl Iterator<Item = &'a str>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            faults.push(format!("{what} `{name}` is there twice"));
        }
    }
}

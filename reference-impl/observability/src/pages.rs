//! The operators' pages that are made of the tables: what each panel shows, and why each alert fires when it does.

use std::fmt::{self, Write as _};

use crate::Tables;
use crate::tables::{Alert, Maker, base_name, metrics_of};

const MADE: &str = "<!-- Made by `cargo run -p observability -- generate`; edit ../observability/tables instead. -->\n";

/// How to bring the dashboards in.
const INSTALL: &str = "\
Grafana dashboards as code: `../observability/grafana/*.json`, one file each, made of one table of panels. Prometheus scrapes
`GET /metrics` with a key of the scope `operator`, which sees every tenant (`../observability/prometheus/prometheus.yaml` is a whole
configuration). Bring the dashboards in by a provider of Grafana whose `options.path` is that folder, or one by one under
Dashboards, Import; each asks for its Prometheus and has no other setting. They can be used unchanged against any deployment that
declares `metrics`: the names are the contract's. Panels marked *reference* read what the reference serves beside them, those
marked *probe* what is made of a run record (see IsolationBreach in [alerts.md](alerts.md)).

`.ci/dashboards FOLDER` runs every query of every panel against a real Prometheus that has scraped a loaded server, and each must
return data. What to do when a panel looks wrong is in [on-call.md](on-call.md).
";

/// How alerts are put into service.
const SERVICE: &str = "\
Alert rules as code: `../observability/prometheus/rules.yaml`, named in `rule_files` of Prometheus. What to do for each is in
[on-call.md](on-call.md); its anchor stands in the annotation `runbook`. `.ci/dashboards FOLDER` checks them and runs their unit
tests, at least one in which each alert fires and one in which it must not.

IsolationBreach and IsolationProbeStale need a daily run of the suite against the deployment, its record as text for Prometheus,
and something that serves the text, such as the textfile collector of the node exporter:

```sh
cargo test -p conformance -- --target production-readonly
cargo run -p reports -- --format prometheus --run RECORD --output plumbline.prom
```

A counter that is born with a value above 0 shows no rise to Prometheus. The reference serves the counters that have no label but
`tenant` from 0 on, once the tenant has been asked for anything. A counter with a code or a reason is born with the first one, which
is therefore not seen: BudgetExhausted, CrossTenantAttempts and LimiterStoreDown begin to count with the second.
";

/// `docs/dashboards.md`.
pub(crate) fn dashboards(tables: &Tables) -> String {
    written(|out| {
        write!(out, "# Dashboards\n\n{MADE}\n{INSTALL}")?;
        for dashboard in &tables.dashboards {
            writeln!(out, "\n## {}\n\n{}\n", dashboard.title, dashboard.purpose)?;
            writeln!(out, "`../observability/grafana/{}.json`\n", dashboard.uid)?;
            writeln!(out, "| panel | what it shows |\n|---|---|")?;
            for panel in dashboard.panels() {
                let marks = marks(tables, panel.queries.iter().map(|query| query.expr.as_str()));
                writeln!(out, "| {}{marks} | {} |", panel.title, panel.about)?;
            }
        }
        Ok(())
    })
}

/// `docs/alerts.md`.
pub(crate) fn alerts(tables: &Tables) -> String {
    let alerts = &tables.alerts;
    written(|out| {
        write!(out, "# Alerts\n\n{MADE}\n{SERVICE}\n| severity | what it means |\n|---|---|\n")?;
        for (severity, text) in &alerts.severities {
            writeln!(out, "| {} | {text} |", severity.name())?;
        }
        writeln!(out, "\n## Objectives\n")?;
        for objective in &alerts.objectives {
            writeln!(out, "- **{}**: {}", objective.name, objective.text)?;
        }
        out.push_str(
            "\nA burn rate is how many times faster than allowed an error budget is used up: 1 uses exactly the budget of 30 days in 30\n\
             days. Each alert looks at a long window, which says that it matters, and at a short one, which says that it still goes on.\n\n\
             ## All of them\n\n| alert | severity | holds for | reads |\n|---|---|---|---|\n",
        );
        for alert in &alerts.alerts {
            let anchor = alert.name.to_lowercase();
            let hold = alert.hold.as_deref().unwrap_or("at once");
            writeln!(
                out,
                "| [{}](#{anchor}) | {} | {hold} | {} |",
                alert.name,
                alert.severity.name(),
                reads(tables, alert)
            )?;
        }
        for alert in &alerts.alerts {
            one(out, tables, alert)?;
        }
        Ok(())
    })
}

fn one(out: &mut String, tables: &Tables, alert: &Alert) -> fmt::Result {
    let anchor = alert.name.to_lowercase();
    let expression = alert.expression(&tables.alerts.objectives).expect("tables are checked when they are read");
    writeln!(out, "\n## {}\n\n{} [What to do](on-call.md#{anchor}).\n", alert.name, alert.why.trim())?;
    writeln!(out, "```text\n{expression}\n```\n\nHeld by:\n")?;
    for case in &alert.cases {
        writeln!(out, "- {}: {}", if case.fires { "fires" } else { "silent" }, case.why)?;
    }
    Ok(())
}

/// The metrics that an alert reads, as code.
fn reads(tables: &Tables, alert: &Alert) -> String {
    let names = match (&alert.burn, &alert.expr) {
        (Some(burn), _) => {
            let objectives = tables.alerts.objectives.iter().filter(|it| it.name == burn.objective);
            objectives.flat_map(|it| [metrics_of(&it.bad), metrics_of(&it.all)]).flatten().collect()
        }
        (None, Some(expression)) => metrics_of(expression),
        (None, None) => std::collections::BTreeSet::new(),
    };
    let names: std::collections::BTreeSet<&str> = names.iter().map(|name| base_name(name)).collect();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Which metrics of a panel are not the contract's.
fn marks<'a>(tables: &Tables, expressions: impl Iterator<Item = &'a str>) -> &'static str {
    let names: Vec<String> = expressions.flat_map(metrics_of).collect();
    let made_by = |maker| {
        let mut of = tables.metrics.iter().filter(|metric| metric.from == maker);
        of.any(|metric| names.iter().any(|name| base_name(name) == metric.name))
    };
    if made_by(Maker::Platform) {
        " *(reference)*"
    } else if made_by(Maker::Probe) {
        " *(probe)*"
    } else {
        ""
    }
}

fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("writing to a String cannot fail");
    out
}

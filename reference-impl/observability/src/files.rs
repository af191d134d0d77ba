//! Every file that is made of the tables, by its place below `reference-impl`.

use std::path::Path;

use crate::{Tables, grafana, pages, rule_tests, rules};

/// What made files of YAML begin with.
pub(crate) const MADE: &str =
    "# Made by `cargo run -p observability -- generate`; edit observability/tables instead.\n";
/// How a stale file is renewed.
pub const REMEDY: &str = "run `cargo run -p observability -- generate` and commit what it writes";

/// Each file with its content.
pub fn all(tables: &Tables) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = tables
        .dashboards
        .iter()
        .map(|dashboard| {
            let text = format!("{:#}\n", grafana::dashboard(dashboard));
            (format!("observability/grafana/{}.json", dashboard.uid), text)
        })
        .collect();
    list.push(("observability/prometheus/rules.yaml".to_owned(), rules::rules(tables)));
    let (short, long) = rule_tests::tests(tables);
    list.push(("observability/prometheus/tests.yaml".to_owned(), short));
    list.push(("observability/prometheus/tests-long.yaml".to_owned(), long));
    list.push(("docs/dashboards.md".to_owned(), pages::dashboards(tables)));
    list.push(("docs/alerts.md".to_owned(), pages::alerts(tables)));
    list
}

/// The files below `into` that are not what the tables give, and dashboards that no table has any more.
pub fn stale(tables: &Tables, into: &Path) -> Vec<String> {
    let made = all(tables);
    let mut stale: Vec<String> = made
        .iter()
        .filter(|(name, content)| std::fs::read_to_string(into.join(name)).ok().as_ref() != Some(content))
        .map(|(name, _)| format!("{name} is stale"))
        .collect();
    let folder = std::fs::read_dir(into.join("observability/grafana")).into_iter().flatten().flatten();
    for file in folder {
        let name = format!("observability/grafana/{}", file.file_name().to_string_lossy());
        if !made.iter().any(|(made, _)| *made == name) {
            stale.push(format!("{name} is in no table"));
        }
    }
    stale
}

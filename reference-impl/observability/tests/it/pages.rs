//! The operators' pages: each alert has its section, and whatever a page names exists.

use std::collections::BTreeSet;

use crate::{read, table};

const DOCS: &str = "reference-impl/docs";

/// The anchors that a page of Markdown has.
fn anchors(page: &str) -> BTreeSet<String> {
    let titles = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(anchor).collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The targets of the links of a page.
fn links(page: &str) -> Vec<String> {
    page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

#[test]
fn each_alert_has_a_section_that_says_what_to_do() {
    let page = read(&format!("{DOCS}/on-call.md"));
    for alert in table().alerts.alerts {
        let heading = format!("\n### {}\n", alert.name);
        let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("on-call.md has no section {}", alert.name));
        let section = rest.split("\n#").next().unwrap();
        assert!(section.trim().len() > 100, "{}: the section says next to nothing", alert.name);
    }
}

#[test]
fn each_section_is_of_an_alert_that_exists() {
    let tables = table();
    let names: BTreeSet<&str> = tables.alerts.alerts.iter().map(|alert| alert.name.as_str()).collect();
    let page = read(&format!("{DOCS}/on-call.md"));
    let sections: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(sections, names);
}

#[test]
fn each_panel_that_a_section_names_exists() {
    let tables = table();
    let panels: BTreeSet<&str> = tables
        .dashboards
        .iter()
        .flat_map(|it| it.panels().map(|panel| panel.title.as_str()).chain([it.title.as_str()]))
        .collect();
    // Emphasis in these pages is for names of panels and dashboards, outcomes, and parts of a failure mode.
    let others = ["error", "Mitigation"];
    let page = read(&format!("{DOCS}/on-call.md")).replace('\n', " ");
    let named = page.split('*').skip(1).step_by(2);
    let unknown: Vec<&str> = named.filter(|name| !panels.contains(name) && !others.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn each_link_leads_somewhere() {
    let mut broken = Vec::new();
    for name in ["on-call.md", "alerts.md", "dashboards.md"] {
        let page = read(&format!("{DOCS}/{name}"));
        for link in links(&page) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { read(&format!("{DOCS}/{file}")) };
            if !anchor.is_empty() && !anchors(&target).contains(anchor) {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn failure_modes_are_linked_and_not_told_again() {
    let (modes, page) = (read(&format!("{DOCS}/failure-modes.md")), read(&format!("{DOCS}/on-call.md")));
    let told: Vec<&str> = modes
        .lines()
        .filter(|line| line.starts_with("**") && line.len() > 80)
        .filter(|line| page.contains(&line[20..80]))
        .collect();
    assert!(told.is_empty(), "{told:?}");
    assert!(links(&page).iter().filter(|link| link.starts_with("failure-modes.md#")).count() > 10);
}

#[test]
fn each_annotation_leads_to_its_section() {
    let anchors = anchors(&read(&format!("{DOCS}/on-call.md")));
    let rules = read("reference-impl/observability/prometheus/rules.yaml");
    let runbooks: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert_eq!(runbooks.len(), table().alerts.alerts.len());
    for runbook in runbooks {
        let (file, anchor) = runbook.split_once('#').unwrap();
        assert!(file == "reference-impl/docs/on-call.md" && anchors.contains(anchor), "{runbook}");
    }
}

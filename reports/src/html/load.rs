//! Load: a table for each scenario with a strip for each row, and a curve for each row that kept its histogram.

use std::fmt::{self, Write};

use contract_types::{LoadRecord, LoadRecordCache, LoadRecordPhase};

use super::{close_table, curve, open_table, strip::Scale, timeline};
use crate::format::{Text, count, decimal};

pub(super) fn write(out: &mut String, load: &[LoadRecord]) -> fmt::Result {
    if load.is_empty() {
        return Ok(());
    }
    let mut scenarios: Vec<&str> = load.iter().map(|row| row.scenario.as_str()).collect();
    let mut seen = std::collections::HashSet::new();
    scenarios.retain(|name| seen.insert(*name));
    writeln!(out, "<h3>Latency</h3>")?;
    writeln!(
        out,
        "<p class=\"legend\"><span>Milliseconds from the intended start of each request.</span> <span><i class=\"pass\"></i>p50 to p95</span> \
         <span><i class=\"line\"></i>up to p99 and the longest</span> <span><i class=\"tick\"></i>budget of p95</span></p>"
    )?;
    for scenario in scenarios {
        let rows: Vec<&LoadRecord> = load.iter().filter(|row| row.scenario == scenario).collect();
        table(out, scenario, &rows)?;
        timeline::figures(out, scenario, &rows)?;
        curve::figures(out, scenario, &rows)?;
    }
    Ok(())
}

/// What a row measures: the operation, and the tenant and phase where it is narrowed to them.
pub(super) fn subject(row: &LoadRecord) -> (&str, String) {
    let name = if row.operation == "all" { "all operations" } else { &row.operation };
    let phase = row.phase.and_then(|phase| match phase {
        LoadRecordPhase::Response => None,
        LoadRecordPhase::FirstEvent => Some("first event"),
        LoadRecordPhase::EventGap => Some("gap between events"),
    });
    let cache = row.cache.map(|cache| match cache {
        LoadRecordCache::Hit => "from the cache",
        LoadRecordCache::Miss => "not from the cache",
    });
    let tenant = row.tenant.as_ref().map(|tenant| tenant.as_str());
    let narrowed: Vec<&str> = tenant.into_iter().chain(phase).chain(cache).collect();
    (name, narrowed.join(", "))
}

fn table(out: &mut String, scenario: &str, rows: &[&LoadRecord]) -> fmt::Result {
    let scale = Scale::of(rows);
    open_table(out, "load", &format!("Scenario {scenario}"))?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\"><span class=\"barred\"><span>Operation</span>{}</span></th>",
        scale.axis()
    )?;
    for name in ["p50", "p95", "budget", "p99", "longest", "per s", "requests", "errors"] {
        write!(out, "<th scope=\"col\" class=\"num\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in rows {
        line(out, row, &scale)?;
    }
    close_table(out)
}

fn line(out: &mut String, row: &LoadRecord, scale: &Scale) -> fmt::Result {
    let (name, narrowed) = subject(row);
    let over = row.budget_p95_ms.is_some_and(|budget| row.p95_ms > budget);
    write!(out, "<tr><th scope=\"row\"><span class=\"barred\"><span>{}", Text(name))?;
    if !narrowed.is_empty() {
        write!(out, " <small>{}</small>", Text(&narrowed))?;
    }
    let note = if over { " <small class=\"fail\">over budget</small>" } else { "" };
    writeln!(out, "{note}</span>{}</span></th>", scale.strip(row))?;
    let budget = row.budget_p95_ms.map_or_else(|| "–".to_owned(), |budget| decimal(budget, 1));
    let cells = [
        ("", decimal(row.p50_ms, 1)),
        (if over { "fail" } else { "key" }, decimal(row.p95_ms, 1)),
        ("", budget),
        ("", decimal(row.p99_ms, 1)),
        ("", decimal(row.max_ms, 1)),
        ("", decimal(row.rate_per_s, 1)),
        ("", count(row.requests)),
        (if row.errors > 0 { "fail" } else { "zero" }, count(row.errors)),
    ];
    for (class, value) in cells {
        write!(out, "<td class=\"num {class}\">{value}</td>")?;
    }
    writeln!(out, "</tr>")
}

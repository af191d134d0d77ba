//! How much of the contract's denominator a run has reached, and what it has not.

use std::fmt::{self, Write};

use contract_types::{CoverageRecord, CoverageRecordDimension};

use super::{bar, close_table, fold, open_table};
use crate::format::{count, length, percent, plural, share};

pub(super) fn write(out: &mut String, coverage: &[CoverageRecord]) -> fmt::Result {
    if coverage.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Coverage of the contract</h3>")?;
    open_table(out, "coverage", "Reached, of what applies to the target")?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Dimension</th><th scope=\"col\" class=\"num\">reached</th>\
         <th scope=\"col\" class=\"num\">of</th><th scope=\"col\" class=\"num\">share</th></tr></thead>\n<tbody>"
    )?;
    for row in coverage {
        let bar = bar::against(share(row.reached, row.total), None, "pass");
        writeln!(
            out,
            "<tr><th scope=\"row\"><span class=\"barred\"><span>{}</span>{bar}</span></th><td class=\"num\">{}</td>\
             <td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            name(row.dimension),
            count(row.reached),
            count(row.total),
            percent(row.reached, row.total)
        )?;
    }
    close_table(out)?;
    for row in coverage.iter().filter(|row| !row.missing.is_empty()) {
        let summary =
            format!("{} not reached", plural(length(row.missing.len()), row.dimension.as_str(), name(row.dimension)));
        fold(out, &summary, row.missing.iter().map(|item| split(item)))?;
    }
    for row in coverage {
        let excluded = row.excluded.as_deref().unwrap_or_default();
        if excluded.is_empty() {
            continue;
        }
        let summary = format!(
            "{} excluded, not in the total",
            plural(length(excluded.len()), row.dimension.as_str(), name(row.dimension))
        );
        fold(out, &summary, excluded.iter().map(|pair| (pair.item.as_str(), Some(pair.reason.as_str()))))?;
    }
    Ok(())
}

pub(crate) fn name(dimension: CoverageRecordDimension) -> &'static str {
    match dimension {
        CoverageRecordDimension::Operation => "operations",
        CoverageRecordDimension::Status => "statuses",
        CoverageRecordDimension::Parameter => "parameters",
        CoverageRecordDimension::Keyword => "keywords",
    }
}

/// `search 504: no fault can be injected` is an item and its reason; no item of the contract holds a colon and a blank.
fn split(item: &str) -> (&str, Option<&str>) {
    item.split_once(": ").map_or((item, None), |(item, reason)| (item, Some(reason)))
}

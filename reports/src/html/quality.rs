//! Quality figures, a table for each tenant, each figure against its floor and its baseline.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use contract_types::ScoreRecord;

use super::{bar, close_table, open_table};
use crate::format::{Text, count, decimal, length, signed};

pub(super) fn write(out: &mut String, scores: &[ScoreRecord]) -> fmt::Result {
    if scores.is_empty() {
        return Ok(());
    }
    let mut tenants: BTreeMap<&str, Vec<&ScoreRecord>> = BTreeMap::new();
    for score in scores {
        tenants.entry(score.tenant.as_str()).or_default().push(score);
    }
    writeln!(out, "<h3>Scores <span>{}</span></h3>", count(length(scores.len())))?;
    writeln!(
        out,
        "<p class=\"legend\"><span><i class=\"pass\"></i>value</span> <span><i class=\"tick\"></i>floor</span> <span>change: to the baseline, with its 95 % interval</span></p>"
    )?;
    for (tenant, scores) in tenants {
        table(out, tenant, &scores)?;
    }
    Ok(())
}

fn table(out: &mut String, tenant: &str, scores: &[&ScoreRecord]) -> fmt::Result {
    open_table(out, "scores", &format!("Tenant {tenant}"))?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Metric</th><th scope=\"col\" class=\"num\">value</th><th scope=\"col\" class=\"num\">floor</th>\
         <th scope=\"col\" class=\"num\">change</th><th scope=\"col\" class=\"num\">queries</th>\
         <th scope=\"col\" class=\"num\">interval</th></tr></thead>"
    )?;
    let mut collection = None;
    for score in scores {
        if collection != Some(score.collection.as_str()) {
            let close = if collection.is_some() { "</tbody>\n" } else { "" };
            let name = Text(&score.collection);
            writeln!(out, "{close}<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"6\">{name}</th></tr>")?;
            collection = Some(score.collection.as_str());
        }
        row(out, score)?;
    }
    close_table(out)
}

fn row(out: &mut String, score: &ScoreRecord) -> fmt::Result {
    let below = score.floor.is_some_and(|floor| score.value < floor);
    // A bar needs a scale: a share has one, a length or a count has none.
    let is_share = [Some(score.value), score.floor].into_iter().flatten().all(|value| (0.0..=1.0).contains(&value));
    let tone = if below { "fail" } else { "pass" };
    let bar = if is_share { bar::against(score.value, score.floor, tone) } else { "<span></span>".to_owned() };
    let metric = score
        .k
        .map_or_else(|| score.metric.replace('_', " "), |k| format!("{} at {k}", score.metric.replace('_', " ")));
    let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| decimal(value, 3));
    let change = score.baseline.map_or_else(|| "–".to_owned(), |baseline| signed(score.value - baseline, 3));
    let interval = match (score.interval_low, score.interval_high) {
        (Some(low), Some(high)) => format!("{} to {}", signed(low, 3), signed(high, 3)),
        _ => "–".to_owned(),
    };
    let note = if below { " <small class=\"fail\">below floor</small>" } else { "" };
    writeln!(
        out,
        "<tr class=\"member\"><th scope=\"row\"><span class=\"barred\"><span>{}{note}</span>{bar}</span></th><td class=\"num {}\">{}</td>\
         <td class=\"num\">{}</td><td class=\"num\">{change}</td><td class=\"num\">{}</td><td class=\"num\">{interval}</td></tr>",
        Text(&metric),
        if below { "fail" } else { "" },
        figure(Some(score.value)),
        figure(score.floor),
        count(score.queries)
    )
}

//! The questions that got better or worse than the baseline, with both rankings side by side.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use contract_types::{JudgedDocument, QueryChange};

use crate::format::{Text, count, decimal, length, signed};

/// Most questions of one list.
const SHOWN: usize = 60;
/// So many of the worst are shown without a click.
const OPEN: usize = 3;

pub(super) fn write(out: &mut String, changes: &[QueryChange]) -> fmt::Result {
    if changes.is_empty() {
        return Ok(());
    }
    let mut collections: BTreeMap<&str, Vec<&QueryChange>> = BTreeMap::new();
    for change in changes {
        collections.entry(change.collection.as_str()).or_default().push(change);
    }
    writeln!(out, "<h3>Questions that changed <span>{}</span></h3>", count(length(changes.len())))?;
    writeln!(
        out,
        "<p class=\"legend\"><span><i class=\"pass\"></i>relevant, with its grade</span> <span>documents by their best chunk, the baseline beside this run</span></p>"
    )?;
    for (collection, changes) in collections {
        let (worse, better): (Vec<&QueryChange>, Vec<&QueryChange>) =
            changes.into_iter().partition(|change| change.now < change.before);
        list(out, &format!("{collection}: got worse"), &worse, OPEN)?;
        list(out, &format!("{collection}: got better"), &better, 0)?;
    }
    Ok(())
}

fn list(out: &mut String, title: &str, changes: &[&QueryChange], open: usize) -> fmt::Result {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h4>{} <small>{}</small></h4>", Text(title), count(length(changes.len())))?;
    for (place, change) in changes.iter().take(SHOWN).enumerate() {
        one(out, change, place < open)?;
    }
    if changes.len() > SHOWN {
        writeln!(out, "<p class=\"hint\">and {} more in the record</p>", changes.len() - SHOWN)?;
    }
    Ok(())
}

fn one(out: &mut String, change: &QueryChange, open: bool) -> fmt::Result {
    let metric = change.k.map_or_else(|| change.metric.clone(), |k| format!("{} at {k}", change.metric));
    let tone = if change.now < change.before { "worse" } else { "better" };
    writeln!(
        out,
        "<details class=\"ranked\"{}>\n<summary><b class=\"{tone}\">{}</b> {} <small>{} · {} {} → {}</small></summary>",
        if open { " open" } else { "" },
        signed(change.now - change.before, 3),
        Text(&change.text),
        Text(&change.query),
        Text(&metric),
        decimal(change.before, 3),
        decimal(change.now, 3)
    )?;
    writeln!(out, "<div class=\"sides\">")?;
    side(out, "Baseline", &change.ranking_before)?;
    side(out, "This run", &change.ranking_now)?;
    writeln!(out, "</div>\n</details>")
}

fn side(out: &mut String, title: &str, ranking: &[JudgedDocument]) -> fmt::Result {
    writeln!(out, "<div><p>{title}</p>")?;
    if ranking.is_empty() {
        return writeln!(out, "<p class=\"hint\">nothing was retrieved</p></div>");
    }
    writeln!(out, "<ol>")?;
    for document in ranking {
        let name = Text(&document.document);
        match document.grade {
            Some(grade) if grade > 0 => {
                writeln!(out, "<li class=\"right\"><code>{name}</code> <small>grade {grade}</small></li>")?;
            }
            Some(_) => writeln!(out, "<li><code>{name}</code> <small>judged irrelevant</small></li>")?,
            None => writeln!(out, "<li><code>{name}</code></li>")?,
        }
    }
    writeln!(out, "</ol></div>")
}

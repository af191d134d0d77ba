//! The saboteur board: how many seeded faults the suite caught, and which escaped.

use std::fmt::{self, Write};

use contract_types::{CaseRecord, CaseRecordOutcome};

use super::{bar, beneath, close_table, open_table, outcome_badge};
use crate::{
    format::{Text, count, percent},
    saboteurs::{Board, Family},
};

/// Most saboteurs of a family; the record holds the rest. Those that escaped come first.
const SHOWN: usize = 200;

pub(super) fn write(out: &mut String, board: &Board<'_>) -> fmt::Result {
    let (caught, seeded) = (count(board.caught), count(board.seeded));
    let tone = if board.caught == board.seeded { "pass" } else { "fail" };
    writeln!(out, "<h3>Caught and escaped</h3>")?;
    writeln!(
        out,
        "<p class=\"score\"><b class=\"{tone}\">{caught} / {seeded}</b> <span>caught of those seeded, {}</span></p>",
        percent(board.caught, board.seeded)
    )?;
    writeln!(
        out,
        "<p class=\"hint\">Each saboteur is one fault, seeded on purpose. It is caught when at least one check fails because of it.</p>"
    )?;
    writeln!(out, "<h4>By family, those that escaped first</h4>\n<div class=\"board\">")?;
    for family in &board.families {
        group(out, family)?;
    }
    writeln!(out, "</div>")
}

/// A family is folded where all of it was caught: what escaped is what a reader came for.
fn group(out: &mut String, family: &Family<'_>) -> fmt::Result {
    let name = family.name.replace(['_', '-'], " ");
    let found = match family.seeded {
        0 => "none seeded".to_owned(),
        seeded => format!("{} of {} caught", count(family.caught), count(seeded)),
    };
    let open = if family.caught < family.seeded { " open" } else { "" };
    writeln!(
        out,
        "<details{open}><summary><span class=\"barred\"><b>{}</b>{}</span> <span>{found}</span></summary>",
        Text(&name),
        bar::stacked(family.tally)
    )?;
    open_table(out, "saboteurs", &format!("Saboteurs of {name}"))?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Saboteur, and what caught it</th><th scope=\"col\">Result</th><th scope=\"col\">Rule</th>\
         <th scope=\"col\">Operation</th></tr></thead>\n<tbody>"
    )?;
    for case in family.members.iter().take(SHOWN) {
        row(out, case)?;
    }
    let left = family.members.len().saturating_sub(SHOWN);
    if left > 0 {
        writeln!(out, "<tr class=\"member\"><td colspan=\"4\">and {left} more in the record</td></tr>")?;
    }
    close_table(out)?;
    writeln!(out, "</details>")
}

fn row(out: &mut String, case: &CaseRecord) -> fmt::Result {
    let (class, word) = match case.outcome {
        CaseRecordOutcome::Pass => ("pass", "caught"),
        CaseRecordOutcome::Fail => ("fail", "escaped"),
        CaseRecordOutcome::Error => ("error", "unclear"),
        CaseRecordOutcome::KnownFailure => ("known", "known to escape"),
        CaseRecordOutcome::NotApplicable => ("na", "not seeded"),
    };
    let name = case.id.rsplit('/').next().unwrap_or(&case.id);
    let told = [case.message.as_deref(), case.reason.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let cell = |text: Option<&str>| Text(text.unwrap_or("–")).to_string();
    writeln!(
        out,
        "<tr class=\"member\"><th scope=\"row\"><code>{}</code>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
        Text(name),
        beneath(&told),
        outcome_badge(class, word),
        cell(case.rule.as_deref()),
        cell(case.operation.as_deref())
    )
}

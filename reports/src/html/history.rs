//! The runs before the current ones, each with a link to its record.

use std::fmt::{self, Write};

use super::{badge, close_table, link, open_table};
use crate::{
    format::{self, Text, moment},
    model::Run,
    verdict::summary,
};

/// Most rows of the table.
const SHOWN: usize = 200;

pub(super) fn write(out: &mut String, history: &[Run]) -> fmt::Result {
    if history.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"run\" id=\"history\" aria-labelledby=\"history-title\">\n<h2 id=\"history-title\">History</h2>"
    )?;
    open_table(out, "history", "Earlier runs, newest first; the verdict above does not count them")?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Started</th><th scope=\"col\">Run</th><th scope=\"col\">Verdict</th><th scope=\"col\">Found</th>\
         <th scope=\"col\">Commit</th><th scope=\"col\" class=\"num\">Seed</th><th scope=\"col\">Record</th></tr></thead>\n<tbody>"
    )?;
    for run in history.iter().take(SHOWN) {
        let record = &run.record;
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td class=\"num\">{}</td>\
             <td><a href=\"{}\">JSON<span class=\"aloud\"> of {}</span></a></td></tr>",
            moment(run.started),
            Text(&run.name()),
            badge(record.verdict),
            Text(&summary(run)),
            format::commit(record.commit.as_deref()),
            record.seed,
            link(&run.file),
            Text(&run.file)
        )?;
    }
    close_table(out)?;
    if history.len() > SHOWN {
        writeln!(out, "<p class=\"hint\">{} older records lie beside this page.</p>", history.len() - SHOWN)?;
    }
    writeln!(out, "</section>")
}

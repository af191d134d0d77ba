//! What changed since the run before: counts in a row, then each list folded.

use std::fmt::{self, Write};

use super::{fold, link};
use crate::{
    compare::{Change, Comparison},
    format::{Text, commit, count, length, moment},
};

/// Up to so many newly failing cases are shown without a click.
const OPEN: usize = 12;

pub(super) fn write(out: &mut String, comparison: &Comparison<'_>) -> fmt::Result {
    let before = comparison.before;
    writeln!(out, "<h3>Since the run before</h3>")?;
    writeln!(
        out,
        "<p class=\"hint\">Against the <a href=\"{}\">run of {}</a>, commit <code>{}</code>, contract {}.</p>",
        link(&before.file),
        moment(before.started),
        commit(before.record.commit.as_deref()),
        Text(&before.record.contract_version)
    )?;
    let lists = comparison.lists();
    if lists.is_empty() {
        return writeln!(out, "<p>Nothing got better or worse.</p>");
    }
    write!(out, "<p class=\"changes\">")?;
    for (name, changes) in &lists {
        let class = name.replace(' ', "-");
        write!(out, "<span class=\"{class}\"><b>{}</b> {name}</span> ", count(length(changes.len())))?;
    }
    writeln!(out, "</p>")?;
    for (name, changes) in lists {
        if name == "newly failing" && changes.len() <= OPEN {
            open(out, changes)?;
            continue;
        }
        let summary = format!("{} {name}", count(length(changes.len())));
        let words: Vec<String> = changes.iter().map(Change::words).collect();
        let names = changes.iter().zip(&words).map(|(change, words)| (change.id.as_str(), Some(words.as_str())));
        fold(out, &summary, names)?;
    }
    Ok(())
}

fn open(out: &mut String, changes: &[Change]) -> fmt::Result {
    writeln!(out, "<ul class=\"names worse\">")?;
    for change in changes {
        writeln!(out, "<li><code>{}</code> <span>{}</span></li>", Text(&change.id), Text(&change.words()))?;
    }
    writeln!(out, "</ul>")
}

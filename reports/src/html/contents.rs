//! What stands on the page and where: one link for each section, which stay in sight while it is read.

use std::fmt::{self, Write};

use super::{place, rules, trend};
use crate::{format::Text, model::Report};

pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "<nav class=\"contents\" aria-label=\"Contents\">\n<a href=\"#report\">Verdict</a>")?;
    for run in &report.current {
        let anchor = run.anchor();
        writeln!(out, "<a href=\"#{anchor}\">{} <span>{}</span></a>", run.title(), Text(&place(run)))?;
        if rules::any(&run.record.cases) {
            writeln!(out, "<a href=\"#{anchor}-rules\">Rules <span>{}</span></a>", Text(&run.record.target.name))?;
        }
    }
    for target in trend::targets(report) {
        writeln!(out, "<a href=\"#trend-{0}\">Over time <span>{0}</span></a>", Text(target))?;
    }
    if !report.history.is_empty() {
        writeln!(out, "<a href=\"#history\">History</a>")?;
    }
    writeln!(out, "</nav>")
}

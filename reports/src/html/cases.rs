//! Cases by capability and operation and by kind, then those that did not apply, are known to fail or needed patience.

use std::fmt::{self, Write};

use contract_types::{CaseRecord, CaseRecordOutcome};

use super::{bar, close_table, fold, open_table};
use crate::{
    format::{Text, count, length, plural},
    tally::{self, Tally},
};

pub(super) fn write(out: &mut String, cases: &[&CaseRecord]) -> fmt::Result {
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Cases <span>{}</span></h3>", count(length(cases.len())))?;
    let columns = Columns::of(Tally::of(cases.iter().copied()));
    writeln!(out, "<p class=\"legend\">{}</p>", columns.legend())?;
    capabilities(out, cases, &columns)?;
    kinds(out, cases, &columns)?;
    known(out, cases)?;
    not_applicable(out, cases)?;
    flaky(out, cases)
}

/// The outcomes that occur at all: a column of zeros is noise.
struct Columns(Vec<Column>);

struct Column {
    class: &'static str,
    name: &'static str,
    number: fn(&Tally) -> u64,
}

impl Columns {
    fn of(all: Tally) -> Self {
        let columns = [
            Column { class: "pass", name: "pass", number: |tally| tally.passed },
            Column { class: "fail", name: "fail", number: |tally| tally.failed },
            Column { class: "error", name: "error", number: |tally| tally.errored },
            Column { class: "known", name: "known", number: |tally| tally.known },
            Column { class: "na", name: "n/a", number: |tally| tally.not_applicable },
        ];
        Self(columns.into_iter().filter(|column| column.class == "pass" || (column.number)(&all) > 0).collect())
    }

    fn legend(&self) -> String {
        let meaning = |class| match class {
            "pass" => "pass",
            "fail" => "fail: the target was wrong",
            "error" => "error: the suite could not look",
            "known" => "known: fails as its profile says",
            _ => "n/a: the target does not declare what it needs",
        };
        let entries = self
            .0
            .iter()
            .map(|column| format!("<span><i class=\"{0}\"></i>{1}</span>", column.class, meaning(column.class)));
        entries.collect::<Vec<_>>().join(" ")
    }

    fn head(&self, out: &mut String, first: &str) -> fmt::Result {
        write!(out, "<thead><tr><th scope=\"col\">{first}</th>")?;
        for column in &self.0 {
            write!(out, "<th scope=\"col\" class=\"num\">{}</th>", column.name)?;
        }
        writeln!(out, "</tr></thead>")
    }

    fn row(&self, out: &mut String, name: &str, class: &str, tally: Tally) -> fmt::Result {
        let name = Text(name);
        write!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\"><span class=\"barred\"><span>{name}</span>{}</span></th>",
            bar::stacked(tally)
        )?;
        for column in &self.0 {
            let number = (column.number)(&tally);
            let class = if number == 0 { "zero" } else { column.class };
            write!(out, "<td class=\"num {class}\">{}</td>", count(number))?;
        }
        writeln!(out, "</tr>")
    }
}

fn capabilities(out: &mut String, cases: &[&CaseRecord], columns: &Columns) -> fmt::Result {
    open_table(out, "cases", "By capability and operation")?;
    columns.head(out, "Capability and operation")?;
    for (index, group) in tally::by_capability(cases).iter().enumerate() {
        writeln!(out, "{}<tbody>", if index > 0 { "</tbody>\n" } else { "" })?;
        columns.row(out, group.name, "group", group.tally)?;
        // A capability that is one operation of the same name needs no second row.
        let alone = group.operations.keys().all(|operation| *operation == group.name);
        for (operation, tally) in group.operations.iter().filter(|_| !alone) {
            columns.row(out, if operation.is_empty() { "no single operation" } else { operation }, "member", *tally)?;
        }
    }
    close_table(out)
}

fn kinds(out: &mut String, cases: &[&CaseRecord], columns: &Columns) -> fmt::Result {
    open_table(out, "cases", "By kind of case")?;
    columns.head(out, "Kind")?;
    writeln!(out, "<tbody>")?;
    for (kind, tally) in tally::by_kind(cases) {
        columns.row(out, &kind.replace('_', " "), "", tally)?;
    }
    close_table(out)
}

fn known(out: &mut String, cases: &[&CaseRecord]) -> fmt::Result {
    let reasons = tally::by_reason(cases, CaseRecordOutcome::KnownFailure);
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Known failures</h3>")?;
    for (reason, cases) in reasons {
        let summary = format!("{} · {reason}", plural(length(cases.len()), "case", "cases"));
        fold(out, &summary, cases.iter().map(|case| (case.id.as_str(), case.message.as_deref())))?;
    }
    Ok(())
}

fn not_applicable(out: &mut String, cases: &[&CaseRecord]) -> fmt::Result {
    let reasons = tally::by_reason(cases, CaseRecordOutcome::NotApplicable);
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Not applicable</h3>")?;
    for (reason, cases) in reasons {
        let summary = format!("{} · {reason}", plural(length(cases.len()), "case", "cases"));
        fold(out, &summary, cases.iter().map(|case| (case.id.as_str(), None)))?;
    }
    Ok(())
}

fn flaky(out: &mut String, cases: &[&CaseRecord]) -> fmt::Result {
    let repeated = |case: &&CaseRecord| {
        case.outcome == CaseRecordOutcome::Pass && case.attempts.is_some_and(|attempts| attempts > 1)
    };
    let flaky: Vec<&CaseRecord> = cases.iter().copied().filter(repeated).collect();
    if flaky.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>Passed only when repeated</h3>\n<ul class=\"names\">")?;
    for case in flaky {
        writeln!(out, "<li><code>{}</code> <span>{} attempts</span></li>", Text(&case.id), case.attempts.unwrap_or(1))?;
    }
    writeln!(out, "</ul>")
}

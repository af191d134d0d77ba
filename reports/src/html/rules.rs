//! Cases by the rule that they hold, in families: the first letters of an id say what the rule is about.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use contract_types::CaseRecord;

use super::{bar, close_table, open_table};
use crate::{
    format::{Text, count, length, plural},
    sarif::contract_places,
    tally::{self, Tally},
};

/// Whether any case names a rule.
pub(super) fn any(cases: &[CaseRecord]) -> bool {
    tally::plain(cases).iter().any(|case| case.rule.is_some())
}

pub(super) fn write(out: &mut String, anchor: &str, cases: &[&CaseRecord]) -> fmt::Result {
    let mut rules: BTreeMap<&str, Tally> = BTreeMap::new();
    for case in cases {
        if let Some(rule) = &case.rule {
            rules.entry(rule.as_str()).or_default().add(case.outcome);
        }
    }
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3 id=\"{anchor}-rules\">Rules <span>{}</span></h3>", count(length(rules.len())))?;
    writeln!(out, "<p class=\"hint\">Each family folds out into its rules, with the cases that hold each.</p>")?;
    let mut families: BTreeMap<&str, Vec<(&str, Tally)>> = BTreeMap::new();
    for (rule, tally) in rules {
        families.entry(rule.split('-').next().unwrap_or(rule)).or_default().push((rule, tally));
    }
    for (family, rules) in families {
        write_family(out, family, &rules)?;
    }
    Ok(())
}

fn write_family(out: &mut String, family: &str, rules: &[(&str, Tally)]) -> fmt::Result {
    let broken = rules.iter().filter(|(_, tally)| tally.failed + tally.errored > 0).count();
    let unseen = rules.iter().filter(|(_, tally)| tally.applicable() == 0).count();
    let mut told = vec![plural(length(rules.len()), "rule", "rules")];
    if broken > 0 {
        told.push(format!("{} broken", count(length(broken))));
    }
    if unseen > 0 {
        told.push(format!("{} not applicable", count(length(unseen))));
    }
    let open = if broken > 0 { " open" } else { "" };
    let tone = if broken > 0 { " class=\"fail\"" } else { "" };
    writeln!(
        out,
        "<details class=\"family\"{open}>\n<summary><b{tone}>{}</b> <small>{}</small></summary>",
        Text(family),
        Text(&told.join(", "))
    )?;
    open_table(out, "rules", &format!("Rules of {family}"))?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">What it says</th><th scope=\"col\" class=\"num\">passed</th>\
         <th scope=\"col\" class=\"num\">not passed</th><th scope=\"col\" class=\"num\">n/a</th></tr></thead>\n<tbody>"
    )?;
    for (rule, tally) in rules {
        let text = contract_places().iter().find(|place| place.id == *rule).map_or("", |place| place.text.as_str());
        let text = if text.is_empty() { "not a rule of this contract" } else { text };
        let failed = tally.failed + tally.errored + tally.known;
        writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code>{}</th><td>{}</td><td class=\"num\">{}</td><td class=\"num {}\">{}</td>\
             <td class=\"num\">{}</td></tr>",
            Text(rule),
            bar::stacked(*tally),
            Text(text),
            count(tally.passed),
            if tally.failed + tally.errored > 0 { "fail" } else { "" },
            count(failed),
            count(tally.not_applicable)
        )?;
    }
    close_table(out)?;
    writeln!(out, "</details>")
}

//! Bars: parts of a whole, and a value against a mark. The numbers always stand beside them, so they are hidden from readers aloud.

use std::fmt::Write;

use crate::tally::Tally;

/// How the cases of a group ended, side by side.
pub(super) fn stacked(tally: Tally) -> String {
    let mut out = "<span class=\"bar\" aria-hidden=\"true\">".to_owned();
    let parts = [
        ("fail", tally.failed),
        ("error", tally.errored),
        ("known", tally.known),
        ("pass", tally.passed),
        ("na", tally.not_applicable),
    ];
    for (class, number) in parts.into_iter().filter(|(_, number)| *number > 0) {
        write!(out, "<i class=\"{class}\" style=\"flex-grow:{number}\"></i>").expect("writing to a String cannot fail");
    }
    out + "</span>"
}

/// A share between 0 and 1, with a mark where one is given; `class` is `pass` or `fail`.
pub(super) fn against(share: f64, mark: Option<f64>, class: &str) -> String {
    let width = |share: f64| format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0);
    let mark = mark.map(|mark| format!("<b style=\"left:{}\"></b>", width(mark))).unwrap_or_default();
    format!(
        "<span class=\"meter\" aria-hidden=\"true\"><i class=\"{class}\" style=\"width:{}\"></i>{mark}</span>",
        width(share)
    )
}

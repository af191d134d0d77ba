//! The only place that prints: results to standard output, everything else to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the output module")]

/// A line of the result.
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// A line about the run.
pub(super) fn note(line: &str) {
    eprintln!("{line}");
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

//! The one place that prints: data to stdout, everything else to stderr.

use std::io::Write;

/// A line of data on stdout. A closed pipe is no reason to fail.
pub fn data(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line for a person on stderr.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

//! What is wrong with configuration, said so that it can be put right.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File or folder, as it was named on the command line.
    pub file: String,
    /// JSON pointer, or `line 3, column 7` where the file cannot be read; empty for the whole file.
    pub place: String,
    /// What was expected there.
    pub expected: String,
}

impl Problem {
    pub(super) fn new(file: impl Into<String>, place: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { file: file.into(), place: place.into(), expected: expected.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            write!(f, "{}: {}", self.file, self.expected)
        } else {
            write!(f, "{}: {}: {}", self.file, self.place, self.expected)
        }
    }
}

/// Everything that is wrong, in the order of files and places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        Self { problems }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "configuration has {count} {}", if count == 1 { "problem" } else { "problems" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}

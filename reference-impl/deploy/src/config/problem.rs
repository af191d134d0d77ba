//! One thing that is wrong with a configuration: where, what was expected, and what to do.

use std::fmt;

/// A fault of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File, as it was given or found.
    pub file: String,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// JSON pointer to the value; empty for the whole.
    pub place: String,
    /// What was expected and what was found.
    pub expected: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}\n    to do: {}", self.expected, self.remedy)
    }
}

//! What is wrong with a profile or its target, found before a run rather than by it.

mod offline;
mod online;

use std::fmt;

pub use offline::{examine, output_folder};
pub use online::{visit, visit_control};

use crate::exit;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// A run works, and tells less or other than one may think.
    Warning,
    /// Something of a run would fail.
    Fails,
    /// The target is out of reach.
    Unreachable,
    /// The profile or the environment cannot be used.
    Profile,
}

impl Grade {
    /// The word before a finding.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fails | Self::Unreachable | Self::Profile => "error",
        }
    }
}

/// One check: what was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub grade: Grade,
    /// What was found.
    pub what: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn ok(what: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, what: what.into(), remedy: String::new() }
    }

    pub(crate) fn new(grade: Grade, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flat =
            |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        write!(f, "{:<8}{}", self.grade.word(), flat(&self.what))?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " -> {}", flat(&self.remedy)) }
    }
}

/// The findings as lines, what is well first and errors last, each group in the order of the checks.
pub fn lines(findings: &[Finding]) -> Vec<String> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.grade.word() != "ok");
    sorted.sort_by_key(|finding| finding.grade.word() == "error");
    sorted.into_iter().map(ToString::to_string).collect()
}

/// The exit code that findings lead to.
pub fn exit_code(findings: &[Finding]) -> u8 {
    match findings.iter().map(|finding| finding.grade).max() {
        None | Some(Grade::Ok | Grade::Warning) => exit::PASS,
        Some(Grade::Fails) => exit::FAILED,
        Some(Grade::Unreachable) => exit::UNREACHABLE,
        Some(Grade::Profile) => exit::USAGE,
    }
}

#[cfg(test)]
mod tests;

//! The difference of what is wanted and what is live, and the steps that remove it. Pure: it asks nobody.

mod find;
mod steps;

use contract_types::DeployFinding;

use crate::live::Live;
use crate::wanted::{Migrate, Wanted};

pub use steps::Step;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Differences.
    pub findings: Vec<DeployFinding>,
    /// Steps, in order. Empty where only something is too much, which is removed by name alone.
    pub steps: Vec<Step>,
    /// Why it must not be begun; empty where it may.
    pub refusals: Vec<String>,
}

impl Plan {
    /// Compares.
    pub fn new(wanted: &Wanted, live: &Live) -> Self {
        let mut found = find::Found::default();
        find::all(wanted, live, &mut found);
        let steps = if found.refusals.is_empty() { steps::steps(wanted, live, &found) } else { Vec::new() };
        Self { findings: found.findings, steps, refusals: found.refusals }
    }
}

/// The migrations behind the tag that the Worker has.
fn pending(wanted: &Wanted, live: &Live) -> Option<Migrate> {
    let all = &wanted.deployment.migrations;
    let from = live.script.as_ref().and_then(|script| script.migration_tag.clone());
    let done = from.as_ref().and_then(|tag| all.iter().position(|step| step.tag == *tag)).map_or(0, |at| at + 1);
    let steps = all[done..].to_vec();
    (!steps.is_empty()).then_some(Migrate { from, steps })
}

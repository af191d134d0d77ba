//! Saboteurs: seeded ways to be wrong, each of which the checks meant for it must catch. They prove that the suite can fail.
//!
//! Some stand as a proxy in front of a good target and break one thing of its answers; the others are switches in a build of the
//! reference that has them.

mod contract_made;
mod drive;
mod fault;
mod leaks;
mod options;
mod probes;
mod proxy;
mod servers;
mod slow;
mod streams;
mod switches;

pub use drive::main;
pub use options::Options;

use contracts::Contract;

use crate::suite::Test;
use fault::Fault;

/// One saboteur that a proxy can play.
#[derive(Debug, Clone)]
pub struct Saboteur {
    /// `<family>/<name>`.
    pub id: String,
    /// The rule that it breaks, where it breaks one above all.
    pub rule: Option<&'static str>,
    /// The operation whose answers it breaks.
    pub operation: String,
    /// What is wrong, in one sentence.
    pub text: String,
    /// Words of which one must stand in the message of the check that catches it.
    needles: &'static [&'static str],
    /// Ids, or their beginnings with a final `*`, of the tests that are meant to catch it.
    meant: Vec<String>,
    fault: Fault,
}

impl Saboteur {
    /// Whether a test is meant to catch it.
    fn means(&self, id: &str) -> bool {
        self.meant.iter().any(|meant| match meant.strip_suffix('*') {
            Some(beginning) => id.starts_with(beginning),
            None => meant == id,
        })
    }

    /// Whether a message tells of what it broke.
    fn is_told_by(&self, message: &str) -> bool {
        self.needles.is_empty() || self.needles.iter().any(|needle| message.contains(needle))
    }
}

/// A saboteur as a table has it: name, operation, what is wrong, rule, tests meant to catch it, words of their message, fault.
type Row =
    (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str], Fault);

/// The saboteur of a row, in its family.
fn of_row(family: &str, (name, operation, text, rule, meant, needles, fault): Row) -> Saboteur {
    Saboteur {
        id: format!("{family}/{name}"),
        rule: Some(rule),
        operation: operation.to_owned(),
        text: format!("`{operation}`: {text}"),
        needles,
        meant: meant.iter().map(|&id| id.to_owned()).collect(),
        fault,
    }
}

/// Every saboteur that a proxy can play, in a stable order.
pub fn proxied(contract: &Contract, tests: &[Test]) -> Vec<Saboteur> {
    let mut all = contract_made::all(contract, tests);
    all.extend(streams::all());
    all.extend(leaks::all());
    all
}

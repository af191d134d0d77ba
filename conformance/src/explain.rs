//! What a rule asks for, and which tests hold it.

use harness::{exit, output};

use crate::suite::Suite;

/// Most tests of one kind that are named.
const NAMED: usize = 12;

/// Tells about the rule called `id`.
pub(crate) fn rule(suite: &Suite, id: &str) -> u8 {
    let Some(rule) = suite.contract.rules.iter().find(|rule| rule.id == id) else {
        output::say(&format!("--explain: rules.yaml has no rule `{id}`"));
        return exit::USAGE;
    };
    output::data(&format!("{} {}", rule.id, format!("{:?}", rule.level).to_uppercase()));
    output::data(&rule.text);
    output::data(&format!("operations: {}", rule.operations.join(", ")));
    output::data(&format!("source: {}", rule.source));
    let tests: Vec<_> = suite.tests.iter().filter(|test| test.rule() == Some(id)).collect();
    if tests.is_empty() {
        output::data("no test holds it above all; the judge may still hold it on every answer");
    }
    for test in tests.iter().take(NAMED) {
        let side = test.polarity().map(|polarity| format!("{polarity:?}").to_lowercase()).unwrap_or_default();
        output::data(&format!("  {side:<9} {}", test.id()));
    }
    if tests.len() > NAMED {
        output::data(&format!("  and {} more: `conformance run --list --rule {id}`", tests.len() - NAMED));
    }
    exit::PASS
}

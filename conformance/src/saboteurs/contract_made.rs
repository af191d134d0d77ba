//! Saboteurs made from the contract: for every operation a field left out, a type widened, a field added, a status, a header and a
//! content type that the contract does not have, a body cut short, an error under another code.

use contracts::{Contract, catalogue::Kind};

use super::{Saboteur, fault::Fault};
use crate::suite::Test;

/// Name, what is wrong, what the message of the check that catches it says, and the rule.
type Family = (&'static str, &'static str, &'static [&'static str], Option<&'static str>, Fault);

fn families() -> Vec<Family> {
    vec![
        (
            "dropped-field",
            "a required field is missing",
            &["required", "not valid under"],
            Some("HDR-002"),
            Fault::DropField,
        ),
        (
            "widened-type",
            "a field has another type",
            &["is not of type", "not valid under"],
            Some("HDR-002"),
            Fault::WidenType,
        ),
        (
            "added-field",
            "a field that nobody documented",
            &["unheard_of", "not valid under"],
            Some("HDR-002"),
            Fault::AddField,
        ),
        (
            "undocumented-status",
            "a status that nobody documented",
            &["is not documented"],
            Some("HDR-002"),
            Fault::Status(299),
        ),
        (
            "missing-header",
            "a required header is missing",
            &["is missing from status"],
            Some("HDR-002"),
            Fault::DropHeader,
        ),
        (
            "wrong-content-type",
            "the body is called something else",
            &["content type"],
            Some("HDR-001"),
            Fault::ContentType("text/x-unheard-of"),
        ),
        ("cut-body", "the body ends in the middle", &["is not JSON"], Some("HDR-001"), Fault::CutBody),
        (
            "swapped-code",
            "an error has a code of another status",
            &["belongs to status"],
            Some("ERR-001"),
            Fault::SwapCode,
        ),
    ]
}

/// All of them, for every operation for which there is a test that shows it.
pub(super) fn all(contract: &Contract, tests: &[Test]) -> Vec<Saboteur> {
    let mut all = Vec::new();
    for operation in &contract.operations {
        let of = |kind: Kind| {
            let ids = tests.iter().filter_map(move |test| match test {
                Test::Generated(case) if case.operation == operation.id && case.kind == kind => Some(test.id()),
                Test::Generated(_)
                | Test::Isolation(_)
                | Test::Written(_)
                | Test::Property(_)
                | Test::Probe(_)
                | Test::Log(_) => None,
            });
            ids.collect::<Vec<String>>()
        };
        let examples: Vec<String> = of(Kind::Example).into_iter().take(2).collect();
        let refusals: Vec<String> = of(Kind::UnknownField).into_iter().chain(of(Kind::Accept)).take(2).collect();
        for (name, text, needles, rule, fault) in families() {
            // A page, a text or sound has no fields; what is said of it is its type, its status and its headers.
            let of_json = matches!(fault, Fault::DropField | Fault::WidenType | Fault::AddField | Fault::CutBody);
            let page = matches!(operation.id.as_str(), "get_docs" | "get_metrics" | "synthesize_speech");
            // The document itself is as free as the contract's version of it.
            let free =
                operation.id == "get_openapi" && matches!(fault, Fault::AddField | Fault::WidenType | Fault::DropField);
            if of_json && page || free {
                continue;
            }
            let meant = if matches!(fault, Fault::SwapCode) { refusals.clone() } else { examples.clone() };
            all.push(Saboteur {
                id: format!("contract/{name}/{}", operation.id),
                rule,
                operation: operation.id.clone(),
                text: format!("`{}`: {text}", operation.id),
                needles,
                meant,
                fault,
            });
        }
    }
    all
}

//! Compiles what is compiled once in a process, before a request with a deadline has to wait for it.

use crate::tenancy::SafetyFilter;
use crate::{answer, safety, search, tools};

/// What there is to do, in pieces, so that a host with one thread can answer requests in between. Each piece done again costs
/// nothing that lasts. A process in which nobody calls these compiles each pattern when it first needs it.
pub const PIECES: [fn(); 9] = [
    || drop(tools::entities::extract(TEXT, &[])),
    tools::tagging::warm,
    || {
        let _ = search::classify(TEXT);
    },
    || drop(search::understand(TEXT, &search::Vocabulary::default(), 0, false)),
    || safety::warm(SafetyFilter::PromptInjection),
    || safety::warm(SafetyFilter::Secrets),
    || safety::warm(SafetyFilter::PersonalData),
    || safety::warm(SafetyFilter::Exfiltration),
    answer::warm,
];

/// Holds nothing that any pattern looks for.
const TEXT: &str = "plain words";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_be_done_again() {
        for piece in PIECES.iter().chain(&PIECES) {
            piece();
        }
    }
}

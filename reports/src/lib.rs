//! Run records become everything that people and machines read: the page, a comment, JUnit, SARIF and one verdict.
//! Nothing here weighs a run anew: the record's word counts.

mod check;
mod compare;
mod format;
mod gate;
mod histogram;
mod html;
mod judged;
mod junit;
mod markdown;
mod merge;
mod model;
mod prometheus;
mod read;
mod redact;
mod saboteurs;
mod sarif;
mod tally;
mod verdict;

pub use gate::{Terms, gate};
pub use histogram::quantile_ms;
pub use html::{STYLE, broken_page, page};
pub use junit::junit;
pub use markdown::{comment, gate_comment};
pub use merge::{MergeError, merge};
pub use model::{Report, Run};
pub use prometheus::prometheus;
pub use read::{Problem, ReadError, parse, read};
pub use redact::redact;
pub use sarif::{OPERATIONS, RULES, RulePlace, contract_places, operation_places, rule_places, sarif};
pub use verdict::{HOW_TO_RUN, verdict_line};

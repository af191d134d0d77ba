//! Passages to grounded text with citations.

mod assemble;
mod brief;
mod citations;
mod clauses;
mod confidence;
mod coverage;
mod evidence;
mod extractive;
mod follow_ups;
mod orders;
mod parse;
#[cfg(feature = "testkit")]
pub mod pieces;
mod prompt;
mod question;
mod score;
mod sentences;

pub use assemble::{Answer, NO_ANSWER, Source};
pub(crate) use assemble::{answer, planted};
pub use brief::ExtractiveBrief;
pub(crate) use citations::cite;
pub use citations::{Citation, CitedText};
pub use confidence::{Band, Confidence};
pub use evidence::Evidence;
pub use extractive::Extractive;
pub(crate) use orders::{is_order, warm};
pub use parse::parse;
pub use prompt::{Prompt, PromptTemplate, TemplateProblem, Variable, assemble as assemble_prompt};
pub use score::{Candidate, FEATURES};
pub use sentences::{flatten, sentences};

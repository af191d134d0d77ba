//! Passages to grounded text with citations.

mod assemble;
mod citations;
mod confidence;
mod coverage;
mod extractive;
mod sentences;

pub(crate) use assemble::answer;
pub use assemble::{Answer, NO_ANSWER, Source};
pub use citations::{Citation, CitedText};
pub use confidence::{Band, Confidence};
pub use extractive::Extractive;
pub use sentences::{flatten, sentences};

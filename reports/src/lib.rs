//! Run records become one page, one comment and one verdict. Nothing here weighs a run anew: the record's word counts.

mod check;
mod format;
mod html;
mod markdown;
mod model;
mod read;
mod redact;
mod tally;
mod verdict;

pub use html::{STYLE, broken_page, page};
pub use markdown::comment;
pub use model::{Report, Run};
pub use read::{Problem, ReadError, parse, read};
pub use redact::redact;
pub use verdict::{HOW_TO_RUN, verdict_line};

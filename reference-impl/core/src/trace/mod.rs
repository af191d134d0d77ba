//! Where a piece of work stands in a trace, and the timed steps that it took.
//!
//! Steps are kept for work that is sampled alone; for all other work a step costs a copy of its context. Nothing of a request
//! can get into one: its name is a word of a fixed list, and beside it there are times and ids.

mod stores;
#[cfg(test)]
mod tests;
mod trail;
mod work;

use std::fmt;

pub(crate) use stores::{traced_databases, traced_key_value};
pub use trail::{Step, StepName, StepOutcome, Taken, Trail};
pub(crate) use work::Followed;
pub use work::{TraceSink, WorkOrigin, WorkTrace};

/// A place in a trace: the span that work belongs to, and whether its steps are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePoint {
    /// Id of the trace; never 0.
    pub trace_id: u128,
    /// Id of the span; never 0.
    pub span_id: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl TracePoint {
    /// Reads a `traceparent` of W3C's form: a version, 32 and 16 lower-case hexadecimal digits that are not all zero, and two
    /// of flags. A later version may have further fields.
    pub fn parse(value: &str) -> Option<Self> {
        let mut fields = value.split('-');
        let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let hex = |text: &str, length: usize| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            (text.len() == length && digits).then(|| u128::from_str_radix(text, 16).ok()).flatten()
        };
        hex(version, 2).filter(|_| version != "ff" && (version != "00" || fields.next().is_none()))?;
        let (trace_id, span_id) = (hex(trace, 32)?, u64::try_from(hex(parent, 16)?).ok()?);
        let sampled = hex(flags, 2)? & 1 == 1;
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled })
    }

    /// The same trace at another span.
    #[must_use]
    pub fn at(self, span_id: u64) -> Self {
        Self { span_id, ..self }
    }

    /// Whether a share of all traces holds this one, by its id alone, so that every service decides alike.
    ///
    /// - `ratio`: from 0 for none to 1 for all.
    pub fn falls_within(self, ratio: f64) -> bool {
        // As OpenTelemetry's sampler by ratio: the lower 63 bits of the id are chance.
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of the id is meant")]
        let drawn = (self.trace_id as u64) >> 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the bound lies between 0 and 2^63"
        )]
        let bound = (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
        drawn < bound
    }
}

impl fmt::Display for TracePoint {
    /// As a `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

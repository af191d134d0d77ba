//! What many streams came to: their ends, and the times of their events.

use std::time::Duration;

use contract_types::{LoadRecord, LoadRecordPhase};

use super::{End, Operation, Seen};
use crate::tally::{Outcome, Tally};

/// Most streams that are told one by one.
const TOLD: usize = 5;

/// Times and ends of many streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// From the start of a stream to its first event.
    pub(super) first_event: Tally,
    /// From the start of a stream to its first piece of text.
    pub(super) first_token: Tally,
    /// Between two events of a stream.
    pub(super) gap: Tally,
    /// All of them.
    pub(super) count: u64,
    /// Those without an end.
    pub(super) cut: u64,
    /// Those that were refused or ended with an error.
    pub(super) failed: u64,
    /// Those whose order or text was not as it must be.
    pub(super) disordered: u64,
    /// What was wrong with the first of them.
    pub(super) told: Vec<String>,
}

impl Streams {
    /// Takes in one stream; `text` is what it must have said, where that is known.
    pub(super) fn add(&mut self, seen: &Seen, text: Option<&str>) {
        self.count += 1;
        let outcome = if seen.end == End::Done { Outcome::Answered } else { Outcome::Cut };
        for (tally, after) in [(&mut self.first_event, seen.first_event), (&mut self.first_token, seen.first_token)] {
            if let Some(after) = after {
                tally.take(after, outcome);
            }
        }
        seen.gaps.iter().for_each(|gap| self.gap.take(*gap, outcome));
        match &seen.end {
            End::Done => {
                let wrong = text.filter(|text| text.trim_end() != seen.text.trim_end());
                if !seen.disorder.is_empty() || wrong.is_some() {
                    self.disordered += 1;
                    self.tell(format!("{:?}, text {:?}", seen.disorder, seen.text));
                }
            }
            End::Cut => self.cut += 1,
            End::Error(_) | End::Refused(_) => {
                self.failed += 1;
                self.tell(format!("{:?}", seen.end));
            }
        }
    }

    /// Takes in what another has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first_event.add(&other.first_event);
        self.first_token.add(&other.first_token);
        self.gap.add(&other.gap);
        self.count += other.count;
        self.cut += other.cut;
        self.failed += other.failed;
        self.disordered += other.disordered;
        other.told.iter().for_each(|what| self.tell(what.clone()));
    }

    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD {
            self.told.push(what);
        }
    }

    /// The heading over [`Streams::row`].
    pub(super) fn heading() -> String {
        format!(
            "{:22} {:>8} {:>6} {:>7} {:>9} {:>11} {:>11} {:>11} {:>11}",
            "", "streams", "cut", "failed", "disorder", "event p50", "event p99", "token p50", "token p99"
        )
    }

    /// A line for people.
    pub(super) fn row(&self, name: &str) -> String {
        format!(
            "{name:22} {:>8} {:>6} {:>7} {:>9} {:>11.2} {:>11.2} {:>11.2} {:>11.2}",
            self.count,
            self.cut,
            self.failed,
            self.disordered,
            self.first_event.quantile_ms(0.5),
            self.first_event.quantile_ms(0.99),
            self.first_token.quantile_ms(0.5),
            self.first_token.quantile_ms(0.99),
        )
    }

    /// The measurements of a run record: first events and gaps of streams that began over `span`.
    pub(super) fn records(&self, scenario: &str, operation: Operation, span: Duration) -> Vec<LoadRecord> {
        let of = |tally: &Tally, phase| tally.record(scenario, operation.id(), phase, span);
        vec![of(&self.first_event, LoadRecordPhase::FirstEvent), of(&self.gap, LoadRecordPhase::EventGap)]
    }
}

//! Whether a process grows: the slope of its memory over a long run, with the bound that it is below of 95 %.

use std::time::Duration;

use contract_types::{CaseRecord, CaseRecordOutcome};

use crate::record::gate;

/// Most that memory may grow, in bytes a minute, at the upper bound of the slope.
const MOST_A_MINUTE: f64 = 1e6;
/// Part of a run that counts as its warm-up, as a divisor.
const WARM_UP: usize = 5;
/// Blocks that looks are averaged over: looks that follow each other closely tell little more than one of them.
const BLOCKS: usize = 20;
/// The 95th percentile of Student's t for 18 degrees of freedom, two fewer than blocks.
const T_95: f64 = 1.734;
/// Shortest time after the warm-up that a slope is judged over: allocators take and give memory in steps.
const SHORTEST: Duration = Duration::from_mins(4);

/// Looks at the memory of a process.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Minutes since the beginning, and bytes.
    looks: Vec<(f64, f64)>,
}

/// Growth in bytes a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slope {
    middle: f64,
    upper: f64,
}

impl Memory {
    /// Takes a look.
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    pub(super) fn look(&mut self, after: Duration, bytes: u64) {
        self.looks.push((after.as_secs_f64() / 60.0, bytes as f64));
    }

    /// Looks after the warm-up.
    fn judged(&self) -> &[(f64, f64)] {
        &self.looks[self.looks.len() / WARM_UP..]
    }

    /// Least squares over block means; `None` with too few looks.
    #[expect(clippy::cast_precision_loss, reason = "a handful of blocks")]
    fn slope(&self) -> Option<Slope> {
        let looks = self.judged();
        let size = looks.len() / BLOCKS;
        if size == 0 {
            return None;
        }
        let mean = |values: &mut dyn Iterator<Item = f64>, count: usize| values.sum::<f64>() / count as f64;
        let blocks: Vec<(f64, f64)> = looks
            .chunks_exact(size)
            .take(BLOCKS)
            .map(|block| {
                (mean(&mut block.iter().map(|look| look.0), size), mean(&mut block.iter().map(|look| look.1), size))
            })
            .collect();
        let (x, y) = (
            mean(&mut blocks.iter().map(|block| block.0), BLOCKS),
            mean(&mut blocks.iter().map(|block| block.1), BLOCKS),
        );
        let spread: f64 = blocks.iter().map(|block| (block.0 - x).powi(2)).sum();
        if spread <= 0.0 {
            return None;
        }
        let middle = blocks.iter().map(|block| (block.0 - x) * (block.1 - y)).sum::<f64>() / spread;
        let rest: f64 = blocks.iter().map(|block| (block.1 - y - middle * (block.0 - x)).powi(2)).sum();
        let error = (rest / (BLOCKS - 2) as f64 / spread).sqrt();
        Some(Slope { middle, upper: middle + T_95 * error })
    }

    fn span(&self) -> Duration {
        let looks = self.judged();
        let minutes = looks.last().zip(looks.first()).map_or(0.0, |(last, first)| last.0 - first.0);
        Duration::from_secs_f64(minutes * 60.0)
    }

    /// One sentence for people.
    pub(super) fn told(&self) -> String {
        match self.slope() {
            None => "memory was looked at too seldom for a slope".to_owned(),
            Some(slope) => format!(
                "memory grew by {:.3} MB a minute after the warm-up, at most {:.3} at 95 %, over {:.0?}",
                slope.middle / 1e6,
                slope.upper / 1e6,
                self.span()
            ),
        }
    }

    /// The gate, which a run that is too short does not come to.
    pub(super) fn gate(&self, scenario: &str, operation: &str) -> CaseRecord {
        let slope = self.slope().filter(|_| self.span() >= SHORTEST);
        let problem = slope.filter(|slope| slope.upper > MOST_A_MINUTE).map(|slope| {
            format!(
                "expected memory to grow by at most {:.1} MB a minute at the upper bound of 95 %, found {:.3}",
                MOST_A_MINUTE / 1e6,
                slope.upper / 1e6
            )
        });
        let mut case = gate(scenario, Some(operation), "memory", problem);
        if slope.is_none() {
            case.outcome = CaseRecordOutcome::NotApplicable;
            case.reason = Some(format!("a slope is judged over {SHORTEST:?} after the warm-up; this run was shorter"));
        }
        case
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten minutes of looks that grow by `growth` bytes a minute and swing by `swing`.
    fn memory(growth: u64, swing: u64, seconds: u64) -> Memory {
        let mut memory = Memory::default();
        for second in 0..seconds {
            let warm_up = 5_000_000 * second.min(60) / 60;
            let swung = if second % 7 < 3 { swing } else { 0 };
            memory.look(Duration::from_secs(second), 50_000_000 + warm_up + growth * second / 60 + swung);
        }
        memory
    }

    #[test]
    fn tells_growth_from_swings_and_from_warm_up() {
        let outcome = |memory: &Memory| memory.gate("soak", "chat").outcome;
        assert_eq!(outcome(&memory(0, 3_000_000, 600)), CaseRecordOutcome::Pass);
        assert_eq!(outcome(&memory(500_000, 300_000, 600)), CaseRecordOutcome::Pass);
        assert_eq!(outcome(&memory(1_500_000, 300_000, 600)), CaseRecordOutcome::Fail);
        assert_eq!(outcome(&memory(9_000_000, 0, 120)), CaseRecordOutcome::NotApplicable);
        assert_eq!(outcome(&Memory::default()), CaseRecordOutcome::NotApplicable);
        let slope = memory(500_000, 0, 600).slope().expect("there are looks enough");
        assert!((slope.middle - 500_000.0).abs() < 1_000.0 && slope.upper >= slope.middle, "{slope:?}");
    }
}

//! When requests of an open run begin: at a stated rate, whatever becomes of those before.

use std::time::Duration;

/// A stretch of a run with one rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Number of the part that it belongs to.
    pub part: usize,
    /// Requests a second.
    pub rate: f64,
    /// How long.
    pub lasts: Duration,
    /// Whether one tenant floods the target meanwhile.
    pub flood: bool,
}

impl Segment {
    /// Starts since the beginning of the segment, evenly spread.
    pub fn starts(self) -> impl Iterator<Item = Duration> {
        let gap = 1.0 / self.rate;
        (0_u32..)
            .map(move |number| Duration::from_secs_f64(f64::from(number) * gap))
            .take_while(move |at| *at < self.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_even_and_none_lies_behind_the_end() {
        let segment = Segment { part: 0, rate: 4.0, lasts: Duration::from_millis(1100), flood: false };
        let starts: Vec<u128> = segment.starts().map(|at| at.as_millis()).collect();
        assert_eq!(starts, [0, 250, 500, 750, 1000]);
    }
}

//! Whether one of two is slower, by an interval and not by eye: two runs of the same thing never take the same time.

use crate::workload::Stream;

/// The normal distribution's 99.5th percentile: intervals hold 99 % of the time.
const Z: f64 = 2.576;
/// A difference as small as this is no finding, whatever its interval says, as a natural logarithm of a ratio: 5 %.
const MARGIN: f64 = 0.048_790;

/// Slices that stay together when blocks are drawn.
const NEIGHBOURS: usize = 4;
/// Fewest slices that an interval can be had of.
pub const FEWEST_SLICES: usize = 20;
/// Draws of the bootstrap.
const DRAWS: usize = 2_000;

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The second is slower by more than the margin, for all of the interval.
    Slower,
    /// It is faster by more than the margin, for all of the interval.
    Faster,
    /// Neither, and the interval leaves no room for a difference of twice the margin.
    Alike,
    /// The interval is too wide to tell.
    Open,
}

/// The ratio of the second's latency to the first's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The most likely one.
    pub middle: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Ratio {
    /// The ratio of two that were asked in turns, from the logarithm of the ratio in each slice of time, in their order; `None` of fewer
    /// than [`FEWEST_SLICES`].
    ///
    /// A busy moment weighs on both sides of a slice and on the slices beside it, so blocks of neighbours are drawn again and again
    /// (a circular block bootstrap), and what the middle of such draws may be is the interval. Student's interval over the means of
    /// blocks is taken beside it, and the wider end of the two holds, since a bootstrap of few blocks is too narrow.
    pub fn of_slices(logs: &[f64], seed: u64) -> Option<Self> {
        if logs.len() < FEWEST_SLICES {
            return None;
        }
        let middle = trimmed(&mut logs.to_vec());
        let blocks = logs.len().div_ceil(NEIGHBOURS);
        let (mut stream, mut drawn) = (Stream::new(seed, 0), Vec::with_capacity(DRAWS));
        let mut sample = Vec::with_capacity(blocks * NEIGHBOURS);
        for _ in 0..DRAWS {
            sample.clear();
            for _ in 0..blocks {
                let first = stream.below(logs.len());
                sample.extend((first..first + NEIGHBOURS).map(|at| logs[at % logs.len()]));
            }
            drawn.push(trimmed(&mut sample));
        }
        drawn.sort_unstable_by(f64::total_cmp);
        let (low, high) = (drawn[DRAWS / 200], drawn[DRAWS - 1 - DRAWS / 200]);
        let means: Vec<f64> =
            logs.chunks_exact(NEIGHBOURS).map(|block| block.iter().sum::<f64>() / count(block)).collect();
        let (_, variance) = moments(&means)?;
        let half = t(count(&means) - 1.0) * (variance / count(&means)).sqrt();
        let (low, high) = (low.min(middle - half), high.max(middle + half));
        Some(Self { middle: middle.exp(), low: low.exp(), high: high.exp() })
    }

    /// The ratio of two runs at different times, from the logarithms of the latencies of their stretches (Welch); `None` where one
    /// has fewer than five.
    pub fn of_runs(first: &[f64], second: &[f64]) -> Option<Self> {
        let ((one, one_variance), (two, two_variance)) = (moments(first)?, moments(second)?);
        let (one_error, two_error) = (one_variance / count(first), two_variance / count(second));
        let error = one_error + two_error;
        let parts = one_error.powi(2) / (count(first) - 1.0) + two_error.powi(2) / (count(second) - 1.0);
        let free = if parts > 0.0 { error.powi(2) / parts } else { f64::MAX };
        Some(Self::around(two - one, t(free) * error.sqrt()))
    }

    fn around(log: f64, half: f64) -> Self {
        Self { middle: log.exp(), low: (log - half).exp(), high: (log + half).exp() }
    }

    /// What it says.
    pub fn finding(self) -> Finding {
        let (low, high) = (self.low.ln(), self.high.ln());
        if low > MARGIN {
            Finding::Slower
        } else if high < -MARGIN {
            Finding::Faster
        } else if low > -2.0 * MARGIN && high < 2.0 * MARGIN {
            Finding::Alike
        } else {
            Finding::Open
        }
    }

    /// In words.
    pub fn told(self) -> String {
        let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
        let finding = match self.finding() {
            Finding::Slower => "slower",
            Finding::Faster => "faster",
            Finding::Alike => "alike",
            Finding::Open => "no finding",
        };
        format!(
            "{finding}: median {} (99 % interval {} to {})",
            percent(self.middle),
            percent(self.low),
            percent(self.high)
        )
    }
}

/// The mean of the middle half: one slice in which the machine did something else has no say.
fn trimmed(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = &values[values.len() / 4..values.len() - values.len() / 4];
    middle.iter().sum::<f64>() / count(middle)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// Mean and variance.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 5 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count(values);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count(values) - 1.0);
    Some((mean, variance))
}

/// The 99.5th percentile of Student's t, by the first terms of its expansion: within 0.06 for four degrees of freedom, and better for
/// more.
fn t(free: f64) -> f64 {
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    Z + (z3 + Z) / (4.0 * free)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * free.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * free.powi(3))
}

#[cfg(test)]
mod tests {
    use stand_in::Draw;

    use super::*;

    /// Latencies that are spread as those of a busy machine, in logarithms; `slower` as a factor.
    fn latencies(draw: &mut Draw, count: usize, slower: f64) -> Vec<f64> {
        let mut unit = || (f64::from(u32::try_from(draw.below(1_000_000)).unwrap()) + 0.5) / 1_000_000.0;
        (0..count).map(|_| ((0..6).map(|_| unit()).sum::<f64>() - 3.0) * 0.15 + slower.ln()).collect()
    }

    /// Each slice shares a third of what disturbed the one before.
    fn drifting(logs: &[f64]) -> Vec<f64> {
        let before = std::iter::once(&logs[0]).chain(logs);
        logs.iter().zip(before).map(|(own, before)| own * 2.0 / 3.0 + before / 3.0).collect()
    }

    #[test]
    fn a_slice_that_the_machine_spoilt_has_no_say() {
        let mut logs = vec![0.0; 40];
        (logs[7], logs[23]) = (3.0, -2.0);
        let ratio = Ratio::of_slices(&logs, 1).unwrap();
        assert!((ratio.middle - 1.0).abs() < 1e-9, "{ratio:?}");
    }

    #[test]
    fn finds_a_fifth_and_nothing_where_nothing_is() {
        let mut draw = Draw::new(3);
        let (mut caught, mut false_alarms) = (0, 0);
        for _ in 0..25 {
            let slices = |draw: &mut Draw, slower| drifting(&latencies(draw, 60, slower));
            caught += u32::from(Ratio::of_slices(&slices(&mut draw, 1.2), 1).unwrap().finding() == Finding::Slower);
            false_alarms +=
                u32::from(Ratio::of_slices(&slices(&mut draw, 1.0), 1).unwrap().finding() == Finding::Slower);
            let (one, two) = (latencies(&mut draw, 60, 1.0), latencies(&mut draw, 60, 1.2));
            caught += u32::from(Ratio::of_runs(&one, &two).unwrap().finding() == Finding::Slower);
            let two = latencies(&mut draw, 60, 1.0);
            false_alarms += u32::from(Ratio::of_runs(&one, &two).unwrap().finding() == Finding::Slower);
        }
        assert_eq!((caught, false_alarms), (50, 0));
    }

    #[test]
    fn tells_what_it_does_not_know() {
        assert!(Ratio::of_slices(&[0.0; 19], 1).is_none() && Ratio::of_runs(&[0.0; 9], &[0.0; 4]).is_none());
        let wide: Vec<f64> = (0..20).map(|at| if at % 8 < 4 { -1.0 } else { 1.0 }).collect();
        let wide = Ratio::of_slices(&wide, 1).unwrap();
        assert_eq!(wide.finding(), Finding::Open);
        assert_eq!(Ratio::of_slices(&[0.0; 20], 1).unwrap().finding(), Finding::Alike);
        assert_eq!(Ratio::of_slices(&[-0.2; 20], 1).unwrap().finding(), Finding::Faster);
        assert!(Ratio::of_slices(&[0.2; 20], 1).unwrap().told().starts_with("slower: median +22.1 %"));
    }

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (free, expected) in [(4.0, 4.604), (10.0, 3.169), (20.0, 2.845), (39.0, 2.708), (1e9, 2.576)] {
            assert!((t(free) - expected).abs() < 0.06, "{free}: {}", t(free));
        }
    }
}

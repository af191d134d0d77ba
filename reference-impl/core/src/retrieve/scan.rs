//! The exact scan over int8 rows, and the best of what it meets.

use std::cmp::Ordering;

use super::quantised::Quantised;
use crate::ports::Scan;

/// Rows looked at together: one word of a mask.
const BLOCK: usize = 64;
/// Blocks multiplied by one call, where all of them are wanted: what a host does before its first row is then done seldom.
const RUN: usize = 16;
/// Allowed rows of a block from which on multiplying all of it is cheaper than each alone.
const DENSE_BLOCK: u32 = 8;
/// Scores that are passed over together where none of them is good enough, which is nearly always.
const GROUP: usize = 16;

/// Rows of one block of memory.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Codes of all rows, end to end.
    pub codes: &'a [i8],
    /// Scale of each row.
    pub scales: &'a [f32],
    /// Which rows count: bit `n % 64` of word `n / 64` for row `n`.
    pub mask: &'a [u64],
}

/// Looks for the best among the rows that the mask lets pass, each by its approximate cosine; `item` names a row.
pub fn scan<T: Copy, F: Fn(T, T) -> Ordering>(
    host: &dyn Scan,
    rows: Rows<'_>,
    query: &Quantised,
    best: &mut Best<T, F>,
    item: impl Fn(usize) -> T,
) {
    let dimensions = query.codes.len();
    let mut dots = [0_i32; RUN * BLOCK];
    let mut scores = [f32::NEG_INFINITY; BLOCK];
    // Rows up to here have been multiplied, and this is the first of them in `dots`.
    let (mut multiplied, mut run) = (0, 0);
    for (block, word) in rows.mask.iter().enumerate() {
        let first = block * BLOCK;
        let count = rows.scales.len().saturating_sub(first).min(BLOCK);
        let mut left = *word & mask_of(count);
        if left == 0 {
            continue;
        }
        let scales = &rows.scales[first..first + count];
        if first >= multiplied && left.count_ones() < DENSE_BLOCK {
            while left != 0 {
                let row = left.trailing_zeros() as usize;
                left &= left - 1;
                let codes = &rows.codes[(first + row) * dimensions..(first + row + 1) * dimensions];
                host.dots(codes, &query.codes, &mut dots[..1]);
                best.push(cosine(dots[0], scales[row], query.scale), item(first + row));
            }
            continue;
        }
        if first >= multiplied {
            let dense = rows.mask[block..].iter().take(RUN).take_while(|word| word.count_ones() >= DENSE_BLOCK).count();
            (run, multiplied) = (first, rows.scales.len().min(first + dense.max(1) * BLOCK));
            let codes = &rows.codes[run * dimensions..multiplied * dimensions];
            host.dots(codes, &query.codes, &mut dots[..multiplied - run]);
        }
        for ((score, dot), scale) in scores.iter_mut().zip(&dots[first - run..]).zip(scales) {
            *score = cosine(*dot, *scale, query.scale);
        }
        for (group, scores) in scores.chunks_exact(GROUP).enumerate() {
            // Without a jump for each score, so that compilers compare several at once.
            if scores.iter().filter(|score| **score >= best.least).count() == 0 {
                continue;
            }
            for (row, score) in (group * GROUP..count).zip(scores) {
                if *score >= best.least && left >> row & 1 == 1 {
                    best.push(*score, item(first + row));
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an approximation that rounds alike everywhere")]
fn cosine(dot: i32, scale: f32, query_scale: f32) -> f32 {
    dot as f32 * scale * query_scale
}

/// A word with the lowest `count` bits set.
pub(super) fn mask_of(count: usize) -> u64 {
    if count >= BLOCK { u64::MAX } else { (1_u64 << count) - 1 }
}

/// Keeps the best of many, without sorting all of them. Equally good ones are in the order of `ties`.
pub struct Best<T, F> {
    keep: usize,
    ties: F,
    found: Vec<(f32, T)>,
    least: f32,
}

impl<T: Copy, F: Fn(T, T) -> Ordering> Best<T, F> {
    /// Keeps the best `keep`.
    pub fn new(keep: usize, ties: F) -> Self {
        Self { keep, ties, found: Vec::with_capacity(2 * keep), least: f32::NEG_INFINITY }
    }

    /// The score below which an item cannot be among the best any more.
    #[inline]
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Looks at one more.
    #[inline]
    pub fn push(&mut self, score: f32, item: T) {
        if score >= self.least {
            self.add(score, item);
        }
    }

    fn add(&mut self, score: f32, item: T) {
        self.found.push((score, item));
        if self.found.len() >= 2 * self.keep.max(1) {
            self.cut();
            self.least = self.found.iter().fold(f32::INFINITY, |least, (score, _)| least.min(*score));
        }
    }

    fn cut(&mut self) {
        let ties = &self.ties;
        if self.found.len() > self.keep {
            let order = |one: &(f32, T), other: &(f32, T)| other.0.total_cmp(&one.0).then_with(|| ties(one.1, other.1));
            self.found.select_nth_unstable_by(self.keep, order);
            self.found.truncate(self.keep);
        }
    }

    /// The best, best first, with their scores.
    pub fn finish(mut self) -> Vec<(f32, T)> {
        self.cut();
        let ties = self.ties;
        self.found.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then_with(|| ties(one.1, other.1)));
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::PortableScan;

    #[test]
    fn keeps_the_best_and_breaks_ties_in_order() {
        for keep in [0, 1, 3, 7, 100] {
            let scores: Vec<f32> = (0_u16..50).map(|at| f32::from(at * 7 % 10)).collect();
            let mut best = Best::new(keep, |one: usize, other: usize| one.cmp(&other));
            scores.iter().enumerate().for_each(|(at, score)| best.push(*score, at));
            let mut all: Vec<(f32, usize)> = scores.iter().copied().zip(0..).collect();
            all.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
            all.truncate(keep);
            assert_eq!(best.finish(), all, "{keep}");
        }
    }

    #[test]
    fn meets_what_the_mask_lets_pass_and_nothing_else() {
        let rows = 2_500_usize;
        let codes: Vec<i8> = (0..rows).flat_map(|row| [i8::try_from(row % 100).unwrap(), 1]).collect();
        let scales = vec![0.5; rows];
        let query = Quantised { codes: vec![2, 1], scale: 1.0 };
        for step in [1, 3, 17, 90] {
            let mut mask = vec![0_u64; rows.div_ceil(64)];
            (0..rows).step_by(step).for_each(|row| mask[row / 64] |= 1 << (row % 64));
            mask[rows / 64] |= u64::MAX << 60; // bits beyond the last row mean nothing
            let expected: Vec<(f32, usize)> = (0..rows)
                .step_by(step)
                .map(|row| (f32::from(u8::try_from((row % 100) * 2 + 1).unwrap()) * 0.5, row))
                .collect();
            for keep in [3, rows] {
                let ties = |one: usize, other: usize| one.cmp(&other);
                let (mut met, mut wanted) = (Best::new(keep, ties), Best::new(keep, ties));
                let rows = Rows { codes: &codes, scales: &scales, mask: &mask };
                scan(&PortableScan, rows, &query, &mut met, |row| row);
                for (score, row) in &expected {
                    wanted.push(*score, *row);
                }
                assert_eq!(met.finish(), wanted.finish(), "every {step}th, {keep} kept");
            }
        }
    }
}

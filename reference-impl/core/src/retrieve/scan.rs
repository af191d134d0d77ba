//! The exact scan over int8 rows, and the best of what it meets.

use std::cmp::Ordering;

use super::quantised::Quantised;
use crate::ports::Scan;

/// Rows that a word of the mask speaks of.
const BLOCK: usize = 64;
/// Allowed rows of a block from which on multiplying all of it is cheaper than each alone.
const DENSE_BLOCK: u32 = 8;
/// Blocks that are multiplied in one call; their products stay in the first cache.
const RUN: usize = 8;
/// Blocks whose scores are gathered before the best are picked: 64 KiB of scores.
const SEGMENT: usize = 256;
/// Scores that are compared side by side.
const LANES: usize = 16;
/// Blocks that share their greatest scores, one a lane: a greatest score stands for sixteen rows.
const SHARED: usize = 4;

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

impl Rows<'_> {
    /// Which rows of `block` count.
    fn allowed(&self, block: usize) -> u64 {
        self.mask[block] & mask_of(self.scales.len().saturating_sub(block * BLOCK).min(BLOCK))
    }
}

/// Scores of a block: its first row, which of its rows count, and minus infinity for those that do not.
struct Scored {
    first: usize,
    allowed: u64,
    scores: [f32; BLOCK],
}

/// Looks for the best among the rows that the mask lets pass, each by its approximate cosine; `item` names a row.
///
/// The scores of some ten thousand rows are gathered before any is kept, since the greatest of each few rows tell a bar that
/// hardly any but the best reach: keeping and cutting the good ones of the moment cost as much as half of the multiplications.
pub fn scan<T: Copy, F: Fn(T, T) -> Ordering>(
    host: &dyn Scan,
    rows: Rows<'_>,
    query: &Quantised,
    best: &mut Best<T, F>,
    item: impl Fn(usize) -> T,
) {
    let (dimensions, blocks) = (query.codes.len(), rows.mask.len());
    let mut dots = [0_i32; RUN * BLOCK];
    let mut gathered: Vec<Scored> = Vec::with_capacity(SEGMENT.min(blocks));
    let mut greatest = Vec::new();
    for segment in (0..blocks).step_by(SEGMENT) {
        let end = blocks.min(segment + SEGMENT);
        let mut block = segment;
        while block < end {
            let dense = |block: &usize| rows.allowed(*block).count_ones() >= DENSE_BLOCK;
            let run = (block..end.min(block + RUN)).take_while(dense).count();
            if run == 0 {
                let mut left = rows.allowed(block);
                while left != 0 {
                    let row = block * BLOCK + left.trailing_zeros() as usize;
                    left &= left - 1;
                    host.dots(&rows.codes[row * dimensions..(row + 1) * dimensions], &query.codes, &mut dots[..1]);
                    best.push(cosine(dots[0], rows.scales[row], query.scale), item(row));
                }
                block += 1;
                continue;
            }
            let (first, last) = (block * BLOCK, rows.scales.len().min((block + run) * BLOCK));
            let codes = &rows.codes[first * dimensions..last * dimensions];
            host.dots(codes, &query.codes, &mut dots[..last - first]);
            let scales = rows.scales[first..last].chunks(BLOCK);
            for (at, (dots, scales)) in dots[..last - first].chunks(BLOCK).zip(scales).enumerate() {
                let allowed = rows.allowed(block + at);
                gathered.push(Scored::of(first + at * BLOCK, allowed, dots, scales, query.scale));
            }
            block += run;
        }
        pick(&gathered, &mut greatest, best, &item);
        gathered.clear();
    }
}

impl Scored {
    fn of(first: usize, allowed: u64, dots: &[i32], scales: &[f32], query_scale: f32) -> Self {
        let mut scores = [f32::NEG_INFINITY; BLOCK];
        for ((score, dot), scale) in scores.iter_mut().zip(dots).zip(scales) {
            *score = cosine(*dot, *scale, query_scale);
        }
        if allowed != u64::MAX {
            for (_, score) in scores.iter_mut().enumerate().filter(|(row, _)| allowed >> row & 1 == 0) {
                *score = f32::NEG_INFINITY;
            }
        }
        Self { first, allowed, scores }
    }
}

/// Hands the best of the gathered scores on. `greatest` is room to work in.
fn pick<T: Copy, F: Fn(T, T) -> Ordering>(
    gathered: &[Scored],
    greatest: &mut Vec<f32>,
    best: &mut Best<T, F>,
    item: &impl Fn(usize) -> T,
) {
    greatest.clear();
    for blocks in gathered.chunks(SHARED) {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for scores in blocks.iter().flat_map(|block| block.scores.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                // Without `f32::max`, which minds values that are no numbers and is slower for it.
                lanes[lane] = if scores[lane] > lanes[lane] { scores[lane] } else { lanes[lane] };
            }
        }
        greatest.extend(lanes.into_iter().filter(|score| *score >= best.least));
    }
    // As many rows as are kept reach the last of the greatest scores, so that none below it is among the best.
    let bar = match best.keep.checked_sub(1) {
        Some(last) if last < greatest.len() => {
            *greatest.select_nth_unstable_by(last, |one, other| other.total_cmp(one)).1
        }
        Some(_) | None => best.least,
    };
    for block in gathered {
        for (group, scores) in block.scores.as_chunks::<LANES>().0.iter().enumerate() {
            // Without a jump for each score, so that compilers compare several at once.
            if scores.iter().filter(|score| **score >= bar).count() == 0 {
                continue;
            }
            for (row, score) in (group * LANES..).zip(scores) {
                if *score >= bar && block.allowed >> row & 1 == 1 {
                    best.push(*score, item(block.first + row));
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

    /// Over more rows than are gathered at once, with many equal scores, whole blocks that are masked, and a last one that is not full.
    #[test]
    fn finds_the_best_of_many_rows() {
        let rows = 2 * SEGMENT * BLOCK + 1_000;
        let value = |row: usize| i8::try_from(row.wrapping_mul(2_654_435_761) / 64 % 120).unwrap();
        let codes: Vec<i8> = (0..rows).flat_map(|row| [value(row), value(row + 7)]).collect();
        let scales: Vec<f32> = (0..rows).map(|row| if row % 3 == 0 { 0.5 } else { 0.25 }).collect();
        let query = Quantised { codes: vec![3, -2], scale: 0.5 };
        let ties = |one: usize, other: usize| other.cmp(&one);
        let allowed = |row: usize, thinned: bool| {
            !thinned || (!(row / 64).is_multiple_of(3) && (row.is_multiple_of(16) || (row / 640).is_multiple_of(2)))
        };
        for (keep, thinned) in
            [(0, false), (1, false), (40, false), (40, true), (500, true), (3_000, false), (rows, true)]
        {
            let mut mask = vec![0_u64; rows.div_ceil(64)];
            (0..rows).filter(|row| allowed(*row, thinned)).for_each(|row| mask[row / 64] |= 1 << (row % 64));
            let mut met = Best::new(keep, ties);
            scan(&PortableScan, Rows { codes: &codes, scales: &scales, mask: &mask }, &query, &mut met, |row| row);
            let score = |row: usize| {
                let dot = i32::from(codes[2 * row]) * 3 - i32::from(codes[2 * row + 1]) * 2;
                cosine(dot, scales[row], query.scale)
            };
            let mut all: Vec<(f32, usize)> =
                (0..rows).filter(|row| allowed(*row, thinned)).map(|row| (score(row), row)).collect();
            all.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
            all.truncate(keep);
            assert!(met.finish() == all, "{keep} kept, thinned: {thinned}");
        }
    }

    #[test]
    fn meets_what_the_mask_lets_pass_and_nothing_else() {
        let rows = 200_usize;
        let codes: Vec<i8> = (0..rows).flat_map(|row| [i8::try_from(row % 100).unwrap(), 1]).collect();
        let scales = vec![0.5; rows];
        let query = Quantised { codes: vec![2, 1], scale: 1.0 };
        for step in [1, 3, 17, 90] {
            let mut mask = vec![0_u64; rows.div_ceil(64)];
            (0..rows).step_by(step).for_each(|row| mask[row / 64] |= 1 << (row % 64));
            mask[3] |= u64::MAX << 60; // bits beyond the last row mean nothing
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

//! Attention: each word piece takes from the others of its text what it asks for, in twelve parts.

use pulp::{Arch, NullaryFnOnce};

use crate::DIMENSIONS;
use crate::function::{NO_SCORE, softmax};
use crate::matrix::{LANES, Panel, ROWS, RowBlock, pack_rows, tile};
use crate::pack::HEADS;

/// Width of a part.
const HEAD: usize = DIMENSIONS / HEADS;
/// Width of query, key and value side by side.
pub(crate) const PROJECTED: usize = 3 * DIMENSIONS;

/// Space that attention uses, kept from one text to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    queries: Vec<f32>,
    blocks: Vec<RowBlock>,
    panels: Vec<Panel>,
    scores: Vec<f32>,
}

/// Writes into `out` what each piece of one text takes.
///
/// - `projected`: for each piece its query, key and value.
/// - `out`: as many rows of [`DIMENSIONS`] numbers.
pub(crate) fn attend(arch: Arch, projected: &[f32], out: &mut [f32], scratch: &mut Scratch) {
    let count = projected.len() / PROJECTED;
    for head in 0..HEADS {
        let part = |row: usize, of: usize| &projected[row * PROJECTED + of * DIMENSIONS + head * HEAD..][..HEAD];
        scratch.queries.clear();
        (0..count).for_each(|row| scratch.queries.extend_from_slice(part(row, 0)));
        pack_rows(&scratch.queries, HEAD, &mut scratch.blocks);
        let width = count.next_multiple_of(LANES);
        scratch.panels.clear();
        scratch.panels.resize(width / LANES * HEAD, [0.0; LANES]);
        for row in 0..count {
            let panel = &mut scratch.panels[row / LANES * HEAD..][..HEAD];
            for (packed, value) in panel.iter_mut().zip(part(row, 1)) {
                packed[row % LANES] = *value;
            }
        }
        scratch.scores.resize(count * width, 0.0);
        let (blocks, panels) = (&scratch.blocks, &scratch.panels);
        arch.dispatch(Score { blocks, panels, scores: &mut scratch.scores, count, width });

        pack_shares(&scratch.scores, count, width, &mut scratch.blocks);
        scratch.panels.clear();
        for half in 0..HEAD / LANES {
            scratch.panels.extend((0..count).map(|row| {
                let mut packed = [0.0; LANES];
                packed.copy_from_slice(&part(row, 2)[half * LANES..][..LANES]);
                packed
            }));
        }
        arch.dispatch(Take { blocks: &scratch.blocks, panels: &scratch.panels, out, count, head });
    }
}

/// Lays the first `count` numbers of each row out in blocks, as [`pack_rows`] does with whole rows.
fn pack_shares(scores: &[f32], count: usize, width: usize, blocks: &mut Vec<RowBlock>) {
    blocks.clear();
    blocks.resize(count.div_ceil(ROWS) * count, [0.0; ROWS]);
    for (block, rows) in blocks.chunks_exact_mut(count).zip(scores.chunks(ROWS * width)) {
        for (at, row) in rows.chunks_exact(width).enumerate() {
            for (packed, value) in block.iter_mut().zip(row) {
                packed[at] = *value;
            }
        }
    }
}

/// How much each piece asks for each other.
struct Score<'a> {
    blocks: &'a [RowBlock],
    panels: &'a [Panel],
    scores: &'a mut [f32],
    count: usize,
    width: usize,
}

impl NullaryFnOnce for Score<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
    #[inline(always)]
    fn call(self) {
        let width = self.width;
        for (block, rows) in self.blocks.chunks_exact(HEAD).zip(self.scores.chunks_mut(ROWS * width)) {
            for (at, panel) in self.panels.chunks_exact(HEAD).enumerate() {
                for (row, sums) in rows.chunks_exact_mut(width).zip(&tile(block, panel)) {
                    row[at * LANES..][..LANES].copy_from_slice(sums);
                }
            }
        }
        for row in self.scores.chunks_exact_mut(width) {
            row[self.count..].fill(NO_SCORE);
        }
        #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^23")]
        let scale = 1.0 / (HEAD as f32).sqrt();
        softmax(self.scores, width, scale);
    }
}

/// What each piece takes of each other's value.
struct Take<'a> {
    blocks: &'a [RowBlock],
    panels: &'a [Panel],
    out: &'a mut [f32],
    count: usize,
    head: usize,
}

impl NullaryFnOnce for Take<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
    #[inline(always)]
    fn call(self) {
        for (block, rows) in self.blocks.chunks_exact(self.count).zip(self.out.chunks_mut(ROWS * DIMENSIONS)) {
            for (half, panel) in self.panels.chunks_exact(self.count).enumerate() {
                for (row, sums) in rows.chunks_exact_mut(DIMENSIONS).zip(&tile(block, panel)) {
                    row[self.head * HEAD + half * LANES..][..LANES].copy_from_slice(sums);
                }
            }
        }
    }
}

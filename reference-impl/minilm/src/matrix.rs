//! Products of matrices on one thread, with the widest instructions that the processor has.
//!
//! A tile of six rows by sixteen columns is summed in registers, in the order of the inputs, with fused multiply-add. Every
//! number of a result therefore depends on its own row and column alone, wherever in a batch the row stands, and is the same on
//! every processor (one without fused multiply-add computes it in software, slowly).

use pulp::{Arch, NullaryFnOnce};

/// Columns of a tile: two AVX registers.
pub(crate) const LANES: usize = 16;
/// Rows of a tile: with two registers of columns and one of a row they fill the sixteen that AVX2 has.
pub(crate) const ROWS: usize = 6;

/// Inputs that share a scale.
pub(crate) const GROUP: usize = 128;

/// Six rows, input by input.
pub(crate) type RowBlock = [f32; ROWS];
/// Sixteen columns, input by input.
pub(crate) type Panel = [f32; LANES];

/// A matrix of weights, 8 bits wide; a weight is its whole number times the scale of its output and group of inputs.
#[derive(Debug)]
pub(crate) struct Matrix<'a> {
    pub(crate) inputs: usize,
    /// For each panel and each [`GROUP`] of inputs the scales of its outputs.
    pub(crate) scales: Vec<Panel>,
    pub(crate) bias: Vec<f32>,
    /// For each sixteen outputs, input by input, their weights as the bytes of `i8`.
    pub(crate) panels: &'a [[u8; LANES]],
}

/// Space that products use, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    blocks: Vec<RowBlock>,
    panel: Vec<Panel>,
}

impl Matrix<'_> {
    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Writes into `out` for each row of `rows` the products with all outputs, and their bias.
    pub(crate) fn apply(&self, arch: Arch, rows: &[f32], out: &mut Vec<f32>, scratch: &mut Scratch) {
        let count = rows.len() / self.inputs;
        out.resize(count * self.outputs(), 0.0);
        scratch.panel.resize(self.inputs, [0.0; LANES]);
        pack_rows(rows, self.inputs, &mut scratch.blocks);
        arch.dispatch(Apply { matrix: self, out, blocks: &scratch.blocks, panel: &mut scratch.panel });
    }
}

struct Apply<'a> {
    matrix: &'a Matrix<'a>,
    out: &'a mut [f32],
    blocks: &'a [RowBlock],
    panel: &'a mut [Panel],
}

impl NullaryFnOnce for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
    #[inline(always)]
    fn call(self) {
        let Self { matrix: Matrix { inputs, scales, bias, panels }, out, blocks, panel: wide } = self;
        let outputs = bias.len();
        let scales = scales.chunks_exact(inputs / GROUP);
        let each = panels.chunks_exact(*inputs).zip(scales).zip(bias.as_chunks::<LANES>().0);
        for (at, ((panel, scales), bias)) in each.enumerate() {
            for (wide, narrow) in wide.as_flattened_mut().iter_mut().zip(panel.as_flattened()) {
                *wide = f32::from(narrow.cast_signed());
            }
            for (wide, scales) in wide.chunks_exact_mut(GROUP).zip(scales) {
                for wide in wide {
                    for lane in 0..LANES {
                        wide[lane] *= scales[lane];
                    }
                }
            }
            for (block, rows) in blocks.chunks_exact(*inputs).zip(out.chunks_mut(ROWS * outputs)) {
                let sums = tile(block, wide);
                for (row, sums) in rows.chunks_exact_mut(outputs).zip(&sums) {
                    let out = &mut row[at * LANES..][..LANES];
                    for lane in 0..LANES {
                        out[lane] = sums[lane] + bias[lane];
                    }
                }
            }
        }
    }
}

/// The products of a block of rows with a panel of columns, summed over their inputs in order.
#[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
#[inline(always)]
pub(crate) fn tile(block: &[RowBlock], panel: &[Panel]) -> [[f32; LANES]; ROWS] {
    let mut sums = [[0.0; LANES]; ROWS];
    for (rows, columns) in block.iter().zip(panel) {
        for row in 0..ROWS {
            for lane in 0..LANES {
                sums[row][lane] = rows[row].mul_add(columns[lane], sums[row][lane]);
            }
        }
    }
    sums
}

/// Lays rows of `inputs` numbers out in blocks; the last is filled up with rows of zeros.
pub(crate) fn pack_rows(rows: &[f32], inputs: usize, blocks: &mut Vec<RowBlock>) {
    let count = (rows.len() / inputs).div_ceil(ROWS);
    blocks.clear();
    blocks.resize(count * inputs, [0.0; ROWS]);
    for (block, rows) in blocks.chunks_exact_mut(inputs).zip(rows.chunks(ROWS * inputs)) {
        for (at, row) in rows.chunks_exact(inputs).enumerate() {
            for (packed, value) in block.iter_mut().zip(row) {
                packed[at] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_any_number_of_rows() {
        let (inputs, outputs) = (2 * GROUP, 2 * LANES);
        let weight = |output: usize, input: usize| i8::try_from((output * 31 + input * 17) % 201).map_or(-100, |it| it);
        let scale = |output: usize, input: usize| f32::from(u8::try_from(1 + output + input / GROUP).unwrap()) / 64.0;
        let mut panels = vec![[0_u8; LANES]; outputs / LANES * inputs];
        let mut scales = vec![[0.0; LANES]; outputs / LANES * inputs / GROUP];
        for output in 0..outputs {
            for input in 0..inputs {
                let at = output / LANES * inputs + input;
                panels[at][output % LANES] = weight(output, input).cast_unsigned();
                scales[at / GROUP][output % LANES] = scale(output, input);
            }
        }
        let bias: Vec<f32> = (1..=32_u8).map(|it| f32::from(it) - 9.0).collect();
        let matrix = Matrix { inputs, scales, bias: bias.clone(), panels: &panels };
        let (mut out, mut scratch) = (Vec::new(), Scratch::default());
        for rows in [1_usize, 5, 6, 7, 13] {
            let x: Vec<f32> =
                (0..rows * inputs).map(|at| f32::from(u8::try_from(at * 7 % 19).unwrap()) - 9.0).collect();
            matrix.apply(Arch::new(), &x, &mut out, &mut scratch);
            assert_eq!(out.len(), rows * outputs);
            for (row, out) in x.chunks(inputs).zip(out.chunks(outputs)) {
                for output in 0..outputs {
                    let each = (0..inputs).map(|at| row[at] * scale(output, at) * f32::from(weight(output, at)));
                    let expected = each.sum::<f32>() + bias[output];
                    assert!((out[output] - expected).abs() < 0.05, "{rows} {output}: {} {expected}", out[output]);
                }
            }
        }
    }
}

//! What happens between the products: softmax, GELU and normalisation, without a branch, so that compilers widen them.
//!
//! Sums run in sixteen lanes that are added up in a fixed order: the same numbers give the same bits.

use pulp::{Arch, NullaryFnOnce};

use crate::matrix::LANES;

/// Least variance of a row, as the model was trained with.
const EPSILON: f32 = 1e-12;
/// Stands where a row of scores is filled up; its share is nothing beside the largest.
pub(crate) const NO_SCORE: f32 = -1e30;

/// Gain and bias of a normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gain: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Norm {
    /// Adds `more` to the rows `x`, and scales each row to mean 0 and variance 1, then by gain and bias.
    pub(crate) fn apply(&self, arch: Arch, x: &mut [f32], more: &[f32]) {
        arch.dispatch(Normalise { norm: self, x, more });
    }
}

struct Normalise<'a> {
    norm: &'a Norm,
    x: &'a mut [f32],
    more: &'a [f32],
}

impl NullaryFnOnce for Normalise<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
    #[inline(always)]
    fn call(self) {
        let width = self.norm.gain.len();
        #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^23")]
        let share = 1.0 / width as f32;
        for (row, more) in self.x.chunks_exact_mut(width).zip(self.more.chunks_exact(width)) {
            for (value, more) in row.iter_mut().zip(more) {
                *value += more;
            }
            let mean = sum(row, |value| value) * share;
            let variance = sum(row, |value| (value - mean) * (value - mean)) * share;
            let scale = 1.0 / (variance + EPSILON).sqrt();
            for ((value, gain), bias) in row.iter_mut().zip(&self.norm.gain).zip(&self.norm.bias) {
                *value = ((*value - mean) * scale).mul_add(*gain, *bias);
            }
        }
    }
}

/// The sum of `of` over a row whose length is a multiple of sixteen.
#[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for chunk in row.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            lanes[lane] += of(chunk[lane]);
        }
    }
    lanes.iter().sum()
}

/// GELU of every number, by the error function and not by the hyperbolic tangent.
pub(crate) fn gelu(arch: Arch, x: &mut [f32]) {
    arch.dispatch(Gelu(x));
}

struct Gelu<'a>(&'a mut [f32]);

impl NullaryFnOnce for Gelu<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
    #[inline(always)]
    fn call(self) {
        for value in self.0 {
            *value = 0.5 * *value * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// Softmax of each row of `scores` times `scale`; rows are `width` long, a multiple of sixteen, filled up with
/// [`NO_SCORE`].
#[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
#[inline(always)]
pub(crate) fn softmax(scores: &mut [f32], width: usize, scale: f32) {
    for row in scores.chunks_exact_mut(width) {
        let mut lanes = [NO_SCORE; LANES];
        for chunk in row.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
            }
        }
        let largest = lanes.into_iter().fold(NO_SCORE, f32::max);
        for value in row.iter_mut() {
            *value = exp((*value - largest) * scale);
        }
        let share = 1.0 / sum(row, |value| value);
        for value in row.iter_mut() {
            *value *= share;
        }
    }
}

/// Added to a number of at most 22 bits, it leaves the nearest whole number in the low bits.
const WHOLE: f32 = 12_582_912.0;
/// ln 2 in two parts, the first with few enough bits that a multiple of it is exact.
const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);

/// The exponential function of a number that is not positive, to seven digits; what is below e^-87 counts as that.
#[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, WHOLE);
    let twos = shifted - WHOLE;
    let rest = twos.mul_add(-LN_2.1, twos.mul_add(-LN_2.0, x));
    let mut power = 1.0 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        power = rest.mul_add(power, coefficient);
    }
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26).
#[expect(clippy::inline_always, reason = "what is not inlined is compiled without the wide instructions")]
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / size.mul_add(0.327_591_1, 1.0);
    let mut sum = 1.061_405_4;
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6, 0.0] {
        sum = t.mul_add(sum, coefficient);
    }
    sum.mul_add(-exp(-size * size), 1.0).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_near_the_functions_that_it_stands_for() {
        for step in 0..8700_u16 {
            let x = -f32::from(step) / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) - expected).abs() <= expected * 1e-6, "{x}");
        }
        // Values of the error function from its tables.
        for (x, expected) in
            [(0.0, 0.0), (0.1, 0.112_462_92), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3)]
        {
            assert!((erf(x) - expected).abs() < 5e-7 && (erf(-x) + expected).abs() < 5e-7, "{x}: {}", erf(x));
        }
        assert!((erf(30.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn shares_out_one_among_scores() {
        let mut scores = [NO_SCORE; LANES];
        scores[..3].copy_from_slice(&[1.0, 2.0, 3.0]);
        softmax(&mut scores, LANES, 1.0);
        for (share, expected) in scores.iter().zip([0.090_030_57, 0.244_728_48, 0.665_240_94, 0.0]) {
            assert!((share - expected).abs() < 1e-6, "{share} {expected}");
        }
    }

    #[test]
    fn brings_rows_to_mean_and_variance() {
        let norm = Norm { gain: vec![2.0; 32], bias: vec![1.0; 32] };
        let mut x: Vec<f32> = (0..64_u8).map(f32::from).collect();
        norm.apply(Arch::new(), &mut x, &[0.5; 64]);
        for row in x.chunks(32) {
            let mean = row.iter().sum::<f32>() / 32.0;
            let variance = row.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / 32.0;
            assert!((mean - 1.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4, "{mean} {variance}");
        }
    }
}

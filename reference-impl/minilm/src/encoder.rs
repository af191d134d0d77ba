//! The encoder: six layers over the word pieces of a text, and their mean.

use pulp::Arch;

use crate::attention::{self, PROJECTED, attend};
use crate::function::{Norm, gelu};
use crate::matrix::{self, Matrix};
use crate::pack::{INNER, PACKED, PackError, Reader};
use crate::{DIMENSIONS, MAX_PIECES};

/// Word pieces that are computed together: enough that the widening of weights is cheap beside their use, few enough that
/// what is between the layers stays near the processor.
const GROUP: usize = 128;

/// The weights, ready to be used.
#[derive(Debug)]
pub(crate) struct Encoder {
    word_scales: Vec<f32>,
    /// The bytes of `i8`, a row for each word piece.
    words: &'static [u8],
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    projection: Matrix<'static>,
    attended: Matrix<'static>,
    attended_norm: Norm,
    inner: Matrix<'static>,
    outer: Matrix<'static>,
    outer_norm: Norm,
}

impl Encoder {
    /// The encoder as it is compiled in.
    pub(crate) fn load() -> Result<Self, PackError> {
        Self::open(PACKED)
    }

    pub(crate) fn open(file: &'static [u8]) -> Result<Self, PackError> {
        let (mut reader, sizes) = Reader::open(file)?;
        let word_scales = reader.floats(sizes.vocabulary)?;
        let words = reader.bytes(sizes.vocabulary * DIMENSIONS)?;
        let positions = reader.floats(MAX_PIECES * DIMENSIONS)?;
        let norm = reader.norm()?;
        let mut layers = Vec::new();
        for _ in 0..sizes.layers {
            layers.push(Layer {
                projection: reader.matrix(PROJECTED, DIMENSIONS)?,
                attended: reader.matrix(DIMENSIONS, DIMENSIONS)?,
                attended_norm: reader.norm()?,
                inner: reader.matrix(INNER, DIMENSIONS)?,
                outer: reader.matrix(DIMENSIONS, INNER)?,
                outer_norm: reader.norm()?,
            });
        }
        reader.close()?;
        Ok(Self { word_scales, words, positions, norm, layers })
    }

    /// One vector of unit length for each text, in order.
    ///
    /// - `texts`: ids of word pieces, from one to [`MAX_PIECES`] in each text.
    pub(crate) fn embed(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        // Short texts are computed beside short ones, so that groups are full.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| texts[*at].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut space = Space::default();
        let mut rest = &order[..];
        while let Some(first) = rest.first() {
            let mut pieces = texts[*first].len();
            let mut count = 1;
            while let Some(next) = rest.get(count).filter(|next| pieces + texts[**next].len() <= GROUP) {
                pieces += texts[*next].len();
                count += 1;
            }
            let (group, later) = rest.split_at(count);
            self.group(texts, group, &mut vectors, &mut space);
            rest = later;
        }
        vectors
    }

    /// Computes texts one below the other: all but attention is done piece by piece, so no text is filled up to the length
    /// of another.
    fn group(&self, texts: &[Vec<u32>], group: &[usize], vectors: &mut [Vec<f32>], space: &mut Space) {
        let arch = Arch::new();
        let Space { x, more, wide, products, attention } = space;
        x.clear();
        more.clear();
        for at in group {
            for (id, position) in texts[*at].iter().zip(self.positions.chunks_exact(DIMENSIONS)) {
                let id = *id as usize;
                let scale = self.word_scales[id];
                let row = &self.words[id * DIMENSIONS..][..DIMENSIONS];
                x.extend(row.iter().map(|byte| f32::from(byte.cast_signed()) * scale));
                more.extend_from_slice(position);
            }
        }
        self.norm.apply(arch, x, more);
        for layer in &self.layers {
            layer.projection.apply(arch, x, wide, products);
            more.resize(x.len(), 0.0);
            let (mut projected, mut taken) = (&wide[..], &mut more[..]);
            for at in group {
                let (these, later) = projected.split_at(texts[*at].len() * PROJECTED);
                let (out, rest) = taken.split_at_mut(texts[*at].len() * DIMENSIONS);
                attend(arch, these, out, attention);
                (projected, taken) = (later, rest);
            }
            layer.attended.apply(arch, more, wide, products);
            layer.attended_norm.apply(arch, x, wide);
            layer.inner.apply(arch, x, wide, products);
            gelu(arch, wide);
            layer.outer.apply(arch, wide, more, products);
            layer.outer_norm.apply(arch, x, more);
        }
        let mut rows = x.chunks_exact(DIMENSIONS);
        for at in group {
            let mut vector = vec![0.0_f32; DIMENSIONS];
            for row in rows.by_ref().take(texts[*at].len()) {
                for (sum, value) in vector.iter_mut().zip(row) {
                    *sum += value;
                }
            }
            // The length of the sum is that of the mean but for a factor, which the next step takes out.
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            for value in &mut vector {
                *value /= length;
            }
            vectors[*at] = vector;
        }
    }
}

/// Space that is kept from group to group.
#[derive(Debug, Default)]
struct Space {
    x: Vec<f32>,
    more: Vec<f32>,
    wide: Vec<f32>,
    products: matrix::Scratch,
    attention: attention::Scratch,
}

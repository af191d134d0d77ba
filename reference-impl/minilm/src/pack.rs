//! Reads `minilm.bin`, which `models/all-minilm-l6-v2/pack.py` describes.

use crate::function::Norm;
use crate::matrix::{GROUP, LANES, Matrix};
use crate::{DIMENSIONS, MAX_PIECES};

/// The weights.
pub(crate) const PACKED: &[u8] = include_bytes!("../models/all-minilm-l6-v2/minilm.bin");

const MAGIC: &[u8] = b"PLMINILM";
const VERSION: u32 = 1;
/// Parts of the model that attention looks from.
pub(crate) const HEADS: usize = 12;
/// Width between the two matrices that end a layer.
pub(crate) const INNER: usize = 1536;

/// Why the packed weights cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is not a file of this kind and version.
    #[error("packed weights: expected `PLMINILM` of version {VERSION}; pack them again with pack.py")]
    Kind,
    /// Its sizes are not those of the model.
    #[error("packed weights: `{name}` is {found}, expected {expected}; pack them again with pack.py")]
    Size {
        /// Which size.
        name: &'static str,
        /// What the file says.
        found: u32,
        /// What the encoder is made for.
        expected: usize,
    },
    /// The file is shorter or longer than its sizes say.
    #[error("packed weights: {found} bytes do not hold what their sizes say; pack them again with pack.py")]
    Length {
        /// Bytes of the file.
        found: usize,
    },
    /// The checksum is another.
    #[error("packed weights: CRC-32 is {found:08x}, expected {expected:08x}; the file is damaged")]
    Checksum {
        /// Of the bytes.
        found: u32,
        /// As recorded.
        expected: u32,
    },
}

/// The sizes that a file has of its own.
pub(crate) struct Sizes {
    pub(crate) vocabulary: usize,
    pub(crate) layers: usize,
}

/// The parts of a file, one after the other.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    whole: usize,
}

impl<'a> Reader<'a> {
    /// Checks kind, sizes and checksum.
    pub(crate) fn open(file: &'a [u8]) -> Result<(Self, Sizes), PackError> {
        let mut reader = Self { rest: file, whole: file.len() };
        if reader.bytes(MAGIC.len())? != MAGIC || reader.number()? != VERSION {
            return Err(PackError::Kind);
        }
        let (vocabulary, width, layers) = (reader.number()?, reader.number()?, reader.number()?);
        let (heads, inner, positions) = (reader.number()?, reader.number()?, reader.number()?);
        let fixed = [
            ("width", width, DIMENSIONS),
            ("heads", heads, HEADS),
            ("inner width", inner, INNER),
            ("positions", positions, MAX_PIECES),
        ];
        for (name, found, expected) in fixed {
            if usize::try_from(found) != Ok(expected) {
                return Err(PackError::Size { name, found, expected });
            }
        }
        let expected = reader.number()?;
        let found = crc32fast::hash(reader.rest);
        if found != expected {
            return Err(PackError::Checksum { found, expected });
        }
        Ok((reader, Sizes { vocabulary: vocabulary as usize, layers: layers as usize }))
    }

    /// The end must be reached when everything was read.
    pub(crate) fn close(self) -> Result<(), PackError> {
        if self.rest.is_empty() { Ok(()) } else { Err(PackError::Length { found: self.whole }) }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], PackError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(PackError::Length { found: self.whole })?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, PackError> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(crate) fn floats(&mut self, count: usize) -> Result<Vec<f32>, PackError> {
        let bytes = self.bytes(count.saturating_mul(4))?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    pub(crate) fn norm(&mut self) -> Result<Norm, PackError> {
        Ok(Norm { gain: self.floats(DIMENSIONS)?, bias: self.floats(DIMENSIONS)? })
    }

    /// A matrix of `outputs`, a multiple of [`LANES`], times `inputs`, a multiple of [`GROUP`].
    pub(crate) fn matrix(&mut self, outputs: usize, inputs: usize) -> Result<Matrix<'a>, PackError> {
        let bias = self.floats(outputs)?;
        let scales = self.floats(outputs * inputs / GROUP)?.as_chunks().0.to_vec();
        let panels = self.bytes(outputs * inputs)?.as_chunks::<LANES>().0;
        Ok(Matrix { inputs, scales, bias, panels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Encoder;

    #[test]
    fn refuses_a_file_that_is_not_whole() {
        let altered = |at: usize, byte: u8| {
            let mut file = PACKED.to_vec();
            file[at] = byte;
            file
        };
        let short = &PACKED[..PACKED.len() - 1];
        let mut recorded = short.to_vec();
        recorded[36..40].copy_from_slice(&crc32fast::hash(&short[40..]).to_le_bytes());
        let mut long = PACKED.to_vec();
        long.push(0);
        let crc = crc32fast::hash(&long[40..]).to_le_bytes();
        long[36..40].copy_from_slice(&crc);
        for (file, expected) in [
            (Vec::new(), "bytes do not hold"),
            (altered(0, b'X'), "expected `PLMINILM`"),
            (altered(8, 2), "expected `PLMINILM`"),
            (altered(16, 1), "`width` is 257, expected 384"),
            (altered(20_000_000, PACKED[20_000_000] ^ 1), "the file is damaged"),
            (short.to_vec(), "the file is damaged"),
            (recorded, "23307279 bytes do not hold"),
            (long, "23307281 bytes do not hold"),
        ] {
            let file: &'static [u8] = Box::leak(file.into_boxed_slice());
            let error = Encoder::open(file).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} / {expected}");
        }
    }
}

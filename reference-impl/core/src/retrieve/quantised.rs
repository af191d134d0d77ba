//! Vectors as int8 codes with one scale a row.

/// Greatest code; -128 is not used, so that codes are symmetric.
const GREATEST: f32 = 127.0;

/// A vector as codes: `value ≈ code * scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    /// One code a dimension, from -127 to 127.
    pub codes: Vec<i8>,
    /// What a code of one stands for; 0 for a vector of zeros.
    pub scale: f32,
}

impl Quantised {
    /// Quantises `vector`, whose values must be finite.
    pub fn of(vector: &[f32]) -> Self {
        let mut codes = Vec::with_capacity(vector.len());
        let scale = quantise(vector.iter().copied(), &mut codes);
        Self { codes, scale }
    }
}

/// Appends the codes of `vector` to `codes` and returns the scale. Uses no operation whose result depends on the host.
pub(crate) fn quantise(vector: impl Iterator<Item = f32> + Clone, codes: &mut Vec<i8>) -> f32 {
    let greatest = vector.clone().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    if greatest <= 0.0 {
        codes.extend(vector.map(|_| 0));
        return 0.0;
    }
    let scale = greatest / GREATEST;
    #[expect(clippy::cast_possible_truncation, reason = "bounded on the line itself")]
    codes.extend(vector.map(|value| (value / scale).round().clamp(-GREATEST, GREATEST) as i8));
    scale
}

/// Whether a vector can be compared with others: every value is a finite number, and so is its length.
pub(crate) fn is_finite(vector: &[f32]) -> bool {
    vector.iter().map(|value| value * value).sum::<f32>().is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_direction_and_length() {
        let quantised = Quantised::of(&[0.5, -1.0, 0.25, 0.0]);
        assert_eq!(quantised.codes, [64, -127, 32, 0]);
        assert!((quantised.scale - 1.0 / 127.0).abs() < 1e-9);
        assert_eq!(Quantised::of(&[0.0; 3]), Quantised { codes: vec![0; 3], scale: 0.0 });
        let tiny = Quantised::of(&[f32::MIN_POSITIVE / 8.0, 0.0]);
        assert!(tiny.codes[0] >= 0, "a scale that vanishes must not turn a value around");
    }

    #[test]
    fn knows_what_cannot_be_compared() {
        assert!(is_finite(&[0.0, 1.0, -3.0]) && is_finite(&[]));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            assert!(!is_finite(&[0.0, bad]));
        }
    }
}

//! The embedder without weights: `hashed-lexical-v1`. It compares spelling, not meaning, and says so.

use std::collections::HashMap;

use super::words::{is_stop_word, stem, words};
use crate::ports::{BoxFuture, EmbedPurpose, Embedded, Embedder, EmbedderKind, ModelError};
use crate::tenancy::TenantContext;

/// Length of the vectors.
const DIMENSIONS: usize = 512;
/// Share of a word's character n-grams beside the word itself: enough to bridge a typo or an ending, not enough to make
/// unrelated words alike.
const GRAM_WEIGHT: f32 = 0.6;
/// What a stop word weighs beside a content word, in place of an inverse document frequency that no corpus is there for.
const STOP_WORD_WEIGHT: f32 = 0.05;

/// Hashes stemmed words and their character trigrams into 512 signed dimensions, with a sublinear term frequency, and
/// scales to unit length.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashedEmbedder;

impl HashedEmbedder {
    /// Id of the model.
    pub const MODEL: &'static str = "hashed-lexical-v1";

    /// The vector of `text`: unit length, or zero where the text has no word.
    pub fn vector(text: &str) -> Vec<f32> {
        let mut weights: HashMap<String, f32> = HashMap::new();
        for word in words(text) {
            *weights.entry(word).or_default() += 1.0;
        }
        let mut features: Vec<(u64, f32)> = Vec::new();
        for (word, count) in weights {
            let damping = if is_stop_word(&word) { STOP_WORD_WEIGHT } else { 1.0 };
            let weight = damping * (1.0 + count.ln());
            features.push((hash(b'w', &stem(&word)), weight));
            if damping < 1.0 {
                continue;
            }
            let padded: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
            #[expect(clippy::cast_precision_loss, reason = "words have far fewer than 2^23 letters")]
            let share = weight * GRAM_WEIGHT / (padded.len() as f32).sqrt();
            features.extend(padded.windows(3).map(|gram| (hash(b'g', &gram.iter().collect::<String>()), share)));
        }
        // Sums of floats depend on their order, and a map has none: sorted, the same text always gives the same bits.
        features.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let mut vector = vec![0.0_f32; DIMENSIONS];
        for (hash, weight) in features {
            let slot = usize::try_from(hash % DIMENSIONS as u64).unwrap_or(0);
            vector[slot] += if hash >> 63 == 0 { weight } else { -weight };
        }
        normalise(&mut vector);
        vector
    }
}

/// Scales to unit length; a zero vector stays.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

/// FNV-1a, 64 bits, with a final mix: stable over hosts and versions, which the index needs.
fn hash(kind: u8, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in std::iter::once(kind).chain(text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

impl Embedder for HashedEmbedder {
    fn model(&self) -> &str {
        Self::MODEL
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn kind(&self) -> EmbedderKind {
        EmbedderKind::Lexical
    }

    fn embed<'a>(
        &'a self,
        _tenant: &'a TenantContext,
        texts: &'a [String],
        _purpose: EmbedPurpose,
    ) -> BoxFuture<'a, Result<Embedded, ModelError>> {
        Box::pin(async move { Ok(texts.iter().map(|text| Self::vector(text)).collect::<Vec<_>>().into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(one: &str, other: &str) -> f32 {
        HashedEmbedder::vector(one).iter().zip(HashedEmbedder::vector(other)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn gives_the_same_bits_every_time() {
        let text = "The battery of the cargo bike is charged in four hours; charge the battery indoors.";
        assert_eq!(HashedEmbedder::vector(text), HashedEmbedder::vector(text));
        assert_eq!(HashedEmbedder::vector("?!"), vec![0.0; DIMENSIONS]);
        assert!((cosine(text, text) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn ranks_shared_words_above_shared_letters_above_nothing() {
        let query = "how is the battery charged";
        let cases = [("charging batteries", 0.5), ("battrey chargd", 0.08), ("invoices are due monthly", -1.0)];
        let scores: Vec<f32> = cases.iter().map(|(text, _)| cosine(query, text)).collect();
        assert!(scores[0] > scores[1] && scores[1] > scores[2], "{scores:?}");
        assert!(cases.iter().zip(&scores).all(|((_, least), score)| score > least), "{scores:?}");
        assert!(scores[2].abs() < 0.15, "{scores:?}");
    }
}

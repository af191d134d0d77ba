//! The neural model's word pieces as the platform's tokens: a chunk's size is then what the model really reads. The Worker counts by
//! them too, without the model, so that both hosts cut a document alike.

use std::ops::Range;
use std::sync::Arc;

use minilm::WordPiece;
use reference_core::ingest::Tokenizer;

/// A word that is longer, in characters, is one unknown piece to the model; it must still have places to be cut.
const LONGEST_WORD: usize = 100;
/// Characters of such a word that count as a token.
const CHARACTERS_PER_TOKEN: usize = 12;

/// Counts the word pieces of `all-minilm-l6-v2-int8`, without the two marks that the model puts around a text.
#[derive(Debug, Clone)]
pub struct WordPieceTokenizer(Arc<WordPiece>);

impl WordPieceTokenizer {
    /// The name that `/capabilities` reports.
    pub const NAME: &'static str = "minilm-wordpiece";

    /// Over the model's word pieces, which need none of its weights.
    pub fn new(pieces: Arc<WordPiece>) -> Self {
        Self(pieces)
    }

    /// Gives each token's bytes; tokens of one character, such as the letters of a Korean syllable, have the same start.
    fn each(&self, text: &str, mut take: impl FnMut(Range<usize>)) {
        for piece in self.0.pieces(text) {
            let word = &text[piece.span.clone()];
            if word.len() <= LONGEST_WORD || word.chars().count() <= LONGEST_WORD {
                take(piece.span);
                continue;
            }
            let starts = word.char_indices().step_by(CHARACTERS_PER_TOKEN).map(|(offset, _)| piece.span.start + offset);
            let ends = starts.clone().skip(1).chain([piece.span.end]);
            starts.zip(ends).for_each(|(start, end)| take(start..end));
        }
    }
}

impl Tokenizer for WordPieceTokenizer {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        self.each(text, |span| {
            // Nothing can be cut inside a character, so its tokens are one place.
            if spans.last().is_none_or(|last| last.end <= span.start) {
                spans.push(span);
            }
        });
        spans
    }

    /// More than there are spans where a character is several tokens.
    fn count(&self, text: &str) -> usize {
        let mut count = 0;
        self.each(text, |_| count += 1);
        count
    }
}

#[cfg(test)]
mod tests {
    use reference_core::ingest::ContentType;
    use reference_core::ingest::chunk::chunk;
    use reference_core::ingest::convert::convert;
    use reference_core::tenancy::{ChunkSettings, ChunkStrategy};

    use super::*;

    fn tokenizer() -> WordPieceTokenizer {
        WordPieceTokenizer::new(Arc::new(WordPiece::new()))
    }

    #[test]
    fn counts_what_the_model_reads() {
        let tokenizer = tokenizer();
        for (text, spans, count) in [
            ("", vec![], 0),
            (" \n ", vec![], 0),
            ("Don't retokenize!", vec!["Don", "'", "t", "re", "tok", "eni", "ze", "!"], 8),
            ("水质", vec!["水", "质"], 2),
            ("한국", vec!["한", "국"], 6),
        ] {
            let found: Vec<&str> = tokenizer.spans(text).into_iter().map(|span| &text[span]).collect();
            assert_eq!((found, tokenizer.count(text)), (spans, count), "{text}");
        }
        let word = "é".repeat(250);
        let spans = tokenizer.spans(&word);
        assert_eq!((spans.len(), tokenizer.count(&word)), (21, 21));
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start) && spans[20].end == word.len());
    }

    #[test]
    fn cuts_any_text_into_chunks_of_the_asked_size() {
        let tokenizer = tokenizer();
        let texts = [
            "The survey of the seven wells is repeated after each storm. ".repeat(60),
            "한국어 텍스트는 음절마다 여러 조각이 된다. ".repeat(60),
            "x".repeat(5000),
            format!("{} end", "naïveté-".repeat(400)),
            "supercalifragilisticexpialidocious".repeat(3) + " and so on",
            "水质分析报告。".repeat(200),
            "👩‍👩‍👧🔋".repeat(300),
        ];
        for text in texts {
            for (size_tokens, overlap_tokens) in [(16, 4), (64, 16), (200, 0)] {
                let extracted = convert(ContentType::Plain, &text).unwrap();
                let settings = ChunkSettings { size_tokens, overlap_tokens, strategy: ChunkStrategy::Structure };
                let chunks = chunk("d", &extracted, settings, &tokenizer);
                let mut covered = 0;
                for chunk in &chunks {
                    assert!(chunk.tokens <= size_tokens as usize, "{} {size_tokens} {:?}", chunk.tokens, chunk.text);
                    assert!(!chunk.text.is_empty() && chunk.span.start <= covered && chunk.span.end > covered);
                    covered = chunk.span.end;
                }
                assert_eq!(covered, extracted.text.len());
            }
        }
    }
}

//! Counts tokens, the unit of chunk sizes and usage figures.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Splits text into tokens. Counting must not grow when a text is cut at the start of a token.
pub trait Tokenizer: Send + Sync {
    /// The name that `/capabilities` reports.
    fn name(&self) -> &'static str;

    /// The tokens of `text` as UTF-8 byte ranges, in order, without overlap; white space belongs to none.
    fn spans(&self, text: &str) -> Vec<Range<usize>>;

    /// The number of tokens of `text`.
    fn count(&self, text: &str) -> usize {
        self.spans(text).len()
    }
}

/// Longest piece of a word that is one token, in graphemes: most words are one, and a word without end still has
/// places to be cut.
const GRAPHEMES_PER_PIECE: usize = 12;

/// The default tokenizer `unicode-words-v1`: each word and each mark of punctuation (UAX 29) is a token, words longer than
/// twelve graphemes are cut into pieces of twelve.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnicodeWords;

impl Tokenizer for UnicodeWords {
    fn name(&self) -> &'static str {
        "unicode-words-v1"
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for (start, word) in text.split_word_bound_indices() {
            if word.chars().all(char::is_whitespace) {
                continue;
            }
            if word.len() <= GRAPHEMES_PER_PIECE {
                spans.push(start..start + word.len());
                continue;
            }
            let mut piece = start;
            for (count, (offset, _)) in word.grapheme_indices(true).enumerate() {
                if count > 0 && count % GRAPHEMES_PER_PIECE == 0 {
                    spans.push(piece..start + offset);
                    piece = start + offset;
                }
            }
            spans.push(piece..start + word.len());
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let spans = UnicodeWords.spans(text);
        assert_eq!(spans.iter().map(|span| &text[span.clone()]).collect::<Vec<_>>(), expected);
        assert_eq!(UnicodeWords.count(text), expected.len());
    }

    #[test]
    fn counts_words_and_punctuation() {
        check("", &[]);
        check(" \n\t ", &[]);
        check("Don't stop, 3.14!", &["Don't", "stop", ",", "3.14", "!"]);
        check("水质分析", &["水", "质", "分", "析"]);
        check("a👩‍👩‍👧b", &["a", "👩‍👩‍👧", "b"]);
    }

    #[test]
    fn cuts_long_words_into_pieces() {
        check("abcdefghijklmnopqrstuvwxyz", &["abcdefghijkl", "mnopqrstuvwx", "yz"]);
    }
}

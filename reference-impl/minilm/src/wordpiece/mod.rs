//! Word pieces of uncased BERT: text to the ids that the encoder reads, each with the bytes that it stands for.

mod normalise;

use std::collections::HashMap;
use std::ops::Range;

use normalise::{Letter, Normalised};

/// One word piece a line; the line's number is the id.
const VOCABULARY: &str = include_str!("../../models/all-minilm-l6-v2/vocab.txt");
/// What stands before a piece that goes on a word.
const GOES_ON: &str = "##";
/// Ids of the marks: a word that is unknown, the beginning and the end of a text.
const UNKNOWN: u32 = 100;
const BEGIN: u32 = 101;
const END: u32 = 102;
/// Longest word, in characters after normalisation, that is looked up piece by piece; a longer one is unknown as a whole.
const LONGEST_WORD: usize = 100;

/// A word piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its id in the vocabulary.
    pub id: u32,
    /// The bytes of the text that it stands for. Pieces of one character, such as the letters of a Korean syllable, have the
    /// same bytes; otherwise pieces follow each other without overlap.
    pub span: Range<usize>,
}

/// The tokenizer of uncased BERT, with its vocabulary.
///
/// Marks such as `[CLS]` that stand in a text are text.
#[derive(Debug)]
pub struct WordPiece {
    starts: HashMap<&'static str, u32>,
    continuations: HashMap<&'static str, u32>,
    /// Bytes of the longest entry, which bounds the search for a piece.
    longest: usize,
}

impl Default for WordPiece {
    fn default() -> Self {
        Self::new()
    }
}

impl WordPiece {
    /// The tokenizer with its compiled-in vocabulary.
    pub fn new() -> Self {
        let (mut starts, mut continuations) = (HashMap::new(), HashMap::new());
        for (entry, id) in VOCABULARY.lines().zip(0..) {
            match entry.strip_prefix(GOES_ON) {
                Some(rest) if !rest.is_empty() => continuations.insert(rest, id),
                Some(_) | None => starts.insert(entry, id),
            };
        }
        let longest = starts.keys().chain(continuations.keys()).map(|entry| entry.len()).max().unwrap_or(1);
        Self { starts, continuations, longest }
    }

    /// Number of entries of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.starts.len() + self.continuations.len()
    }

    /// The pieces of a text, without the marks around it.
    pub fn pieces(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(text.len() / 4);
        self.each(text, |piece| {
            pieces.push(piece);
            true
        });
        pieces
    }

    /// The ids of a text between its two marks, at most `most` with them.
    pub fn ids(&self, text: &str, most: usize) -> Vec<u32> {
        let mut ids = vec![BEGIN];
        self.each(text, |piece| {
            let more = ids.len() + 1 < most;
            if more {
                ids.push(piece.id);
            }
            more
        });
        ids.push(END);
        ids
    }

    /// Gives the pieces one after the other, for as long as `take` says that it takes more.
    fn each(&self, text: &str, mut take: impl FnMut(Piece) -> bool) {
        let mut word = Word::default();
        for letter in Normalised::new(text) {
            let more = match letter {
                Letter::Of { text, span } => {
                    word.push(text, span);
                    true
                }
                Letter::Alone { text, span } => {
                    let before = self.word(&mut word, &mut take);
                    word.push(text, span);
                    before && self.word(&mut word, &mut take)
                }
                Letter::Space => self.word(&mut word, &mut take),
            };
            if !more {
                return;
            }
        }
        self.word(&mut word, &mut take);
    }

    /// Cuts a word into the longest pieces, from the front, and leaves it empty.
    fn word(&self, word: &mut Word, take: &mut impl FnMut(Piece) -> bool) -> bool {
        let more = self.cut(word, take);
        word.clear();
        more
    }

    fn cut(&self, word: &mut Word, take: &mut impl FnMut(Piece) -> bool) -> bool {
        let (Some(first), Some(last)) = (word.spans.first(), word.spans.last()) else { return true };
        let whole = first.start..last.end;
        if word.spans.len() > LONGEST_WORD {
            return take(Piece { id: UNKNOWN, span: whole });
        }
        let mut found = std::mem::take(&mut word.found);
        found.clear();
        let mut start = 0;
        while start < word.spans.len() {
            let entries = if start == 0 { &self.starts } else { &self.continuations };
            let from = word.ends(start);
            let longest = (start + 1..=word.spans.len()).rev().find_map(|end| {
                let piece = &word.text[from..word.ends(end)];
                let id = if piece.len() > self.longest { None } else { entries.get(piece) };
                id.map(|id| (end, *id))
            });
            let Some((end, id)) = longest else {
                word.found = found;
                return take(Piece { id: UNKNOWN, span: whole });
            };
            found.push(Piece { id, span: word.spans[start].start..word.spans[end - 1].end });
            start = end;
        }
        let more = found.drain(..).all(take);
        word.found = found;
        more
    }
}

/// A word while it is read; its parts are kept from word to word.
#[derive(Debug, Default)]
struct Word {
    text: String,
    /// For each character the bytes that it came from.
    spans: Vec<Range<usize>>,
    /// For each character the end of it in `text`.
    ends: Vec<usize>,
    found: Vec<Piece>,
}

impl Word {
    fn push(&mut self, letter: char, span: Range<usize>) {
        // A word that is unknown as a whole has no need of its letters, only of its end.
        if self.spans.len() > LONGEST_WORD {
            if let Some(last) = self.spans.last_mut() {
                *last = span;
            }
            return;
        }
        self.text.push(letter);
        self.spans.push(span);
        self.ends.push(self.text.len());
    }

    /// The byte of `text` before which `count` characters lie.
    fn ends(&self, count: usize) -> usize {
        if count == 0 { 0 } else { self.ends[count - 1] }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_the_most_that_it_is_asked_for() {
        let pieces = WordPiece::new();
        let text = "one two three four five";
        assert_eq!(pieces.ids(text, 256).len(), 7);
        for most in 2..7 {
            let ids = pieces.ids(text, most);
            assert_eq!((ids.len(), ids[0], ids[most - 1]), (most, 101, 102));
        }
        assert_eq!(pieces.ids("", 256), [101, 102]);
    }

    #[test]
    fn knows_every_entry_of_its_vocabulary() {
        let pieces = WordPiece::new();
        assert_eq!(pieces.vocabulary(), 30_522);
        for (mark, id) in [("[UNK]", UNKNOWN), ("[CLS]", BEGIN), ("[SEP]", END)] {
            assert_eq!(pieces.starts.get(mark), Some(&id));
        }
    }
}

//! What uncased BERT makes of characters before it looks for word pieces: control characters go, accents and case go,
//! white space parts words, punctuation and Chinese characters stand alone.

use std::collections::VecDeque;
use std::ops::Range;
use std::str::CharIndices;

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::char::decompose_canonical;

/// A character after normalisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Letter {
    /// Part of a word.
    Of {
        /// The character.
        text: char,
        /// Bytes of the original that it came from.
        span: Range<usize>,
    },
    /// A word of its own.
    Alone {
        /// The character.
        text: char,
        /// Bytes of the original that it came from.
        span: Range<usize>,
    },
    /// The end of a word.
    Space,
}

/// The normalised characters of a text.
pub(super) struct Normalised<'a> {
    text: CharIndices<'a>,
    ready: VecDeque<Letter>,
}

impl<'a> Normalised<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.char_indices(), ready: VecDeque::new() }
    }

    fn read(&mut self, at: usize, original: char) {
        if is_dropped(original) {
            return;
        }
        if original.is_whitespace() {
            self.ready.push_back(Letter::Space);
            return;
        }
        let span = at..at + original.len_utf8();
        // Before accents go, as the reference has it: a compatibility ideograph counts as Chinese by what was written.
        let chinese = is_chinese(original);
        let ready = &mut self.ready;
        // Each character by itself: the order of marks, which decomposing a whole text would mend, is gone with the marks.
        decompose_canonical(original, |part| {
            if get_general_category(part) == GeneralCategory::NonspacingMark {
                return;
            }
            for text in part.to_lowercase() {
                let span = span.clone();
                let alone = chinese || is_punctuation(text);
                ready.push_back(if alone { Letter::Alone { text, span } } else { Letter::Of { text, span } });
            }
        });
    }
}

impl Iterator for Normalised<'_> {
    type Item = Letter;

    fn next(&mut self) -> Option<Letter> {
        loop {
            if let Some(letter) = self.ready.pop_front() {
                return Some(letter);
            }
            let (at, original) = self.text.next()?;
            // Nearly all text: nothing of what `read` looks for can be true of it.
            if original.is_ascii_alphanumeric() {
                return Some(Letter::Of { text: original.to_ascii_lowercase(), span: at..at + 1 });
            }
            if original == ' ' {
                return Some(Letter::Space);
            }
            self.read(at, original);
        }
    }
}

fn is_dropped(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{fffd}' => true,
        _ => matches!(
            get_general_category(character),
            GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
        ),
    }
}

fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation();
    }
    matches!(
        get_general_category(character),
        GeneralCategory::ConnectorPunctuation
            | GeneralCategory::DashPunctuation
            | GeneralCategory::OpenPunctuation
            | GeneralCategory::ClosePunctuation
            | GeneralCategory::InitialPunctuation
            | GeneralCategory::FinalPunctuation
            | GeneralCategory::OtherPunctuation
    )
}

/// The blocks of ideographs that BERT knows; kana and hangul are written with spaces or as words and not among them. The
/// fourth begins later than the block does, as in the reference implementation.
fn is_chinese(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

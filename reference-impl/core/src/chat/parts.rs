//! Cuts what a model writes into parts that can be judged: sentences, each with the markers after it.

use crate::answer::sentences;

/// A text this long without the end of a sentence is cut between words, in bytes.
const MOST_BYTES: usize = 2_000;

/// Text that is not yet a whole sentence.
#[derive(Debug, Default)]
pub(super) struct Parts {
    open: String,
}

impl Parts {
    /// Takes more text; gives the sentences that are over, white space and all.
    pub(super) fn push(&mut self, text: &str) -> Vec<String> {
        self.open.push_str(text);
        let mut parts = Vec::new();
        // A sentence is over once another has begun.
        while let Some(end) = first_end(&self.open) {
            parts.push(self.open.drain(..end).collect());
        }
        parts
    }

    /// What is left at the end.
    pub(super) fn rest(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.open)).filter(|text| !text.is_empty())
    }
}

/// Where the first sentence of `text` ends and another begins.
fn first_end(text: &str) -> Option<usize> {
    let found = sentences(text);
    if let [first, _, ..] = &found[..] {
        let mut end = first.end;
        let mut last = found.get(1).map_or(text.len(), |next| next.start);
        // Markers belong to the sentence before them.
        while let Some(after) = marker_end(&text[end..]) {
            end += after;
            last = end + text[end..].len() - text[end..].trim_start().len();
        }
        // What may be the beginning of a marker is waited for.
        return (last < text.len() && !may_be_marker(&text[last..])).then_some(last);
    }
    if text.len() <= MOST_BYTES {
        return None;
    }
    let (at, space) = text.char_indices().rev().find(|(at, it)| *at > 0 && it.is_whitespace())?;
    Some(at + space.len_utf8())
}

/// Where ` [1]` or `[2, 3]` ends at the beginning of `text`.
fn marker_end(text: &str) -> Option<usize> {
    let inner = text.trim_start().strip_prefix('[')?;
    let (numbers, _) = inner.split_once(']')?;
    let shaped = !numbers.is_empty() && numbers.chars().all(|it| it.is_ascii_digit() || matches!(it, ',' | ' ' | '^'));
    shaped.then(|| text.len() - text.trim_start().len() + 1 + numbers.len() + 1)
}

/// Whether `text` may go on to a marker that it does not hold yet.
fn may_be_marker(text: &str) -> bool {
    text.strip_prefix('[')
        .is_some_and(|inner| inner.chars().all(|it| it.is_ascii_digit() || matches!(it, ',' | ' ' | '^')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loses_nothing_and_keeps_markers_with_their_sentences() {
        let text = "The lever lasts 7 years. [1] The gate is painted [2]. See e.g. the shed. [1, 3] It is blue.\n\nBye";
        for size in [1, 3, 7, 200] {
            let mut parts = Parts::default();
            let mut found: Vec<String> = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                found.extend(parts.push(std::str::from_utf8(piece).unwrap()));
            }
            found.extend(parts.rest());
            assert_eq!(found.concat(), text);
            assert_eq!(found[0], "The lever lasts 7 years. [1] ", "{size}");
            assert!(found.iter().any(|it| it.trim_end() == "See e.g. the shed. [1, 3]"), "{found:?}");
        }
    }

    #[test]
    fn cuts_what_never_ends() {
        let mut parts = Parts::default();
        let text = "word ".repeat(1000);
        let found = parts.push(&text);
        assert!(!found.is_empty());
        assert_eq!(found.concat() + &parts.rest().unwrap_or_default(), text);
    }
}

//! A text in pieces that are spoken one after the other.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The text in pieces of at most `most` characters, in order, together the whole text without the white space between them. The
/// first piece is one sentence, so that there is something to hear soon; each further one is as many whole sentences as fit. A
/// sentence that is too long is cut between words, and a word that is too long between its characters as people count them.
pub fn pieces(text: &str, most: usize) -> Vec<&str> {
    let most = most.max(1);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (start, sentence) in text.split_sentence_bound_indices() {
        let whole = start..start + sentence.len();
        let joins = ranges.len() > 1
            && ranges.last().is_some_and(|last| chars(text.get(last.start..whole.end).unwrap_or_default()) <= most);
        match ranges.last_mut() {
            Some(last) if joins => last.end = whole.end,
            Some(_) | None if chars(sentence) <= most => ranges.push(whole),
            Some(_) | None => ranges.extend(cut(text, whole, most)),
        }
    }
    ranges.into_iter().filter_map(|range| text.get(range)).map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

fn chars(text: &str) -> usize {
    text.trim_end().chars().count()
}

/// A sentence that is too long, in parts.
fn cut(text: &str, sentence: Range<usize>, most: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut end, mut held) = (sentence.start, sentence.start, 0);
    // Where the last white space of the part ends, and the characters up to there.
    let mut space: Option<(usize, usize)> = None;
    for (at, grapheme) in text.get(sentence.clone()).unwrap_or_default().grapheme_indices(true) {
        let (at, length) = (sentence.start + at, grapheme.chars().count());
        if held + length > most && held > 0 {
            let (stop, before) = space.take().unwrap_or((at, held));
            parts.push(start..stop);
            start = stop;
            held -= before;
        }
        held += length;
        end = at + grapheme.len();
        if grapheme.chars().all(char::is_whitespace) {
            space = Some((end, held));
        }
    }
    parts.push(start..end);
    parts
}

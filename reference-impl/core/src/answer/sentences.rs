//! Sentences of a passage, as places in it.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A line this long without a final mark was wrapped, so the next line goes on with its sentence.
const WRAPPED_CHARS: usize = 50;

/// Lines `key: value` read as one sentence up to this length: a key without the rest of its record says little.
const MAX_RECORD_BYTES: usize = 240;

/// Words before a full stop that end no sentence.
const ABBREVIATIONS: [&str; 14] =
    ["e.g.", "i.e.", "dr.", "mr.", "mrs.", "ms.", "no.", "approx.", "vs.", "etc.", "st.", "fig.", "min.", "max."];

/// The sentences of `text` as UTF-8 byte ranges without white space around them, in order. Blank lines and list items
/// part sentences whatever their marks.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for paragraph in paragraphs(text) {
        let mut pending: Option<Range<usize>> = None;
        // A line's end parts sentences by Unicode's rules; here it is white space like any other.
        let smooth = text[paragraph.clone()].replace(['\n', '\r'], " ");
        for (offset, sentence) in smooth.split_sentence_bound_indices() {
            let start = pending.take().map_or(paragraph.start + offset, |range| range.start);
            let end = paragraph.start + offset + sentence.len();
            if ends_in_abbreviation(&text[start..end]) && end < paragraph.end {
                pending = Some(start..end);
            } else {
                push(&mut found, text, start..end);
            }
        }
        if let Some(range) = pending {
            push(&mut found, text, range);
        }
    }
    found
}

fn push(found: &mut Vec<Range<usize>>, text: &str, range: Range<usize>) {
    let body = &text[range.clone()];
    let start = range.start + body.len() - body.trim_start().len();
    let end = start + body.trim().len();
    if end > start {
        found.push(start..end);
    }
}

fn ends_in_abbreviation(text: &str) -> bool {
    let last = text.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    ABBREVIATIONS.contains(&last.trim_start_matches(['(', '[']))
}

/// Runs of lines that read on.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    let mut wrapped = false;
    let mut record = false;
    for line in text.split_inclusive('\n') {
        let body = line.trim();
        let entry = is_entry(body);
        let same_record = record && entry && offset - start < MAX_RECORD_BYTES;
        let goes_on = same_record || (wrapped && !body.is_empty() && !body.starts_with(['-', '*', '|', '#', '•']));
        if !goes_on && offset > start {
            found.push(start..offset);
            start = offset;
        }
        record = entry;
        wrapped = !entry && body.chars().count() >= WRAPPED_CHARS && !body.ends_with(['.', '!', '?', ':', ';']);
        offset += line.len();
    }
    if start < text.len() {
        found.push(start..text.len());
    }
    found
}

/// Whether a line is `key: value`, as records are written.
fn is_entry(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|character| character.is_alphanumeric() || character == '_')
    }) && !line.ends_with('.')
}

/// One space for every run of white space.
pub fn flatten(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sentences_lines_and_items() {
        let cases: [(&str, &[&str]); 6] = [
            ("One is. Two are! Three?", &["One is.", "Two are!", "Three?"]),
            ("Head\n\nBody here.\n\none\ntwo", &["Head", "Body here.", "one", "two"]),
            ("Use a charger, e.g. the small one. Then stop.", &["Use a charger, e.g. the small one.", "Then stop."]),
            ("It costs 3.5 EUR at www.x.example today.", &["It costs 3.5 EUR at www.x.example today."]),
            ("  \n ", &[]),
            (
                "A long line that was wrapped by an editor somewhere here\ngoes on. End.",
                &["A long line that was wrapped by an editor somewhere here\ngoes on.", "End."],
            ),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected);
        }
    }
}

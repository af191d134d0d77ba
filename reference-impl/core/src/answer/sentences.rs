//! Sentences of a passage, as places in it.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A line this long without a final mark was wrapped, so the next line goes on with its sentence.
const WRAPPED_CHARS: usize = 50;

/// Lines `key: value` read as one sentence up to this length: a key without the rest of its record says little.
const MAX_RECORD_BYTES: usize = 240;

/// Words before a full stop that end no sentence.
const ABBREVIATIONS: [&str; 40] = [
    "e.g.", "i.e.", "dr.", "mr.", "mrs.", "ms.", "approx.", "vs.", "st.", "fig.", "min.", "max.", "prof.", "gen.",
    "col.", "lt.", "capt.", "sgt.", "rev.", "hon.", "gov.", "sen.", "rep.", "c.", "ca.", "cf.", "vol.", "pp.", "art.",
    "ed.", "jan.", "feb.", "aug.", "sept.", "oct.", "nov.", "dec.", "jr.", "sr.", "viz.",
];

/// Abbreviations that also end sentences: a small letter or a digit must follow for the sentence to go on.
const ENDINGS: [&str; 6] = ["etc.", "no.", "inc.", "ltd.", "co.", "u.s."];

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
            if goes_on(&text[start..end], &text[end..paragraph.end]) {
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

/// Whether the full stop at the end of `text` ends no sentence, for it belongs to an abbreviation or an initial.
fn goes_on(text: &str, rest: &str) -> bool {
    // The mark of a query in an address, such as `p?q=1`.
    if text.ends_with(['?', '!']) && rest.starts_with(|it: char| it.is_ascii_alphanumeric()) {
        return true;
    }
    let Some(next) = rest.trim_start().chars().next() else { return false };
    let word = text.split_whitespace().next_back().unwrap_or_default().trim_start_matches(['(', '[', '"', '“']);
    let lower = word.to_lowercase();
    let mut letters = word.trim_end_matches('.').chars();
    let single = letters.next().filter(|_| letters.next().is_none());
    // `Nicholas E. Golovin`, not `plan B.` at the end of a line and not `I.`
    let before = text.trim_end().trim_end_matches(word).trim_end();
    let name = before.rsplit(' ').next().is_some_and(|it| it.starts_with(char::is_uppercase) || it.ends_with('.'));
    let initial = word.ends_with('.')
        && single.is_some_and(|it| it.is_uppercase() && it != 'I')
        && next.is_uppercase()
        && (name || before.is_empty());
    let ending = ENDINGS.contains(&lower.as_str()) && (next.is_lowercase() || next.is_ascii_digit());
    initial || ending || ABBREVIATIONS.contains(&lower.as_str())
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
        let cases: [(&str, &[&str]); 10] = [
            ("One is. Two are! Three?", &["One is.", "Two are!", "Three?"]),
            ("Head\n\nBody here.\n\none\ntwo", &["Head", "Body here.", "one", "two"]),
            ("Use a charger, e.g. the small one. Then stop.", &["Use a charger, e.g. the small one.", "Then stop."]),
            ("It costs 3.5 EUR at www.x.example today.", &["It costs 3.5 EUR at www.x.example today."]),
            ("See https://a.example/p?q=1 and go. Now? Yes.", &["See https://a.example/p?q=1 and go.", "Now?", "Yes."]),
            ("  \n ", &[]),
            ("Nicholas E. Golovin led it. He left.", &["Nicholas E. Golovin led it.", "He left."]),
            (
                "It was built c. 1912 by Dr. J. R. Smith. See no. 7, tea etc. Then go.",
                &["It was built c. 1912 by Dr. J. R. Smith.", "See no. 7, tea etc.", "Then go."],
            ),
            ("It is no. Then go.", &["It is no.", "Then go."]),
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

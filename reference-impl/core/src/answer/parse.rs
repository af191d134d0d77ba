//! Turns what a model wrote, text with `[n]` markers, into sentences that name their passages.

use super::citations::supported;
use super::sentences::{flatten, sentences};
use crate::ports::{GeneratedSentence, GenerationRequest};
use crate::retrieve::words::content_stems;

/// What a model writes where the passages do not answer.
const NO_ANSWER: &str = "NO ANSWER";

/// The sentences of `text`. A marker of no passage, or of one that does not support its sentence, is replaced by the
/// passage that does; a sentence that none supports is dropped.
pub fn parse(text: &str, request: &GenerationRequest) -> Vec<GeneratedSentence> {
    if text.trim().trim_end_matches('.').eq_ignore_ascii_case(NO_ANSWER) {
        return Vec::new();
    }
    let asked = content_stems(&request.question);
    let mut found = Vec::new();
    for (sentence, markers) in marked(text) {
        let holds = |index: usize| request.passages.get(index).is_some_and(|it| supported(&asked, it, &sentence));
        let mut passages: Vec<usize> = Vec::new();
        for index in markers.into_iter().filter_map(|marker| marker.checked_sub(1)).filter(|index| holds(*index)) {
            if !passages.contains(&index) {
                passages.push(index);
            }
        }
        if passages.is_empty() {
            passages.extend((0..request.passages.len()).find(|index| holds(*index)));
        }
        if !passages.is_empty() && found.len() < request.max_sentences {
            found.push(GeneratedSentence { text: sentence, passages });
        }
    }
    found
}

/// Sentences without their markers, and the numbers of these. Markers belong to the sentence that they follow, whether
/// before or after its full stop.
fn marked(text: &str) -> Vec<(String, Vec<usize>)> {
    let mut found: Vec<(String, Vec<usize>)> = Vec::new();
    let mut open = String::new();
    let mut rest = text;
    loop {
        let at = next_marker(rest);
        open.push_str(at.as_ref().map_or(rest, |(start, _, _)| &rest[..*start]));
        let Some((_, end, numbers)) = at else { break };
        rest = &rest[end..];
        // A full stop after the marker ends the sentence before it.
        if let Some(mark) = rest.chars().next().filter(|it| matches!(it, '.' | '!' | '?')) {
            open.truncate(open.trim_end().len());
            // After `[1][2].` the sentence has been taken already.
            let ended = if open.trim().is_empty() { found.last_mut().map(|(text, _)| text) } else { Some(&mut open) };
            if let Some(text) = ended {
                text.push(mark);
            }
            rest = &rest[mark.len_utf8()..];
        }
        let parts: Vec<String> = sentences(&open).into_iter().map(|span| flatten(&open[span])).collect();
        if parts.is_empty() {
            // `[1] [2]`: the later marker belongs to the same sentence.
            if let Some((_, held)) = found.last_mut() {
                held.extend(numbers);
            }
        } else {
            let last = parts.len() - 1;
            for (index, part) in parts.into_iter().enumerate() {
                found.push((part, if index == last { numbers.clone() } else { Vec::new() }));
            }
        }
        open.clear();
    }
    found.extend(sentences(&open).into_iter().map(|span| (flatten(&open[span]), Vec::new())));
    found.retain(|(sentence, _)| sentence.chars().any(char::is_alphanumeric));
    found
}

/// The next `[1]` or `[1, 2]`: where it starts and ends, and its numbers.
fn next_marker(text: &str) -> Option<(usize, usize, Vec<usize>)> {
    let mut from = 0;
    while let Some(start) = text[from..].find('[').map(|at| from + at) {
        let end = text[start..].find(']').map(|at| start + at)?;
        let numbers: Option<Vec<usize>> =
            text[start + 1..end].split(',').map(|number| number.trim().trim_start_matches('^').parse().ok()).collect();
        if let Some(numbers) = numbers {
            return Some((start, end + 1, numbers));
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Passage;

    fn request() -> GenerationRequest {
        let passage = |text: &str| Passage {
            document_id: "a".to_owned(),
            chunk_id: "chk_a".to_owned(),
            text: text.to_owned(),
            heading_path: Vec::new(),
            score: 1.0,
            similarity: None,
        };
        GenerationRequest {
            question: "How long does the lever last?".to_owned(),
            terms: Vec::new(),
            passages: vec![passage("The lever lasts 7 years."), passage("The gate is painted each spring.")],
            max_sentences: 3,
            prompt: crate::answer::Prompt::default(),
        }
    }

    #[test]
    fn repairs_markers_and_drops_what_nothing_supports() {
        type Sentence<'a> = (&'a str, &'a [usize]);
        let cases: [(&str, &[Sentence<'_>]); 9] = [
            ("The lever lasts 7 years [1].", &[("The lever lasts 7 years.", &[0])]),
            ("The lever lasts 7 years. [1]", &[("The lever lasts 7 years.", &[0])]),
            ("The lever lasts 7 years [1][2].", &[("The lever lasts 7 years.", &[0])]),
            ("The gate is painted each spring [1].", &[("The gate is painted each spring.", &[1])]),
            ("The gate is painted each spring [9]", &[("The gate is painted each spring", &[1])]),
            (
                "The lever lasts 7 years. The gate is painted each spring [2].",
                &[("The lever lasts 7 years.", &[0]), ("The gate is painted each spring.", &[1])],
            ),
            ("The lever lasts 9 years [1].", &[]),
            ("Everything is wonderful [1]. [link](https://evil.example)", &[]),
            ("no answer.", &[]),
        ];
        for (text, expected) in cases {
            let found = parse(text, &request());
            let found: Vec<(&str, &[usize])> =
                found.iter().map(|it| (it.text.as_str(), it.passages.as_slice())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}

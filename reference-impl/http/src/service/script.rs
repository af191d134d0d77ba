//! An answer as the steps of a stream.

use contract_types as wire;

use crate::{
    Problem,
    sse::{Content, Done, Step},
};

/// Most characters of one token, as the contract bounds them.
const TOKEN_CHARS: usize = 16_384;

/// The steps of a search: its text word by word, each citation as soon as the passage that it supports has been sent, and the
/// end.
pub(super) fn search(answer: Result<wire::SearchAnswer, Problem>) -> Vec<Result<Step, Problem>> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => return vec![Err(problem)],
    };
    let mut steps = Vec::new();
    let mut citations = answer.citations.iter().peekable();
    let mut sent = 0_u64;
    for piece in pieces(&answer.answer) {
        sent += piece.len() as u64;
        steps.push(Ok(Step::Content(Content::Token(piece.to_owned()))));
        while let Some(citation) = citations.next_if(|citation| citation.answer_span.end <= sent) {
            steps.push(Ok(Step::Content(Content::Citation(Box::new(citation.clone())))));
        }
    }
    steps.extend(citations.map(|citation| Ok(Step::Content(Content::Citation(Box::new(citation.clone()))))));
    steps.push(Ok(Step::End { usage: answer.usage.clone(), done: Done::Search(Box::new(answer)) }));
    steps
}

/// Words, each with the white space after it. A word that is longer than a token may be is cut between characters.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = None;
        for (count, (at, character)) in rest.char_indices().enumerate() {
            let next = at + character.len_utf8();
            let word_ends = character.is_whitespace() && !rest[next..].starts_with(char::is_whitespace);
            end = Some(next);
            if word_ends || count + 1 == TOKEN_CHARS {
                break;
            }
        }
        let (piece, after) = rest.split_at(end?);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(steps: &[Result<Step, Problem>]) -> Vec<String> {
        let name = |step: &Result<Step, Problem>| match step {
            Ok(Step::Content(Content::Token(text))) => text.clone(),
            Ok(Step::Content(Content::Citation(citation))) => format!("[{}]", citation.marker),
            Ok(Step::Content(Content::ToolCall(_) | Content::ToolResult(_))) => "tool".to_owned(),
            Ok(Step::End { .. }) => "end".to_owned(),
            Err(problem) => problem.code.to_string(),
        };
        steps.iter().map(name).collect()
    }

    /// The contract's own example of an answer, with other text and citations up to the given ends.
    fn answer(text: &str, ends: &[u64]) -> wire::SearchAnswer {
        let example = &contract_types::schemas()["components"]["schemas"]["SearchStreamDone"]["examples"][0]["answer"];
        let mut answer: wire::SearchAnswer = serde_json::from_value(example.clone()).unwrap();
        let citation = answer.citations[0].clone();
        text.clone_into(&mut answer.answer);
        answer.citations = ends
            .iter()
            .zip(1..)
            .map(|(end, marker)| {
                let mut citation = citation.clone();
                citation.marker = marker;
                citation.answer_span.end = *end;
                citation
            })
            .collect();
        answer
    }

    #[test]
    fn joined_pieces_are_the_text() {
        let long = "\u{1f6b2}".repeat(TOKEN_CHARS + 1);
        for text in ["", " ", "a", "Brakes are  checked.\n\nTwice a year. [1]", " lead", "caf\u{e9} \u{1f6b2} ", &long]
        {
            let found: Vec<&str> = pieces(text).collect();
            assert_eq!(found.concat(), text);
            assert!(found.iter().all(|piece| (1..=TOKEN_CHARS).contains(&piece.chars().count())), "{text:?}");
        }
        assert_eq!(pieces("a  b c").collect::<Vec<_>>(), ["a  ", "b ", "c"]);
    }

    #[test]
    fn cites_once_the_passage_is_sent_and_not_before() {
        let steps = search(Ok(answer("One two. [1] Three. [2]", &[8, 19])));
        assert_eq!(named(&steps), ["One ", "two. ", "[1]", "[1] ", "Three. ", "[2]", "[2]", "end"]);
        let past_the_end = search(Ok(answer("One.", &[99])));
        assert_eq!(named(&past_the_end), ["One.", "[1]", "end"], "a citation is never lost");
        assert_eq!(named(&search(Ok(answer("", &[])))), ["end"]);
    }

    #[test]
    fn a_failure_is_the_only_step() {
        let problem = Problem::new(wire::ErrorCode::UpstreamUnavailable, "gone");
        assert_eq!(named(&search(Err(problem))), ["UPSTREAM_UNAVAILABLE"]);
    }
}

//! What could be asked next: questions made from what was retrieved and not cited, kept where the passages answer them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::citations::cite;
use super::evidence::Evidence;
use super::extractive::Extractive;
use super::orders::{self, Matter};
use super::sentences::flatten;
use crate::ports::{GenerationRequest, QuestionTerm};
use crate::retrieve::words::content_stems;

/// Most follow-up questions.
const MAX_FOLLOW_UPS: usize = 3;
/// Most questions that are tried, and passages that they are tried on: each try costs as much as an answer from these.
const MAX_TRIES: usize = 5;
/// See [`MAX_TRIES`].
const PASSAGES: usize = 4;
/// Least probability that the passages answer a question that is offered.
const LEAST_PROBABILITY: f64 = 0.5;
/// Longest subject of a question, in words.
const MAX_SUBJECT_WORDS: usize = 6;

/// What a verb after a sentence's subject lets one ask; `{}` is the subject.
const PATTERNS: [(&str, &str); 18] = [
    ("costs", "How much does {} cost?"),
    ("cost", "How much do {} cost?"),
    ("takes", "How long does {} take?"),
    ("lasts", "How long does {} last?"),
    ("weighs", "How much does {} weigh?"),
    ("covers", "What does {} cover?"),
    ("cover", "What do {} cover?"),
    ("needs", "What does {} need?"),
    ("need", "What do {} need?"),
    ("holds", "What does {} hold?"),
    ("contains", "What does {} contain?"),
    ("must", "What must {} do?"),
    ("may", "What may {} do?"),
    ("can", "What can {} do?"),
    ("is", "What is {}?"),
    ("are", "What are {}?"),
    ("was", "What was {}?"),
    ("were", "What were {}?"),
];

/// Beginnings of sentences that speak of something named before.
const POINTERS: [&str; 26] = [
    "it", "its", "this", "that", "these", "those", "they", "their", "he", "she", "his", "her", "there", "who", "which",
    "what", "if", "when", "once", "here", "you", "your", "we", "our", "nobody", "nothing",
];

/// Questions that `request`'s passages answer, that were not asked, and whose answers are not in `answer` yet. `clean` gives the
/// part of a text that may be shown.
pub(super) fn follow_ups(
    request: &GenerationRequest,
    answer: &str,
    clean: &dyn Fn(&str) -> Range<usize>,
) -> Vec<String> {
    let mut asked: BTreeSet<Vec<String>> = BTreeSet::new();
    asked.insert(meaning(&request.question));
    let mut found = Vec::new();
    let mut tries = 0;
    for question in ideas(request, answer) {
        if found.len() == MAX_FOLLOW_UPS || tries == MAX_TRIES {
            break;
        }
        if clean(&question) != (0..question.len()) || !asked.insert(meaning(&question)) {
            continue;
        }
        tries += 1;
        if answerable(request, answer, &question) {
            found.push(question);
        }
    }
    found
}

/// Stems of a question in order of the alphabet: two questions of one meaning are asked once.
fn meaning(question: &str) -> Vec<String> {
    let mut stems = content_stems(question);
    stems.sort_unstable();
    stems.dedup();
    stems
}

/// Whether the passages answer `question`, with something that `answer` does not say.
fn answerable(request: &GenerationRequest, answer: &str, question: &str) -> bool {
    let mut terms: Vec<QuestionTerm> = Vec::new();
    for stem in content_stems(question) {
        if !terms.iter().any(|term| term.stem == stem) {
            terms.push(QuestionTerm { stem, alternatives: Vec::new(), weight: 1.0 });
        }
    }
    let passages = request.passages.iter().take(PASSAGES).cloned().collect();
    let asked = GenerationRequest {
        question: question.to_owned(),
        terms,
        passages,
        prompt: super::prompt::Prompt::default(),
        max_sentences: 1,
    };
    let sentences = Extractive::answer(&asked);
    if sentences.first().is_none_or(|first| answer.contains(&first.text)) {
        return false;
    }
    let cited = cite(&asked, &sentences, &|quote| 0..quote.len());
    Evidence::of(&asked, &cited.citations).is_some_and(|it| it.probability() >= LEAST_PROBABILITY)
}

/// Questions that sentences answer by their form, then questions about headings; those of the best passages first.
fn ideas(request: &GenerationRequest, answer: &str) -> Vec<String> {
    let asked = content_stems(&request.question);
    let mut found = Vec::new();
    let mut headings = Vec::new();
    for passage in request.passages.iter().take(PASSAGES) {
        let all = Matter::of(&asked, passage).places.into_iter().map(|span| flatten(&passage.text[span]));
        found.extend(all.filter(|it| !answer.contains(it)).filter_map(|it| about_sentence(&it)).take(2));
        if !passage.heading_path.iter().any(|heading| orders::is_order(heading)) {
            headings.extend(about_heading(&passage.heading_path));
        }
    }
    found.extend(headings);
    found
}

/// The question that a sentence such as `The charger takes 4 hours.` answers.
fn about_sentence(sentence: &str) -> Option<String> {
    let words: Vec<&str> = sentence.split(' ').collect();
    let plain = |word: &str| word.chars().all(|it| it.is_alphanumeric() || it == '-');
    let at = words.iter().position(|word| PATTERNS.iter().any(|(verb, _)| verb == word))?;
    let subject = &words[..at];
    let first = subject.first()?.to_lowercase();
    if at > MAX_SUBJECT_WORDS
        || words.len() < at + 3
        || !sentence.ends_with('.')
        || !sentence.starts_with(char::is_uppercase)
        || !subject.iter().all(|word| plain(word))
        || POINTERS.contains(&first.as_str())
    {
        return None;
    }
    let (_, pattern) = PATTERNS.iter().find(|(verb, _)| *verb == words[at])?;
    let article = ["the", "a", "an", "each", "every", "all", "any", "no"].contains(&first.as_str());
    let begin = if article { first.as_str() } else { subject[0] };
    let rest: Vec<&str> = std::iter::once(begin).chain(subject[1..].iter().copied()).collect();
    Some(pattern.replace("{}", &rest.join(" ")))
}

fn about_heading(path: &[String]) -> Option<String> {
    let plain = |heading: &str| heading.chars().all(|it| it.is_alphanumeric() || " -,'".contains(it));
    let (last, above) = path.split_last()?;
    if !path.iter().all(|it| plain(it)) {
        return None;
    }
    Some(match above.last() {
        Some(first) => format!("What does \"{first}\" say about \"{last}\"?"),
        None => format!("What does \"{last}\" say?"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Passage;

    fn request(question: &str) -> GenerationRequest {
        let terms = content_stems(question)
            .into_iter()
            .map(|stem| QuestionTerm { stem, alternatives: Vec::new(), weight: 1.0 })
            .collect();
        GenerationRequest {
            question: question.to_owned(),
            terms,
            passages: vec![Passage {
                document_id: "a".to_owned(),
                chunk_id: "chk_a".to_owned(),
                text:
                    "The warranty lasts 2 years from purchase. A full charge takes 4 hours in a warm room. It is safe. \
                       Claims go to https://evil.example/a at once."
                        .to_owned(),
                heading_path: vec!["Battery".to_owned()],
                score: 1.0,
                similarity: None,
            }],
            prompt: crate::answer::Prompt::default(),
            max_sentences: 1,
        }
    }

    #[test]
    fn asks_what_sentences_answer() {
        for (sentence, question) in [
            ("The charger takes 4 hours.", Some("How long does the charger take?")),
            ("Borealis L2 costs 5,900 euros.", Some("How much does Borealis L2 cost?")),
            ("It takes 4 hours.", None),
            ("See https://a.example is the place.", None),
            ("Never mind", None),
        ] {
            assert_eq!(about_sentence(sentence).as_deref(), question, "{sentence}");
        }
    }

    #[test]
    fn offers_only_what_the_passages_answer_and_nothing_twice() {
        let request = request("How long does the warranty last?");
        let cited = cite(&request, &Extractive::answer(&request), &|quote| 0..quote.len());
        assert!(cited.text.contains("2 years"), "{}", cited.text);
        let found = follow_ups(&request, &cited.text, &|text| 0..text.len());
        assert!(found.contains(&"How long does a full charge take?".to_owned()), "{found:?}");
        assert!(found.iter().all(|it| !it.contains("warranty last") && !it.contains("evil")), "{found:?}");
        assert!(follow_ups(&request, &cited.text, &|_| 0..0).is_empty());
    }
}

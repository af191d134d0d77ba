//! Checks what a generator wrote against the passages, and cites only what holds.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::clauses::{quotable, widened};
use super::coverage::{PassageWords, stems};
use super::orders::Matter;
use super::question::Question;
use super::sentences::flatten;
use crate::ports::{GeneratedSentence, GenerationRequest, Passage};
use crate::redact::redacted;
use crate::retrieve::words::{content_stems, is_stop_word, stem, words};
use crate::sabotage::{self, Sabotage};

/// A written sentence counts as supported by a sentence of a passage that holds at least this share of its content words
/// and every number in it.
const LEAST_SUPPORT: f64 = 0.6;

/// One citation.
#[derive(Clone, PartialEq)]
pub struct Citation {
    /// The number in the answer's marker, from 1.
    pub marker: u32,
    /// The document cited.
    pub document_id: String,
    /// The chunk cited.
    pub chunk_id: String,
    /// Words of the chunk, to the letter.
    pub quote: String,
    /// UTF-8 bytes of the chunk's text that the quote is.
    pub chunk_span: Range<usize>,
    /// UTF-8 bytes of the answer that the citation supports, without the marker.
    pub answer_span: Range<usize>,
    /// How well the quote supports the question, 0 to 1.
    pub confidence: f64,
}

redacted!(Citation { marker, document_id, chunk_id, chunk_span, answer_span, confidence } hides { quote });

/// An answer whose every sentence is cited.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CitedText {
    /// Sentences, each followed by its markers.
    pub text: String,
    /// In the order of their markers.
    pub citations: Vec<Citation>,
}

/// Puts sentences together. A sentence that no named passage supports is left out; `clean` gives the part of a quote that
/// may be shown.
pub(crate) fn cite(
    request: &GenerationRequest,
    sentences: &[GeneratedSentence],
    clean: &dyn Fn(&str) -> Range<usize>,
) -> CitedText {
    let mut cited = CitedText::default();
    let question = Question::of(&request.question);
    let asked = content_stems(&request.question);
    let matters: Vec<Matter> = request.passages.iter().map(|passage| Matter::of(&asked, passage)).collect();
    for sentence in sentences {
        let text = flatten(&sentence.text);
        let mut seen = HashSet::new();
        let quotes: Vec<(&Passage, Range<usize>)> = sentence
            .passages
            .iter()
            .filter(|index| seen.insert(**index))
            .filter_map(|index| Some((request.passages.get(*index)?, matters.get(*index)?)))
            .filter_map(|(passage, matter)| {
                let span = quote(&passage.text, &matter.places, &text, clean)?;
                Some((passage, in_context(request, &question, passage, matter, span, clean)))
            })
            .collect();
        if text.is_empty() || quotes.is_empty() {
            continue;
        }
        if !cited.text.is_empty() {
            cited.text.push(' ');
        }
        let start = cited.text.len();
        cited.text.push_str(&text);
        let answer_span = start..cited.text.len();
        for (passage, chunk_span) in quotes {
            let first = usize::from(!sabotage::on(Sabotage::MarkersCountFromZero));
            let marker = u32::try_from(cited.citations.len() + first).unwrap_or(u32::MAX);
            let confidence = PassageWords::of(passage)
                .coverage(&passage.text[chunk_span.clone()], &request.terms)
                .max(passage.similarity.unwrap_or(0.0))
                .clamp(0.0, 1.0);
            // Writing to a string cannot fail.
            let _ = write!(cited.text, " [{marker}]");
            cited.citations.push(Citation {
                marker,
                document_id: passage.document_id.clone(),
                chunk_id: passage.chunk_id.clone(),
                quote: if sabotage::on(Sabotage::QuoteAltered) {
                    passage.text[chunk_span.clone()].to_uppercase()
                } else {
                    passage.text[chunk_span.clone()].to_owned()
                },
                chunk_span: if sabotage::on(Sabotage::CitationSpanShifted) {
                    chunk_span.start + 1..chunk_span.end + 1
                } else {
                    chunk_span
                },
                answer_span: answer_span.clone(),
                confidence: (confidence * 1e4).round() / 1e4,
            });
        }
    }
    if sabotage::on(Sabotage::SentenceWithoutCitation) && !cited.citations.is_empty() {
        cited.text.push_str(" More is known than is written here.");
    }
    cited
}

/// The place of `passage` that says what `sentence` says: the sentence itself, or the one that supports it best.
fn quote(
    passage: &str,
    places: &[Range<usize>],
    sentence: &str,
    clean: &dyn Fn(&str) -> Range<usize>,
) -> Option<Range<usize>> {
    let exact = places
        .iter()
        .flat_map(|place| quotable(passage, place.clone()))
        .find(|place| flatten(&passage[place.clone()]) == sentence);
    let place = exact.or_else(|| {
        places
            .iter()
            .flat_map(|place| quotable(passage, place.clone()))
            .map(|place| (support(&passage[place.clone()], sentence), place))
            .filter(|(support, _)| *support >= LEAST_SUPPORT)
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, place)| place)
    })?;
    let part = clean(&passage[place.clone()]);
    let span = place.start + part.start..place.start + part.end;
    let body = &passage[span.clone()];
    let start = span.start + body.len() - body.trim_start().len();
    let end = start + body.trim().len();
    (end > start).then_some(start..end)
}

/// A quote with as much of what stands around it as a quote may hold, where all of it may be shown.
fn in_context(
    request: &GenerationRequest,
    question: &Question,
    passage: &Passage,
    matter: &Matter,
    span: Range<usize>,
    clean: &dyn Fn(&str) -> Range<usize>,
) -> Range<usize> {
    let value = |place: &Range<usize>| {
        let text = &passage.text[place.clone()];
        let held = stems(text);
        let shared: f64 = request.terms.iter().filter(|term| held.contains(&term.stem)).map(|term| term.weight).sum();
        shared + if question.met(text) == Some(true) { 1.0 } else { 0.0 }
    };
    let wide = widened(&passage.text, &matter.places, &matter.orders, span.clone(), &value);
    let text = &passage.text[wide.clone()];
    if clean(text) == (0..text.len()) { wide } else { span }
}

/// Whether a sentence of `passage` that is not an order says what `sentence` says, for somebody who asked for `asked`.
pub(super) fn supported(asked: &[String], passage: &Passage, sentence: &str) -> bool {
    let matter = Matter::of(asked, passage);
    quote(&passage.text, &matter.places, sentence, &|whole| 0..whole.len()).is_some()
}

/// The share of the content words of `sentence` that `place` holds; 0 when a number is missing.
#[expect(clippy::cast_precision_loss, reason = "a sentence has far fewer than 2^52 words")]
fn support(place: &str, sentence: &str) -> f64 {
    let held = stems(place);
    let all = words(sentence);
    let content: Vec<&String> = all.iter().filter(|word| !is_stop_word(word)).collect();
    let missing_number =
        content.iter().any(|word| word.chars().any(|character| character.is_ascii_digit()) && !held.contains(*word));
    if content.is_empty() || missing_number {
        return 0.0;
    }
    content.iter().filter(|word| held.contains(&stem(word))).count() as f64 / content.len() as f64
}

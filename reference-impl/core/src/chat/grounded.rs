//! Holds each sentence that a model writes against the passages, and cites what holds.

use std::fmt::Write as _;

use crate::answer::{Citation, cite, parse};
use crate::ports::{GeneratedSentence, GenerationRequest};
use crate::sabotage::{self, Sabotage};
use crate::safety;
use crate::tenancy::TenantContext;

/// A part of an answer that may leave as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Part {
    /// Its text, with markers.
    pub(super) text: String,
    /// Its citations; their answer spans count from the beginning of the part.
    pub(super) citations: Vec<Citation>,
}

/// What of `written` the passages of `request` support, with markers that go on after the `cited`th; `None` where nothing
/// is. `begins` tells that nothing stands before it.
pub(super) fn grounded(
    tenant: &TenantContext,
    request: &GenerationRequest,
    written: &str,
    cited: usize,
    begins: bool,
) -> Option<Part> {
    let mut part = Part::default();
    for sentence in parse(written, request) {
        let named: Vec<_> = sentence.passages.iter().filter_map(|at| request.passages.get(*at).cloned()).collect();
        let all = (0..named.len()).collect();
        let alone = GenerationRequest { passages: named, ..request.clone() };
        let sentence = GeneratedSentence { text: sentence.text, passages: all };
        let found = cite(&alone, &[sentence], &|quote| safety::longest_clean_part(tenant, quote));
        let Some(end) = found.citations.first().map(|it| it.answer_span.end) else { continue };
        if !(begins && part.text.is_empty()) {
            part.text.push(' ');
        }
        let start = part.text.len();
        part.text.push_str(&found.text[..end]);
        let span = start..part.text.len();
        for citation in found.citations {
            let marker = u32::try_from(cited + part.citations.len() + 1).unwrap_or(u32::MAX);
            // Writing to a string cannot fail.
            let _ = write!(part.text, " [{marker}]");
            part.citations.push(Citation { marker, answer_span: span.clone(), ..citation });
        }
    }
    if sabotage::on(Sabotage::ChatCitesWhatWasNotRetrieved)
        && let Some(first) = part.citations.first_mut()
    {
        "doc_B_1".clone_into(&mut first.document_id);
    }
    (!part.citations.is_empty()).then_some(part)
}

/// Finds the sentences of citations again in a text that redaction has moved.
pub(super) fn fitted(part: &Part, text: String) -> Part {
    let mut from = 0;
    let mut citations: Vec<Citation> = Vec::new();
    for citation in &part.citations {
        let marker = format!(" [{}]", citation.marker);
        let Some(at) = text[from..].find(&marker).map(|offset| from + offset) else { continue };
        let before = citations.last().filter(|last| at == from && last.answer_span.end < from);
        let span = before.map_or_else(
            || from + text[from..at].len() - text[from..at].trim_start().len()..at,
            |last| last.answer_span.clone(),
        );
        from = at + marker.len();
        citations.push(Citation { answer_span: span, ..citation.clone() });
    }
    Part { text, citations }
}

//! Steps of an answer by themselves, for benches.

use super::citations::{CitedText, cite};
use super::prompt::Prompt;
use crate::ports::{GeneratedSentence, GenerationRequest, Passage};

/// Checks `sentences`, each said to stem from the passages of the same texts, and cites what holds.
pub fn cited(question: &str, passages: &[String], sentences: &[(String, usize)]) -> CitedText {
    let passages = passages.iter().enumerate().map(|(at, text)| Passage {
        document_id: format!("d{at}"),
        chunk_id: format!("c{at}"),
        text: text.clone(),
        heading_path: Vec::new(),
        score: 0.5,
        similarity: None,
    });
    let request = GenerationRequest {
        question: question.to_owned(),
        terms: Vec::new(),
        passages: passages.collect(),
        prompt: Prompt::default(),
        max_sentences: sentences.len(),
    };
    let written =
        |(text, passage): &(String, usize)| GeneratedSentence { text: text.clone(), passages: vec![*passage] };
    cite(&request, &sentences.iter().map(written).collect::<Vec<_>>(), &|quote| 0..quote.len())
}

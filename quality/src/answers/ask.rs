//! Asks for answers, looks their citations up, and asks their follow-ups.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    sync::PoisonError,
};

use contract_types::{Chunk, ChunkList, Citation, ConfidenceBand, RetrievalMode, SearchAnswer};
use futures_util::{StreamExt, stream};
use harness::client::percent_encode;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Answered, Cited, model_judge::Judge, text};
use crate::{
    collection::{Asked, Collection},
    wire::{RunError, Wire},
};

/// What is asked beyond the questions themselves.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The mode; `None` for the tenant's own.
    pub mode: Option<RetrievalMode>,
    /// Questions whose follow-ups are asked, from the first.
    pub follow_ups: usize,
    /// A model that judges, where there is one.
    pub judge: Option<&'a Judge>,
}

/// Chunks that were looked up, by document.
type Texts = Mutex<HashMap<String, BTreeMap<String, String>>>;

/// Answers of a collection, and what was wrong with answers that are none.
///
/// # Errors
///
/// [`RunError::Client`] when the target gives no response.
pub async fn ask_all(
    wire: &Wire<'_>,
    collection: &Collection,
    options: Options<'_>,
    progress: &ProgressBar,
) -> Result<(Vec<Answered>, Vec<String>), RunError> {
    progress.set_message(format!("{}: answers", collection.name));
    progress.set_length(u64::try_from(collection.questions.len()).unwrap_or(0));
    progress.set_position(0);
    let texts = Texts::default();
    let mut answers = stream::iter(collection.questions.iter().enumerate())
        .map(|(number, asked)| {
            let texts = &texts;
            async move { (asked, answer(wire, collection, asked, number < options.follow_ups, options, texts).await) }
        })
        .buffered(wire.pace.concurrency());
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    while let Some((asked, answer)) = answers.next().await {
        progress.inc(1);
        match answer {
            Ok(answer) => found.push(answer),
            Err(error @ RunError::Client(_)) => return Err(error),
            Err(error) => problems.push(format!("{}: {error}", asked.id)),
        }
    }
    Ok((found, problems))
}

async fn search(wire: &Wire<'_>, query: &str, mode: Option<RetrievalMode>) -> Result<SearchAnswer, RunError> {
    let mut body = json!({ "query": query, "cache": "bypass" });
    if let Some(mode) = mode {
        body["mode"] = Value::from(mode.as_str());
    }
    wire.ask("POST", "/search", Some(body)).await
}

async fn answer(
    wire: &Wire<'_>,
    collection: &Collection,
    asked: &Asked,
    follow: bool,
    options: Options<'_>,
    texts: &Texts,
) -> Result<Answered, RunError> {
    let found = search(wire, &asked.text, options.mode).await?;
    let mut citations = Vec::new();
    for citation in &found.citations {
        let chunk = chunk_text(wire, &citation.source.0, &citation.chunk_id.0, texts).await?;
        citations.push(look(collection, &found.answer, citation, chunk.as_deref()));
    }
    let mut follow_ups = Vec::new();
    if follow {
        for question in &found.follow_ups {
            let next = search(wire, question, options.mode).await?;
            follow_ups.push(next.confidence.band != ConfidenceBand::None);
        }
    }
    let mut answered = Answered {
        asked: asked.clone(),
        answer: text::without_markers(&found.answer),
        band: found.confidence.band,
        confidence: found.confidence.score,
        citations,
        follow_ups,
        votes: None,
    };
    if let (Some(judge), true) = (options.judge, answered.is_answer()) {
        answered.votes = Some(judge.votes(&answered).await?);
    }
    Ok(answered)
}

fn look(collection: &Collection, answer: &str, citation: &Citation, chunk: Option<&str>) -> Cited {
    let within = |text: &str, start: u64, end: u64| -> Option<String> {
        text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?).map(str::to_owned)
    };
    let quoted = chunk.and_then(|text| within(text, citation.chunk_span.start, citation.chunk_span.end));
    let supported = within(answer, citation.answer_span.start, citation.answer_span.end);
    let sentence = supported.map(|sentence| text::without_markers(&sentence));
    Cited {
        document: collection.own_id(&citation.source.0).unwrap_or(&citation.source.0).to_owned(),
        quote: citation.quote.clone(),
        verbatim: quoted.as_deref() == Some(citation.quote.as_str()),
        supports: sentence
            .is_some_and(|sentence| !sentence.is_empty() && text::spaced(&citation.quote).contains(&sentence)),
    }
}

/// The text of a chunk; nothing when the document has no such chunk.
async fn chunk_text(wire: &Wire<'_>, document: &str, chunk: &str, texts: &Texts) -> Result<Option<String>, RunError> {
    if let Some(known) = texts.lock().unwrap_or_else(PoisonError::into_inner).get(document) {
        return Ok(known.get(chunk).cloned());
    }
    let base = format!("/documents/{}/chunks?limit=100", percent_encode(document));
    let mut path = base.clone();
    let mut known = BTreeMap::new();
    loop {
        let page: ChunkList = match wire.ask("GET", &path, None).await {
            Ok(page) => page,
            // A citation of a document that is not there is not verbatim, which is for the score to say.
            Err(RunError::Refused { status: 404, .. }) => break,
            Err(error) => return Err(error),
        };
        known.extend(page.chunks.into_iter().map(|Chunk { id, text, .. }| (id.0, text)));
        let Some(cursor) = page.next_cursor else { break };
        path = format!("{base}&cursor={}", percent_encode(&cursor.0));
    }
    let found = known.get(chunk).cloned();
    texts.lock().unwrap_or_else(PoisonError::into_inner).insert(document.to_owned(), known);
    Ok(found)
}

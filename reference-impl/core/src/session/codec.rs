//! Sessions and their turns as rows.

use std::ops::Range;

use serde_json::{Value as Json, json};

use super::model::{Message, SessionSummary, Speaker};
use crate::answer::Citation;
use crate::ids::SessionId;
use crate::ports::Row;
use crate::store::{StoreError, read};

const CITATIONS: StoreError = StoreError::Damaged { what: "session_turns.citations" };

/// A row of `id, title, created_at, updated_at, turns`; `ttl_ms` is the tenant's as of now.
pub(super) fn summary(row: &Row, ttl_ms: i64) -> Result<SessionSummary, StoreError> {
    let id = SessionId::parse(read::text(row, 0, "sessions.id")?);
    let updated_at = read::integer(row, 3, "sessions.updated_at")?;
    let turns = u32::try_from(read::integer(row, 4, "sessions.turns")?);
    Ok(SessionSummary {
        id: id.ok_or(StoreError::Damaged { what: "sessions.id" })?,
        title: read::optional_text(row, 1, "sessions.title")?.map(str::to_owned),
        created_at: read::integer(row, 2, "sessions.created_at")?,
        updated_at,
        expires_at: updated_at.saturating_add(ttl_ms),
        turns: turns.map_err(|_| StoreError::Damaged { what: "sessions.turns" })?,
    })
}

/// A row of `role, content, citations, tokens, at`.
pub(super) fn message(row: &Row) -> Result<Message, StoreError> {
    let speaker = Speaker::parse(read::text(row, 0, "session_turns.role")?);
    let citations = read::optional_text(row, 2, "session_turns.citations")?;
    let tokens = usize::try_from(read::integer(row, 3, "session_turns.tokens")?);
    Ok(Message {
        speaker: speaker.ok_or(StoreError::Damaged { what: "session_turns.role" })?,
        content: read::text(row, 1, "session_turns.content")?.to_owned(),
        citations: citations.map(|text| decoded(text).ok_or(CITATIONS)).transpose()?,
        tokens: tokens.map_err(|_| StoreError::Damaged { what: "session_turns.tokens" })?,
        at: read::integer(row, 4, "session_turns.at")?,
    })
}

/// Citations as they are stored.
pub(super) fn encoded(citations: &[Citation]) -> String {
    let span = |range: &Range<usize>| json!([range.start, range.end]);
    let list: Vec<Json> = citations
        .iter()
        .map(|it| {
            json!({
                "marker": it.marker, "document": it.document_id, "chunk": it.chunk_id, "quote": it.quote,
                "chunk_span": span(&it.chunk_span), "answer_span": span(&it.answer_span), "confidence": it.confidence,
            })
        })
        .collect();
    Json::Array(list).to_string()
}

fn decoded(text: &str) -> Option<Vec<Citation>> {
    let list: Json = serde_json::from_str(text).ok()?;
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let place = |value: &Json| value.as_u64().and_then(|it| usize::try_from(it).ok());
    let span = |value: &Json| Some(place(&value[0])?..place(&value[1])?);
    let citation = |it: &Json| {
        Some(Citation {
            marker: u32::try_from(it["marker"].as_u64()?).ok()?,
            document_id: text(&it["document"])?,
            chunk_id: text(&it["chunk"])?,
            quote: text(&it["quote"])?,
            chunk_span: span(&it["chunk_span"])?,
            answer_span: span(&it["answer_span"])?,
            confidence: it["confidence"].as_f64()?,
        })
    };
    list.as_array()?.iter().map(citation).collect()
}

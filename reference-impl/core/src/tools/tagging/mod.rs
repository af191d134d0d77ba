//! `tag_chunk_docs`: tags, chunks and what a document says of itself. It stores nothing.

mod extracted;
mod tags;
mod terms;

pub(crate) use extracted::warm;

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Tool, ToolFault, ToolRun};
use crate::ingest::chunk::chunk;
use crate::ingest::convert::convert;
use crate::ingest::pipeline::chunk_settings;
use crate::ingest::{ChunkOptions, ContentType, IngestError};
use crate::ports::{BoxFuture, EmbedderKind};
use crate::sabotage::{self, Sabotage};

#[derive(Debug, Deserialize)]
struct Given {
    id: String,
    content: String,
    #[serde(default = "plain")]
    content_type: String,
    #[serde(default)]
    metadata: Map<String, Json>,
}

fn plain() -> String {
    "text/plain".to_owned()
}

/// How documents are to be cut.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Cut {
    size: Option<u32>,
    overlap: Option<u32>,
}

impl Cut {
    pub(super) fn options(self) -> ChunkOptions {
        ChunkOptions { size: self.size, overlap: self.overlap, strategy: None }
    }

    /// A refusal of these options, as a tool tells it.
    pub(super) fn refused(error: &IngestError) -> Option<ToolFault> {
        let (pointer, keyword) = match error {
            IngestError::ChunkSize { .. } => ("/chunks/size", "maximum"),
            IngestError::Overlap { .. } => ("/chunks/overlap", "maximum"),
            IngestError::TooManyDocuments { .. }
            | IngestError::RepeatedId { .. }
            | IngestError::Metadata { .. }
            | IngestError::Blocked(_)
            | IngestError::NotFound
            | IngestError::UnknownModel { .. }
            | IngestError::IndexMismatch { .. }
            | IngestError::Model(_)
            | IngestError::Database(_) => return None,
        };
        Some(ToolFault::Invalid { pointer: pointer.to_owned(), keyword, message: error.to_string() })
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    documents: Vec<Given>,
    taxonomy: Option<Vec<tags::Given>>,
    #[serde(default = "five")]
    max_tags: usize,
    #[serde(default)]
    chunks: Cut,
}

fn five() -> usize {
    5
}

/// The tool.
pub struct TagChunkDocs;

impl Tool for TagChunkDocs {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(answer(run))
    }

    /// A taxonomy is told by its meaning where the tenant's model knows any.
    fn model(&self, run: ToolRun<'_>) -> Option<String> {
        let tags = run.arguments.get("taxonomy").and_then(Json::as_array);
        let embedder = run.platform.embedder(run.tenant).ok().filter(|it| it.kind() != EmbedderKind::Lexical);
        embedder.filter(|_| tags.is_some_and(|tags| !tags.is_empty())).map(|it| it.model().to_owned())
    }
}

async fn answer(run: ToolRun<'_>) -> Result<Json, ToolFault> {
    let arguments: Arguments = serde_json::from_value(Json::Object(run.arguments.clone()))
        .map_err(|error| ToolFault::Failed(error.to_string()))?;
    let mut ids = HashSet::new();
    if let Some(index) = arguments.documents.iter().position(|it| !ids.insert(it.id.as_str())) {
        let pointer = format!("/documents/{index}/id");
        let message = "this document has the id of an earlier one".to_owned();
        return Err(ToolFault::Invalid { pointer, keyword: "uniqueItems", message });
    }
    let settings = chunk_settings(run.tenant, arguments.chunks.options())
        .map_err(|error| Cut::refused(&error).unwrap_or_else(|| ToolFault::Failed(error.to_string())))?;
    let tokenizer = &*run.platform.ports().tokenizer;
    let taxonomy = arguments.taxonomy.map(|given| given.into_iter().map(tags::Tag::from).collect::<Vec<_>>());
    let meaning = match &taxonomy {
        Some(tags) => tags::Meaning::of(run, tags).await?,
        None => None,
    };
    let mut documents = Vec::new();
    for (index, document) in arguments.documents.iter().enumerate() {
        let kind = ContentType::parse(&document.content_type).unwrap_or(ContentType::Plain);
        let text = convert(kind, &document.content).map_err(|error| ToolFault::Invalid {
            pointer: format!("/documents/{index}/content"),
            keyword: "content",
            message: error.to_string(),
        })?;
        let chosen = match &taxonomy {
            Some(tags) => tags::choose(run, &text.text, tags, meaning.as_ref(), arguments.max_tags).await?,
            None => terms::own(&text.text, arguments.max_tags),
        };
        let mut chunks: Vec<Json> = chunk(&document.id, &text, settings, tokenizer)
            .into_iter()
            .map(|it| {
                json!({
                    "ordinal": it.ordinal, "span": {"start": it.span.start, "end": it.span.end}, "tokens": it.tokens,
                    "text": it.text, "heading_path": it.heading_path.iter().take(16).collect::<Vec<_>>(),
                })
            })
            .collect();
        if sabotage::on(Sabotage::TaggedChunksCutShort) {
            chunks.truncate(chunks.len() / 2);
        }
        let (tags, scores): (Vec<String>, Vec<f64>) = chosen.into_iter().unzip();
        let metadata = if sabotage::on(Sabotage::TagsLoseMetadata) { Map::new() } else { document.metadata.clone() };
        documents.push(json!({
            "id": document.id, "tags": tags, "scores": scores, "chunks": chunks, "metadata": metadata,
            "extracted": extracted::of(&text, kind, tokenizer),
        }));
    }
    Ok(json!({"documents": documents}))
}

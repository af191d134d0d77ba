//! `ingest_docs`: documents of more formats than `POST /ingest` takes, by the same pipeline. It fetches nothing.

mod csv;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract_types::ErrorCode;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::tagging::Cut;
use super::{Tool, ToolFault, ToolRun};
use crate::ingest::{ContentType, DocumentInput, DocumentStatus, IngestError};
use crate::ports::{BoxFuture, ModelError};

/// A kind of file that only some hosts can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Office Open XML text.
    Docx,
    /// Portable Document Format.
    Pdf,
}

impl FileKind {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docx => "DOCX",
            Self::Pdf => "PDF",
        }
    }
}

/// Why a file could not be read, fit for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConverterError(pub String);

/// Text of files: a port, since the code that reads them is large. A host without one refuses such files.
pub trait Converter: Send + Sync {
    /// The text of a file, at most `most_bytes` long. DOCX gives HTML: headings, paragraphs, list items and table rows;
    /// PDF gives plain text, pages parted by a blank line.
    ///
    /// # Errors
    ///
    /// [`ConverterError`] when the file is not of the kind, is damaged, is locked, or comes to too much.
    fn convert(&self, kind: FileKind, bytes: &[u8], most_bytes: usize) -> Result<String, ConverterError>;
}

/// Longest text of one file in bytes.
const MOST_TEXT: usize = 16 << 20;

#[derive(Debug, Deserialize)]
struct Given {
    id: String,
    content: String,
    content_type: String,
    #[serde(default)]
    metadata: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    documents: Vec<Given>,
    #[serde(default)]
    chunks: Cut,
}

/// The tool.
pub struct IngestDocs;

impl Tool for IngestDocs {
    fn run<'a>(&'a self, run: ToolRun<'a>) -> BoxFuture<'a, Result<Json, ToolFault>> {
        Box::pin(answer(run))
    }

    fn model(&self, run: ToolRun<'_>) -> Option<String> {
        run.platform.embedder(run.tenant).ok().map(|it| it.model().to_owned())
    }
}

/// One document on its way: what is ingested, or why it is not.
type Read = Result<DocumentInput, String>;

async fn answer(run: ToolRun<'_>) -> Result<Json, ToolFault> {
    let arguments: Arguments = serde_json::from_value(Json::Object(run.arguments.clone()))
        .map_err(|error| ToolFault::Failed(error.to_string()))?;
    let options = arguments.chunks.options();
    let read: Vec<(String, Read)> = arguments.documents.into_iter().map(|it| (it.id.clone(), read(run, it))).collect();
    let inputs: Vec<DocumentInput> = read.iter().filter_map(|(_, it)| it.as_ref().ok().cloned()).collect();
    let mut outcomes = Vec::new();
    // A request without a document is refused by nobody, so it is not made.
    if !inputs.is_empty() {
        let report = run.platform.ingest(run.tenant, &inputs, options).await.map_err(|error| fault(error, &read))?;
        // What a model or a store refused is the tool's failure and not the document's.
        let broken = |it: &&crate::ingest::DocumentOutcome| {
            it.error.as_ref().is_some_and(|error| error.code != ErrorCode::ValidationError)
        };
        if let Some(failed) = report.documents.iter().find(broken).and_then(|it| it.error.as_ref())
            && report.documents.iter().all(|it| it.status == DocumentStatus::Failed)
        {
            return Err(ToolFault::Failed(failed.message.clone()));
        }
        outcomes = report.documents;
    }
    let documents = read.into_iter().map(|(id, read)| {
        let outcome = read.is_ok().then(|| outcomes.iter().find(|it| it.id == id)).flatten();
        match (outcome, read) {
            (Some(outcome), _) => {
                let mut told = json!({"id": id, "status": outcome.status.as_str(), "chunks": outcome.chunks});
                match &outcome.error {
                    Some(error) => told["error"] = json!({"code": error.code, "message": short(&error.message)}),
                    None => told["content_hash"] = outcome.content_hash.clone().into(),
                }
                told
            }
            (None, Err(message)) => failed(&id, &message),
            (None, Ok(_)) => failed(&id, "the document came to nothing"),
        }
    });
    Ok(json!({"documents": documents.collect::<Vec<_>>()}))
}

fn failed(id: &str, message: &str) -> Json {
    let error = json!({"code": ErrorCode::ValidationError, "message": short(message)});
    json!({"id": id, "status": "failed", "chunks": 0, "error": error})
}

fn short(message: &str) -> String {
    message.chars().take(500).collect()
}

fn read(run: ToolRun<'_>, given: Given) -> Read {
    let (content_type, content) = match given.content_type.as_str() {
        "text/csv" => (ContentType::Plain, csv::text(&given.content)?),
        "application/pdf" => (ContentType::Plain, file(run, FileKind::Pdf, &given.content)?),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => {
            (ContentType::Html, file(run, FileKind::Docx, &given.content)?)
        }
        other => (ContentType::parse(other).unwrap_or(ContentType::Plain), given.content),
    };
    Ok(DocumentInput { id: given.id, content_type, content, metadata: given.metadata })
}

fn file(run: ToolRun<'_>, kind: FileKind, content: &str) -> Result<String, String> {
    let converter = run.platform.toolbox().converter.as_ref();
    let converter = converter.ok_or_else(|| format!("this deployment cannot read {}; send its text", kind.as_str()))?;
    let packed: String = content.chars().filter(|it| !it.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| format!("{} must be sent in Base64", kind.as_str()))?;
    converter.convert(kind, &bytes, MOST_TEXT).map_err(|error| error.to_string())
}

/// A refusal of the request as a whole, at its place in the arguments.
fn fault(error: IngestError, read: &[(String, Read)]) -> ToolFault {
    // The pipeline counts the documents that could be read; the caller counts all of them.
    let place =
        |index: usize| read.iter().enumerate().filter(|(_, (_, it))| it.is_ok()).nth(index).map_or(index, |(at, _)| at);
    let message = error.to_string();
    match error {
        IngestError::TooManyDocuments { .. } => {
            ToolFault::Invalid { pointer: "/documents".to_owned(), keyword: "maxItems", message }
        }
        IngestError::RepeatedId { index } => {
            ToolFault::Invalid { pointer: format!("/documents/{}/id", place(index)), keyword: "uniqueItems", message }
        }
        IngestError::Metadata { index, fault } => ToolFault::Invalid {
            pointer: format!("/documents/{}/metadata", place(index)),
            keyword: fault.keyword().0,
            message,
        },
        IngestError::Blocked(blocked) => ToolFault::Blocked(blocked),
        IngestError::Model(error @ ModelError::BudgetExceeded { .. }) => ToolFault::OverBudget(error),
        error @ (IngestError::ChunkSize { .. } | IngestError::Overlap { .. }) => {
            Cut::refused(&error).unwrap_or(ToolFault::Failed(message))
        }
        IngestError::NotFound
        | IngestError::UnknownModel { .. }
        | IngestError::IndexMismatch { .. }
        | IngestError::Model(_)
        | IngestError::Database(_) => ToolFault::Failed(message),
    }
}

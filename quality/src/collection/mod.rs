//! Judged collections: documents, questions and judgements, read from a folder or made of a fixture tenant.

mod fixture;
mod lines;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde_json::{Map, Value};

pub(crate) use fixture::item;
pub use fixture::{FIXTURES, of_fixture};
pub use read::read;

use crate::metrics::Judgements;

/// Why a collection cannot be used. Each names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// A file cannot be opened or read.
    #[error("{file}: cannot be read: {cause}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A line is not what its file holds.
    #[error("{file}:{line}: {message}", file = file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What was expected, and what was found.
        message: String,
    },
    /// The folder as a whole cannot be used.
    #[error("{folder}: {message}", folder = folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What was expected.
        message: String,
    },
}

/// A document as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Its id at the target, with the prefix of its collection.
    pub id: String,
    /// The content.
    pub content: String,
    /// Media type of the content.
    pub content_type: String,
    /// Its metadata.
    pub metadata: Map<String, Value>,
}

/// A passage that people marked as the answer to a question or as evidence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gold {
    /// Id of its document, as the collection names it.
    pub document: String,
    /// Its words.
    pub text: String,
    /// Whether the words answer the question by themselves; otherwise they are a sentence of evidence.
    pub answers: bool,
}

/// A question with what people found about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its id, unique within the collection.
    pub id: String,
    /// The question.
    pub text: String,
    /// Grades by document id, as the collection names it.
    pub judgements: Judgements,
    /// Answers and evidence; empty where nobody marked any.
    pub gold: Vec<Gold>,
}

impl Asked {
    /// Whether a document of the collection is relevant to it.
    pub fn is_answerable(&self) -> bool {
        self.judgements.values().any(|grade| *grade > 0)
    }
}

/// Documents of one tenant and the questions that are judged against them.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Its name: that of its folder, or `fixtures`.
    pub name: String,
    /// What the ids at the target begin with; empty for fixtures.
    pub prefix: String,
    /// Whether every other document of the tenant is to be removed before scoring.
    pub alone: bool,
    /// The documents, in the order of their file.
    pub documents: Vec<Sent>,
    /// Ids of documents without a word, which nobody can ingest; as the collection names them.
    pub empty: Vec<String>,
    /// The questions, in the order of their file.
    pub questions: Vec<Asked>,
}

impl Collection {
    /// The id that the collection has for a document of the target; `None` for a document of somebody else.
    pub fn own_id<'a>(&self, id: &'a str) -> Option<&'a str> {
        id.strip_prefix(&self.prefix)
    }
}

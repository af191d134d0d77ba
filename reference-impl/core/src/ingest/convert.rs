//! Turns what clients send into text with a known structure: blocks in reading order, each with the headings above it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

mod html;
mod json;
mod markdown;

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `text/plain`.
    Plain,
    /// `text/markdown`, `CommonMark` with tables.
    Markdown,
    /// `text/html`.
    Html,
    /// `application/json`.
    Json,
}

impl ContentType {
    /// Every content type.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Markdown, Self::Html, Self::Json];

    /// The media type, as the contract spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }

    /// The content type of a media type without parameters.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a block is; cut points and sentences depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A heading of a level from 1.
    Heading(u8),
    /// A paragraph.
    Paragraph,
    /// One item of a list, or one line of a record.
    Item,
    /// One row of a table.
    Row,
    /// Preformatted text.
    Code,
}

/// A piece of the extracted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// UTF-8 bytes of the extracted text, the separator after the block included: blocks tile the text.
    pub span: Range<usize>,
    /// Headings above the block, outermost first; a heading counts itself. Blocks below the same heading share one list: a
    /// document may have a million of them.
    pub heading_path: Arc<[String]>,
}

/// A document as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// The text that chunks and spans point into.
    pub text: String,
    /// Its blocks in order; they cover every byte of `text`.
    pub blocks: Vec<Block>,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConvertError {
    /// The content is not JSON.
    #[error("content is not valid JSON at line {line}, column {column}")]
    InvalidJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Lists and objects of JSON stand too deep within each other.
    #[error("JSON is nested deeper than 127 levels")]
    JsonDepth,
    /// Elements of HTML stand too deep within each other; each level makes every further one dearer to read.
    #[error("HTML is nested deeper than 256 elements")]
    HtmlDepth,
    /// Unclosed formatting makes many times more elements than the HTML writes.
    #[error("HTML comes to too many elements for its length")]
    HtmlElements,
    /// One grapheme is too long to be part of a chunk.
    #[error("a character with its combining marks is longer than 50000 bytes")]
    Grapheme,
}

/// Longest grapheme in UTF-8 bytes.
pub(super) const GRAPHEME_BYTES: usize = 50_000;
/// Most headings in a path; the contract's limit.
const PATH_HEADINGS: usize = 32;
/// Most characters of a heading in a path; the contract's limit.
const HEADING_CHARS: usize = 1000;
/// Most characters of a whole path: every chunk carries its own, and a small document may have a hundred thousand chunks.
const PATH_CHARS: usize = 2000;

/// Extracts the text of `content`.
///
/// - Plain text stays as it is, byte by byte (save NUL, which becomes U+FFFD); blank lines part its blocks.
/// - Markup is dropped, headings, list items, table rows and code stay on lines of their own.
/// - Of HTML, scripts, styles, navigation, templates and hidden elements are left out.
/// - JSON becomes lines of `key: value`, nested objects become headings; numbers keep every digit that they were sent with.
/// - A byte order mark before markup is none of its text.
///
/// # Errors
///
/// [`ConvertError`].
pub fn convert(content_type: ContentType, content: &str) -> Result<Extracted, ConvertError> {
    let content =
        if content.contains('\0') { Cow::Owned(content.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(content) };
    let marked = content.strip_prefix('\u{FEFF}').unwrap_or(&content);
    let extracted = match content_type {
        ContentType::Plain => plain(content.into_owned()),
        ContentType::Markdown => markdown::extract(marked)?,
        ContentType::Html => html::extract(marked)?,
        ContentType::Json => json::extract(marked)?,
    };
    let text = &extracted.text;
    if text.len() > GRAPHEME_BYTES && text.graphemes(true).any(|grapheme| grapheme.len() > GRAPHEME_BYTES) {
        return Err(ConvertError::Grapheme);
    }
    Ok(extracted)
}

fn plain(text: String) -> Extracted {
    let mut blocks = Vec::new();
    let no_heading: Arc<[String]> = Arc::default();
    let mut start = 0;
    let mut offset = 0;
    let mut blank = false;
    for line in text.split_inclusive('\n') {
        let empty = line.trim().is_empty();
        if blank && !empty && !text[start..offset].trim().is_empty() {
            blocks.push(Block {
                kind: BlockKind::Paragraph,
                span: start..offset,
                heading_path: Arc::clone(&no_heading),
            });
            start = offset;
        }
        blank = empty;
        offset += line.len();
    }
    if start < text.len() {
        blocks.push(Block { kind: BlockKind::Paragraph, span: start..text.len(), heading_path: no_heading });
    }
    Extracted { text, blocks }
}

/// Collects blocks and keeps the path of headings.
#[derive(Debug, Default)]
struct Builder {
    extracted: Extracted,
    path: Vec<(u8, String)>,
    /// `path` as blocks carry it.
    carried: Arc<[String]>,
}

impl Builder {
    /// Appends a block; text without content is left out.
    fn push(&mut self, kind: BlockKind, text: &str) {
        let text = if kind == BlockKind::Code { text.trim_end().trim_start_matches('\n') } else { text.trim() };
        if text.trim().is_empty() {
            return;
        }
        if let BlockKind::Heading(level) = kind {
            self.path.retain(|(above, _)| *above < level);
            let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.path.push((level, title.chars().take(HEADING_CHARS).collect()));
            self.carried = carried(&self.path);
        }
        let out = &mut self.extracted.text;
        // Lines of lists and tables stay together; everything else is set apart by a blank line.
        if let Some(last) = self.extracted.blocks.last_mut() {
            let tight = kind == last.kind && matches!(kind, BlockKind::Item | BlockKind::Row);
            out.push_str(if tight { "\n" } else { "\n\n" });
            last.span.end = out.len();
        }
        let start = out.len();
        out.push_str(text);
        let heading_path = Arc::clone(&self.carried);
        self.extracted.blocks.push(Block { kind, span: start..out.len(), heading_path });
    }

    fn finish(self) -> Extracted {
        self.extracted
    }
}

/// The outermost headings, cut so that all of them together are short enough.
fn carried(path: &[(u8, String)]) -> Arc<[String]> {
    let shown = &path[..path.len().min(PATH_HEADINGS)];
    let all: usize = shown.iter().map(|(_, title)| title.chars().count()).sum();
    let most = if all > PATH_CHARS { PATH_CHARS / shown.len() } else { HEADING_CHARS };
    shown.iter().map(|(_, title)| title.chars().take(most).collect()).collect()
}

/// Runs of white space become one space.
fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if !character.is_whitespace() {
            out.push(character);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

#[cfg(test)]
mod tests;

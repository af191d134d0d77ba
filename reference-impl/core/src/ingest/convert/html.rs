//! HTML pages. The tree is walked without recursion: hostile nesting must not exhaust the stack.

use html5ever::driver::{self, ParseOpts, Parser};
use html5ever::tendril::TendrilSink;
use html5ever::{QualName, local_name, ns};
use scraper::node::Element;
use scraper::{Html, HtmlTreeSink, Node};

use super::{BlockKind, Builder, ConvertError, Extracted, collapse};
use crate::sabotage::{self, Sabotage};

/// Most elements within each other.
const MAX_DEPTH: usize = 256;
/// Bytes parsed between two looks at the tree.
const PIECE_BYTES: usize = 1024;
/// Elements that a parser adds to any page: `html`, `head`, `body` and parts of tables.
const IMPLIED_NODES: usize = 64;

/// Elements whose content is never text for readers.
const DROPPED: [&str; 12] =
    ["script", "style", "nav", "template", "noscript", "svg", "iframe", "object", "head", "math", "canvas", "audio"];

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 33] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "legend",
    "main",
    "ol",
    "option",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "ul",
    "video",
];

pub(super) fn extract(content: &str) -> Result<Extracted, ConvertError> {
    let sink = HtmlTreeSink::new(Html::new_document());
    let page = parse(driver::parse_document(sink, ParseOpts::default()), content)?;
    let mut reader = Reader::default();
    if let Some(title) = title_without_heading(&page) {
        reader.builder.push(BlockKind::Heading(1), &title);
    }
    reader.walk(&page);
    Ok(reader.builder.finish())
}

/// The blocks of a piece of markup, each with its text.
pub(super) fn extract_fragment(markup: &str) -> Result<Vec<(BlockKind, String)>, ConvertError> {
    let sink = HtmlTreeSink::new(Html::new_fragment());
    let body = QualName::new(None, ns!(html), local_name!("body"));
    let page = parse(driver::parse_fragment(sink, ParseOpts::default(), body, Vec::new(), false), markup)?;
    let mut reader = Reader::default();
    reader.walk(&page);
    let extracted = reader.builder.finish();
    Ok(extracted.blocks.iter().map(|block| (block.kind, extracted.text[block.span.clone()].to_owned())).collect())
}

/// Parses piece by piece and gives up as soon as the tree shows that the whole would take more than linear time: each
/// tag may cost as much as there are open elements.
fn parse(mut parser: Parser<HtmlTreeSink>, content: &str) -> Result<Html, ConvertError> {
    let mut seen = 0;
    let mut rest = content;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        parser.process(piece.into());
        seen = inspect(&parser.tokenizer.sink.sink.0.borrow(), seen, content.len())?;
        rest = after;
    }
    let page = parser.finish();
    inspect(&page, seen, content.len())?;
    Ok(page)
}

/// Checks the nodes of `page` after the first `seen`; returns how many there are now.
fn inspect(page: &Html, seen: usize, content_bytes: usize) -> Result<usize, ConvertError> {
    let nodes = page.tree.nodes();
    let found = nodes.len();
    // The shortest tag has three bytes, and a text one.
    if found > 2 * content_bytes + IMPLIED_NODES {
        return Err(ConvertError::HtmlElements);
    }
    // The document itself is the topmost ancestor, so the number of ancestors is the element's depth.
    let deep = nodes
        .rev()
        .take(found - seen)
        .any(|node| node.value().is_element() && node.ancestors().nth(MAX_DEPTH).is_some());
    if deep { Err(ConvertError::HtmlDepth) } else { Ok(found) }
}

/// The page's title, when no heading of the first level says it.
fn title_without_heading(page: &Html) -> Option<String> {
    let mut title = None;
    for node in page.tree.nodes() {
        let Some(element) = node.value().as_element() else { continue };
        if element.name() == "h1" {
            return None;
        }
        if element.name() == "title" && title.is_none() {
            title = node.first_child().and_then(|child| child.value().as_text().map(|text| collapse(text)));
        }
    }
    title
}

#[derive(Default)]
struct Reader {
    builder: Builder,
    text: String,
    kind: Option<BlockKind>,
    items: usize,
    /// Depth of preformatted elements around the text.
    pre: usize,
    /// Whether the text belongs to a table row, and how many cells it has so far.
    row: Option<usize>,
}

impl Reader {
    fn walk(&mut self, page: &Html) {
        let root = page.tree.root();
        let mut node = root;
        loop {
            let skip = match node.value() {
                Node::Element(element) if is_dropped(element) => true,
                Node::Element(element) => {
                    self.open(element.name());
                    false
                }
                Node::Text(text) => {
                    self.read(text);
                    false
                }
                Node::Document
                | Node::Fragment
                | Node::Doctype(_)
                | Node::Comment(_)
                | Node::ProcessingInstruction(_) => false,
            };
            if let (false, Some(child)) = (skip, node.first_child()) {
                node = child;
                continue;
            }
            if !skip && let Node::Element(element) = node.value() {
                self.close(element.name());
            }
            // Up until there is a next sibling, closing what is left.
            loop {
                if node == root {
                    self.flush();
                    return;
                }
                if let Some(next) = node.next_sibling() {
                    node = next;
                    break;
                }
                let Some(parent) = node.parent() else {
                    self.flush();
                    return;
                };
                node = parent;
                if let Node::Element(element) = node.value() {
                    self.close(element.name());
                }
            }
        }
    }

    fn open(&mut self, name: &str) {
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.as_bytes()[1] - b'0';
                self.begin(BlockKind::Heading(level));
            }
            "li" => {
                self.items += 1;
                self.begin(BlockKind::Item);
            }
            "tr" => {
                self.begin(BlockKind::Row);
                self.row = Some(0);
            }
            "td" | "th" => {
                if let Some(cells) = &mut self.row {
                    if *cells > 0 {
                        let kept = self.text.trim_end().len();
                        self.text.truncate(kept);
                        self.text.push_str(" | ");
                    }
                    *cells += 1;
                }
            }
            "pre" => {
                self.begin(BlockKind::Code);
                self.pre += 1;
            }
            "br" => self.text.push('\n'),
            _ if BLOCKS.contains(&name) && self.row.is_none() => self.begin(BlockKind::Paragraph),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.flush(),
            "li" => {
                self.flush();
                self.items = self.items.saturating_sub(1);
            }
            "tr" => {
                self.flush();
                self.row = None;
            }
            "pre" => {
                self.flush();
                self.pre = self.pre.saturating_sub(1);
            }
            _ if BLOCKS.contains(&name) && self.row.is_none() => self.flush(),
            _ => {}
        }
    }

    fn read(&mut self, text: &str) {
        if self.pre > 0 {
            self.text.push_str(text);
            return;
        }
        let collapsed = collapse(text);
        let at_space = self.text.is_empty() || self.text.ends_with([' ', '\n']);
        self.text.push_str(if at_space { collapsed.trim_start_matches(' ') } else { &collapsed });
    }

    fn begin(&mut self, kind: BlockKind) {
        self.flush();
        self.kind = Some(kind);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let fallback = if self.items > 0 { BlockKind::Item } else { BlockKind::Paragraph };
        let kind = match self.kind.take() {
            Some(BlockKind::Paragraph) | None => fallback,
            Some(kind) => kind,
        };
        self.builder.push(kind, &text);
    }
}

/// Whether nothing inside the element is for readers; hidden text is a place for planted instructions.
fn is_dropped(element: &Element) -> bool {
    if sabotage::on(Sabotage::ScriptsIndexed) {
        return false;
    }
    DROPPED.contains(&element.name())
        || element.attr("hidden").is_some()
        || element.attr("aria-hidden").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
        || element.attr("style").is_some_and(hides)
}

/// Whether a style takes an element out of sight.
fn hides(style: &str) -> bool {
    style.split(';').filter_map(|declaration| declaration.split_once(':')).any(|(property, value)| {
        let value = value.trim().to_ascii_lowercase();
        let value = value.trim_end_matches("!important").trim_end();
        let nothing =
            || value.trim_end_matches(|it: char| it.is_ascii_alphabetic() || it == '%').parse() == Ok(0.0_f64);
        match property.trim().to_ascii_lowercase().as_str() {
            "display" => value == "none",
            "visibility" => matches!(value, "hidden" | "collapse"),
            "opacity" | "font-size" => nothing(),
            _ => false,
        }
    })
}

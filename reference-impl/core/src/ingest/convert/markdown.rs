//! `CommonMark` with tables.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{BlockKind, Builder, ConvertError, Extracted, html};
use crate::sabotage::{self, Sabotage};

pub(super) fn extract(content: &str) -> Result<Extracted, ConvertError> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(content, options) {
        reader.event(event)?;
    }
    reader.flush();
    Ok(reader.builder.finish())
}

#[derive(Default)]
struct Reader {
    builder: Builder,
    text: String,
    /// Kind of the block being read.
    kind: Option<BlockKind>,
    /// Depth of list items around the block.
    items: usize,
    cells: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<(), ConvertError> {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text.push_str(&text);
            }
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Html(markup) => self.text.push_str(&markup),
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
            Event::InlineHtml(_) | Event::Rule | Event::FootnoteReference(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.open(BlockKind::Heading(depth(*level))),
            Tag::Paragraph => {
                let kind = if self.items > 0 { BlockKind::Item } else { BlockKind::Paragraph };
                self.open(kind);
            }
            Tag::Item => {
                self.items += 1;
                self.open(BlockKind::Item);
            }
            Tag::List(_)
            | Tag::BlockQuote(_)
            | Tag::FootnoteDefinition(_)
            | Tag::Table(_)
            | Tag::HtmlBlock
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition => self.open(BlockKind::Paragraph),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) | Tag::MetadataBlock(_) => {
                self.open(BlockKind::Code);
            }
            Tag::TableHead | Tag::TableRow => {
                self.open(BlockKind::Row);
                self.cells = 0;
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.text.push_str(" | ");
                }
                self.cells += 1;
            }
            Tag::DefinitionList
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript => {}
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                if sabotage::on(Sabotage::LinksPassOut) {
                    self.text.push_str(dest_url);
                    self.text.push(' ');
                }
            }
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), ConvertError> {
        match tag {
            TagEnd::HtmlBlock => {
                let markup = std::mem::take(&mut self.text);
                for (kind, text) in html::extract_fragment(&markup)? {
                    self.builder.push(kind, &text);
                }
            }
            TagEnd::Item => {
                self.flush();
                self.items = self.items.saturating_sub(1);
            }
            TagEnd::Heading(_)
            | TagEnd::Paragraph
            | TagEnd::CodeBlock
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::MetadataBlock(_)
            | TagEnd::FootnoteDefinition
            | TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Table
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => self.flush(),
            TagEnd::DefinitionList
            | TagEnd::TableCell
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: BlockKind) {
        self.flush();
        self.kind = Some(kind);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let fallback = if self.items > 0 { BlockKind::Item } else { BlockKind::Paragraph };
        let kind = self.kind.take().unwrap_or(fallback);
        self.builder.push(kind, &text);
    }
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

//! DOCX: the body of the document as HTML. Headings by their style, list items, rows of tables, paragraphs. What is written in
//! them is escaped, so that no character of a text is taken for markup.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

/// Largest part that is unpacked, in bytes: a small archive may hold an endless one.
const PART_BYTES: u64 = 64 << 20;
const BODY: &str = "word/document.xml";

#[derive(Default)]
struct Body {
    out: String,
    text: String,
    heading: Option<usize>,
    item: bool,
    /// A list is open in `out`.
    listing: bool,
    inside_text: bool,
    /// Depth of deleted text, of which nothing is shown.
    deleted: usize,
    /// Depth of tables; only the outermost one makes rows.
    tables: usize,
    cells: Vec<String>,
}

pub(super) fn text(bytes: &[u8], most_bytes: usize) -> Result<String, String> {
    let damaged = || "content is no DOCX: expected a ZIP with word/document.xml".to_owned();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    let part = archive.by_name(BODY).map_err(|_| damaged())?;
    let mut xml = Vec::new();
    part.take(PART_BYTES + 1).read_to_end(&mut xml).map_err(|_| damaged())?;
    if xml.len() as u64 > PART_BYTES {
        return Err("the DOCX comes to too much text".to_owned());
    }
    let xml = String::from_utf8(xml).map_err(|_| "the DOCX is not written in UTF-8".to_owned())?;
    let mut reader = Reader::from_str(&xml);
    let mut body = Body::default();
    loop {
        match reader.read_event().map_err(|_| "the DOCX holds broken XML".to_owned())? {
            Event::Start(tag) => body.open(&tag),
            Event::Empty(tag) => {
                body.open(&tag);
                body.close(tag.local_name().as_ref());
            }
            Event::End(tag) => body.close(tag.local_name().as_ref()),
            Event::Text(text) if body.inside_text && body.deleted == 0 => {
                body.text.push_str(&text.decode().map_err(|_| "the DOCX holds broken XML".to_owned())?);
            }
            // The five entities of XML and characters by number; no others are known, and none is looked up.
            Event::GeneralRef(name) if body.inside_text && body.deleted == 0 => {
                let name = name.decode().map_err(|_| "the DOCX holds broken XML".to_owned())?;
                body.text.push_str(&resolved(&name));
            }
            Event::Eof => break,
            Event::Text(_)
            | Event::GeneralRef(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
        if body.out.len() + body.text.len() > most_bytes {
            return Err("the DOCX comes to too much text".to_owned());
        }
    }
    body.end_list();
    Ok(body.out)
}

fn resolved(name: &str) -> String {
    let number = name.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16).ok());
    let number = number.or_else(|| name.strip_prefix('#').map(|it| it.parse().ok())).flatten();
    match (name, number.and_then(char::from_u32)) {
        ("amp", _) => "&".to_owned(),
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        (_, Some(character)) => character.to_string(),
        (_, None) => String::new(),
    }
}

impl Body {
    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            b"p" if self.tables == 0 => {
                self.text.clear();
                (self.heading, self.item) = (None, false);
            }
            b"p" if !self.text.is_empty() => self.text.push(' '),
            b"pStyle" => {
                let style = value(tag).to_lowercase();
                if style == "title" {
                    self.heading = Some(1);
                } else if let Some(level) = style.strip_prefix("heading").or_else(|| style.strip_prefix("berschrift")) {
                    self.heading = level.trim().parse().ok().filter(|level| (1..=6).contains(level));
                } else if style.contains("list") {
                    self.item = true;
                }
            }
            b"numPr" => self.item = true,
            b"t" => self.inside_text = true,
            b"tab" | b"br" | b"cr" => self.text.push(' '),
            b"del" | b"moveFrom" => self.deleted += 1,
            b"tbl" => {
                self.tables += 1;
                if self.tables == 1 {
                    self.end_list();
                    self.out.push_str("<table>\n");
                }
            }
            b"tr" if self.tables == 1 => self.cells.clear(),
            b"tc" if self.tables == 1 => self.text.clear(),
            _ => {}
        }
    }

    fn close(&mut self, name: &[u8]) {
        match name {
            b"t" => self.inside_text = false,
            b"del" | b"moveFrom" => self.deleted = self.deleted.saturating_sub(1),
            b"p" if self.tables == 0 => {
                let text = flat(&std::mem::take(&mut self.text));
                if !text.is_empty() {
                    self.block(&text);
                }
            }
            b"tc" if self.tables == 1 => {
                let text = flat(&std::mem::take(&mut self.text));
                self.cells.push(text);
            }
            b"tr" if self.tables == 1 && !self.cells.iter().all(String::is_empty) => {
                let cells: String = self.cells.iter().map(|cell| element("td", cell)).collect();
                self.out.push_str("<tr>");
                self.out.push_str(&cells);
                self.out.push_str("</tr>\n");
            }
            b"tbl" => {
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 {
                    self.out.push_str("</table>\n");
                }
            }
            _ => {}
        }
    }

    /// Writes a paragraph down as what its style says.
    fn block(&mut self, text: &str) {
        let item = self.item && self.heading.is_none();
        if item && !self.listing {
            self.out.push_str("<ul>\n");
            self.listing = true;
        }
        if !item {
            self.end_list();
        }
        let written = match (self.heading, item) {
            (Some(level), _) => element(&format!("h{level}"), text),
            (None, true) => element("li", text),
            (None, false) => element("p", text),
        };
        self.out.push_str(&written);
        self.out.push('\n');
    }

    fn end_list(&mut self) {
        if std::mem::take(&mut self.listing) {
            self.out.push_str("</ul>\n");
        }
    }
}

fn element(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<{name}>{text}</{name}>")
}

/// The tag's `w:val`.
fn value(tag: &BytesStart<'_>) -> String {
    let found = tag.attributes().flatten().find(|it| it.key.local_name().as_ref() == b"val");
    found.map(|it| String::from_utf8_lossy(&it.value).into_owned()).unwrap_or_default()
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

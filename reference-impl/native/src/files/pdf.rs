//! PDF: the text of its pages in order, paragraphs as far as lines tell them.

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    if !bytes.windows(5).take(1024).any(|it| it == b"%PDF-") {
        return Err("content is no PDF".to_owned());
    }
    // The reader gives up on some damaged files by a panic; that is one document's failure and nobody else's.
    let pages = catch_unwind(AssertUnwindSafe(|| pdf_extract::extract_text_from_mem_by_pages(bytes)));
    let pages = pages.map_err(|_| "the PDF is damaged".to_owned())?;
    let pages = pages.map_err(|_| "the PDF cannot be read: it is damaged or locked".to_owned())?;
    let pages: Vec<String> = pages.iter().map(|page| paragraphs(page)).filter(|page| !page.is_empty()).collect();
    Ok(pages.join("\n\n"))
}

/// Lines joined to paragraphs: a blank line parts them, a line's end within one is a space.
fn paragraphs(page: &str) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            open = false;
            continue;
        }
        match paragraphs.last_mut().filter(|_| open) {
            Some(paragraph) => {
                paragraph.push(' ');
                paragraph.push_str(&line);
            }
            None => paragraphs.push(line),
        }
        open = true;
    }
    paragraphs.join("\n\n")
}

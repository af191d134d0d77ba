//! Texts of a record in Markdown, where nothing in them is markup, and the bound of the whole.

use crate::{
    format::{cut, invisible},
    redact,
};

/// A comment on GitHub holds 65,536 characters at most. Bytes are counted, which are never fewer.
const COMMENT_BYTES: usize = 60_000;
/// Kept free for the sentence that something was left out.
const LAST_WORDS: &str = "\nMore is on the page.\n";

/// A comment that takes whole blocks for as long as they fit.
#[derive(Debug, Default)]
pub(super) struct Comment {
    text: String,
    full: bool,
}

impl Comment {
    /// Adds `block`. Once one did not fit none is taken, so that nothing stands under a heading that is not its own.
    pub(super) fn add(&mut self, block: &str) {
        self.full |= self.text.len() + block.len() + LAST_WORDS.len() > COMMENT_BYTES;
        if !self.full {
            self.text.push_str(block);
        }
    }

    pub(super) fn finish(self) -> String {
        if self.full { self.text + LAST_WORDS } else { self.text }
    }
}

/// `text` as a code span that also fits into a table: one line, its bars escaped, its fence longer than any in it.
pub(super) fn code(text: &str, bytes: usize) -> String {
    let line = visible(&redact(text)).split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, shortened) = cut(&line, bytes);
    let fence = "`".repeat(longest_run(shown) + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    let shown = shown.replace('|', "\\|");
    format!("{fence}{pad}{shown}{}{pad}{fence}", if shortened { "…" } else { "" })
}

/// `text` as a code block, cut after `bytes` bytes.
pub(super) fn block(text: &str, bytes: usize) -> String {
    let clean = visible(&redact(text));
    let (shown, shortened) = cut(&clean, bytes);
    let fence = "`".repeat(longest_run(shown).max(2) + 1);
    let note = if shortened { "\nCut here; the record holds all of it.\n" } else { "" };
    format!("{fence}sh\n{shown}\n{fence}\n{note}")
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if invisible(c) { '\u{fffd}' } else { c }).collect()
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

//! Cuts extracted text into chunks.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

use super::convert::{Block, BlockKind, Extracted};
use super::tokens::Tokenizer;
use crate::sabotage::{self, Sabotage};
use crate::tenancy::{ChunkSettings, ChunkStrategy};

/// A section of at least this many tokens keeps its chunk to itself; smaller ones share one with what follows. Two or
/// three sentences: less than that retrieves badly on its own.
const SECTION_TOKENS: usize = 32;

/// Longest text of a chunk in UTF-8 bytes, whatever its tokens: the contract allows 200,000 characters.
const CHUNK_BYTES: usize = 200_000;
/// Longest text that neighbours share, in UTF-8 bytes.
const OVERLAP_BYTES: usize = CHUNK_BYTES / 2;
/// Longest atom in UTF-8 bytes: one always fits behind the longest overlap.
const ATOM_BYTES: usize = super::convert::GRAPHEME_BYTES;

/// A piece of a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// `chk_` and 32 hexadecimal digits, see [`chunk_id`].
    pub id: String,
    /// Position within the document, from 0.
    pub ordinal: u32,
    /// UTF-8 bytes of the document's extracted text.
    pub span: Range<usize>,
    /// Tokens of `text`.
    pub tokens: usize,
    /// The text.
    pub text: String,
    /// Headings above the text, outermost first.
    pub heading_path: Vec<String>,
}

/// The id of a chunk: `chk_` and the first 32 hexadecimal digits of the SHA-256 of document id, ordinal and text, each
/// preceded by its length, so that the same document always gives the same ids.
pub fn chunk_id(document_id: &str, ordinal: u32, text: &str) -> String {
    let ordinal = ordinal.to_string();
    let mut hash = Sha256::new();
    for part in [document_id, &ordinal, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    if sabotage::on(Sabotage::ChunkIdsRandom) {
        static MADE: AtomicU64 = AtomicU64::new(0);
        hash.update(MADE.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    }
    let mut id = format!("chk_{}", hex::encode(hash.finalize()));
    id.truncate(36);
    id
}

/// Cuts a document's text.
///
/// Chunks cover every byte in order; each has at most `settings.size_tokens` tokens, shares at most
/// `settings.overlap_tokens` with its neighbour and never starts or ends inside a grapheme. With
/// [`ChunkStrategy::Structure`] cuts fall on headings, then on blocks, then on sentences where they can, and tables, lists and
/// code that fit into a chunk stay whole where what comes before makes one of its own; with
/// [`ChunkStrategy::Fixed`] every chunk is filled. No chunk is longer than 200,000 bytes, be it of white space. Empty text gives no chunk. An overlap that is not smaller than the
/// size counts as one token less than the size.
pub fn chunk(
    document_id: &str,
    extracted: &Extracted,
    settings: ChunkSettings,
    tokenizer: &dyn Tokenizer,
) -> Vec<Chunk> {
    let text = &extracted.text;
    let cutter = Cutter::new(extracted, settings, tokenizer);
    cutter
        .cut()
        .into_iter()
        .zip(0_u32..)
        .map(|(piece, ordinal)| {
            let mut piece = piece;
            if sabotage::on(Sabotage::ChunksLeaveGaps) && piece.span.len() > 1 {
                let last = text[piece.span.clone()].char_indices().next_back().map_or(0, |(offset, _)| offset);
                piece.span.end = piece.span.start + last;
            }
            let body = &text[piece.span.clone()];
            Chunk {
                id: chunk_id(document_id, ordinal, body),
                ordinal,
                tokens: tokenizer.count(body) - usize::from(sabotage::on(Sabotage::ChunkTokensMiscounted)),
                text: body.to_owned(),
                heading_path: if sabotage::on(Sabotage::HeadingPathsLost) {
                    Vec::new()
                } else {
                    heading_path(&extracted.blocks, piece.fresh..piece.span.end)
                },
                span: if sabotage::on(Sabotage::ChunkSpansInCharacters) {
                    text[..piece.span.start].chars().count()..text[..piece.span.end].chars().count()
                } else {
                    piece.span
                },
            }
        })
        .collect()
}

/// The path of the first block of `span` that is not itself a heading.
fn heading_path(blocks: &[Block], span: Range<usize>) -> Vec<String> {
    let first = blocks.partition_point(|block| block.span.end <= span.start);
    let within = || blocks.iter().skip(first).take_while(|block| block.span.start < span.end);
    within()
        .find(|block| !matches!(block.kind, BlockKind::Heading(_)))
        .or_else(|| within().last())
        .map(|block| block.heading_path.to_vec())
        .unwrap_or_default()
}

struct Piece {
    span: Range<usize>,
    /// Where the text begins that the chunk before does not have.
    fresh: usize,
}

/// How good a place for a cut is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    Token,
    Sentence,
    /// Between two rows of a table or two items of a list.
    Line,
    Block,
    Heading,
}

/// Smallest uncut piece: a token with the white space after it.
struct Atom {
    start: usize,
    /// Tokens that start in it: one, save where a cut would fall inside a grapheme.
    tokens: usize,
    /// The best that can be said of a cut before it.
    strength: Break,
}

struct Cutter<'a> {
    text: &'a str,
    atoms: Vec<Atom>,
    /// Tables, lists and pieces of code, as ranges of atoms, in order.
    wholes: Vec<Range<usize>>,
    tokenizer: &'a dyn Tokenizer,
    size: usize,
    overlap: usize,
    structure: bool,
}

impl<'a> Cutter<'a> {
    fn new(extracted: &'a Extracted, settings: ChunkSettings, tokenizer: &'a dyn Tokenizer) -> Self {
        let mut size = (settings.size_tokens as usize).max(1);
        if sabotage::on(Sabotage::ChunksLargerThanAsked) {
            size *= 2;
        }
        let mut overlap = (settings.overlap_tokens as usize).min(size - 1);
        if sabotage::on(Sabotage::ChunkOverlapTooLarge) {
            overlap = (overlap + 8).min(size - 1);
        }
        let atoms = atoms(extracted, tokenizer);
        Self {
            text: &extracted.text,
            wholes: wholes(&extracted.blocks, &atoms),
            atoms,
            tokenizer,
            size,
            overlap,
            structure: settings.strategy == ChunkStrategy::Structure,
        }
    }

    fn cut(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut start = 0;
        let mut fresh = 0;
        while fresh < self.atoms.len() {
            let end = self.end(start, fresh);
            pieces.push(Piece { span: self.byte(start)..self.byte(end), fresh: self.byte(fresh) });
            fresh = end;
            start = self.next_start(start, end);
        }
        if sabotage::on(Sabotage::ChunksCutGraphemes) {
            self.cut_graphemes(&mut pieces);
        }
        pieces
    }

    /// For the flaw of cutting graphemes: moves each end into the last grapheme of several characters, where there is one
    /// near, and the beginning that follows along with it.
    fn cut_graphemes(&self, pieces: &mut [Piece]) {
        for index in 1..pieces.len() {
            let span = pieces[index - 1].span.clone();
            let inside = self.text[span.clone()].grapheme_indices(true).rev().take(8).find_map(|(offset, grapheme)| {
                let second = grapheme.char_indices().nth(1)?.0;
                Some(span.start + offset + second)
            });
            if let Some(inside) = inside {
                pieces[index - 1].span.end = inside;
                pieces[index].span.start = pieces[index].span.start.min(inside);
            }
        }
    }

    /// Byte at which an atom starts; the end of the text after the last.
    fn byte(&self, atom: usize) -> usize {
        self.atoms.get(atom).map_or(self.text.len(), |atom| atom.start)
    }

    /// The atom before which the chunk from `start` ends; it lies after `fresh`.
    fn end(&self, start: usize, fresh: usize) -> usize {
        let mut end = start;
        let mut tokens = 0;
        while let Some(atom) = self.atoms.get(end) {
            let full = tokens + atom.tokens > self.size || self.byte(end + 1) - self.byte(start) > CHUNK_BYTES;
            if full && end > fresh {
                break;
            }
            tokens += atom.tokens;
            end += 1;
        }
        // Cutting may change how the tokenizer sees the edges: what counts is what the finished chunk counts.
        while end > fresh + 1 {
            let excess = self.tokenizer.count(&self.text[self.byte(start)..self.byte(end)]).saturating_sub(self.size);
            if excess == 0 {
                break;
            }
            // An atom may be several tokens, where a character is; far too many are not given up one by one.
            end = end.saturating_sub((excess / 8).max(1)).max(fresh + 1);
        }
        if self.structure { self.best_end(start, fresh, end) } else { end }
    }

    fn best_end(&self, start: usize, fresh: usize, hard: usize) -> usize {
        if let Some(end) = self.before_a_whole(start, fresh, hard) {
            return end;
        }
        let mut tokens = self.atoms[start..=fresh].iter().map(|atom| atom.tokens).sum::<usize>();
        let mut best = (Break::Token, hard);
        for (index, atom) in self.atoms.iter().enumerate().take(hard + 1).skip(fresh + 1) {
            if atom.strength == Break::Heading && tokens >= SECTION_TOKENS.min(self.size / 4) {
                return index;
            }
            // A heading must not be the last thing of a chunk, nor may a chunk be left half empty for a weak reason.
            if tokens * 2 >= self.size && atom.strength >= best.0 && atom.strength > Break::Token {
                best = (atom.strength, index);
            }
            tokens += atom.tokens;
        }
        if hard == self.atoms.len() { hard } else { best.1 }
    }

    /// Where a cut at `hard` would part a table, a list or code that fits into a chunk: the place before it, along with the
    /// headings right above. `None` where that would leave too little for a chunk, or where a better cut comes earlier.
    fn before_a_whole(&self, start: usize, fresh: usize, hard: usize) -> Option<usize> {
        let next = self.wholes.partition_point(|whole| whole.end <= hard);
        let whole = self.wholes.get(next).filter(|whole| whole.start < hard && whole.start > fresh)?;
        let tokens = |atoms: Range<usize>| self.atoms[atoms].iter().map(|atom| atom.tokens).sum::<usize>();
        if tokens(whole.clone()) > self.size {
            return None;
        }
        let mut end = whole.start;
        // Above a heading there is a break of its own strength; back to it while only headings lie between.
        while let Some(above) = (fresh + 1..end).rev().find(|at| self.atoms[*at].strength >= Break::Line)
            && self.atoms[above].strength == Break::Heading
        {
            end = above;
        }
        let least = SECTION_TOKENS.min(self.size / 4);
        let earlier =
            (fresh + 1..end).any(|at| self.atoms[at].strength == Break::Heading && tokens(start..at) >= least);
        (!earlier && end > fresh && tokens(start..end) >= least).then_some(end)
    }

    /// The atom with which the chunk after `start..end` starts.
    fn next_start(&self, start: usize, end: usize) -> usize {
        let Some(cut) = self.atoms.get(end) else { return end };
        let parted = self.structure && cut.strength >= Break::Line && !sabotage::on(Sabotage::ChunkOverlapTooLarge);
        if self.overlap == 0 || parted {
            return end;
        }
        let mut first = end;
        let mut tokens = 0;
        let mut sentence = None;
        while first > start + 1
            && tokens + self.atoms[first - 1].tokens <= self.overlap
            && cut.start - self.byte(first - 1) <= OVERLAP_BYTES
        {
            first -= 1;
            tokens += self.atoms[first].tokens;
            if self.structure && self.atoms[first].strength >= Break::Sentence {
                sentence = Some(first);
            }
        }
        let mut first = sentence.unwrap_or(first);
        while first < end && self.tokenizer.count(&self.text[self.byte(first)..self.byte(end)]) > self.overlap {
            first += 1;
        }
        first
    }
}

fn atoms(extracted: &Extracted, tokenizer: &dyn Tokenizer) -> Vec<Atom> {
    let text = &extracted.text;
    if text.is_empty() {
        return Vec::new();
    }
    let mut sentences = text.split_sentence_bound_indices().map(|(start, _)| start).peekable();
    let mut blocks = extracted.blocks.iter().peekable();
    let mut last_kind = None;
    // One pass over the text: to ask for a single boundary may look back over everything before it.
    let mut graphemes = text.grapheme_indices(true).map(|(start, _)| start).peekable();
    let mut atoms = vec![Atom { start: 0, tokens: 0, strength: Break::Heading }];
    for span in tokenizer.spans(text) {
        let mut strength = Break::Token;
        while sentences.next_if(|start| *start <= span.start).is_some_and(|start| start == span.start) {
            strength = Break::Sentence;
        }
        // The white space before a block's first token belongs to the block before, so the token decides.
        while let Some(block) = blocks.next_if(|block| block.span.start <= span.start) {
            strength = match block.kind {
                BlockKind::Heading(_) => Break::Heading,
                BlockKind::Item | BlockKind::Row if last_kind == Some(block.kind) => Break::Line,
                BlockKind::Item | BlockKind::Row | BlockKind::Paragraph | BlockKind::Code => Break::Block,
            };
            last_kind = Some(block.kind);
        }
        while graphemes.next_if(|start| *start < span.start).is_some() {}
        let whole = graphemes.peek() == Some(&span.start);
        match atoms.last_mut() {
            Some(last) if !whole || span.start == 0 => last.tokens += 1,
            _ => atoms.push(Atom { start: span.start, tokens: 1, strength }),
        }
    }
    // White space at the very start joins the first token.
    if atoms.len() > 1 && atoms[0].tokens == 0 {
        atoms[1].start = 0;
        atoms.remove(0);
    }
    bounded(text, atoms, tokenizer)
}

/// The tables, lists and pieces of code among `blocks`, as ranges of `atoms`.
fn wholes(blocks: &[Block], atoms: &[Atom]) -> Vec<Range<usize>> {
    let mut wholes: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    let mut end = 0;
    for block in blocks {
        // One pass over both: blocks tile the text, and each atom starts in one of them.
        let start = end;
        while atoms.get(end).is_some_and(|atom| atom.start < block.span.end) {
            end += 1;
        }
        match block.kind {
            BlockKind::Item | BlockKind::Row if last == Some(block.kind) => {
                if let Some(whole) = wholes.last_mut() {
                    whole.end = end;
                }
            }
            BlockKind::Item | BlockKind::Row | BlockKind::Code => wholes.push(start..end),
            BlockKind::Paragraph | BlockKind::Heading(_) => {}
        }
        last = Some(block.kind);
    }
    wholes
}

/// Cuts atoms longer than [`ATOM_BYTES`] between graphemes.
fn bounded(text: &str, atoms: Vec<Atom>, tokenizer: &dyn Tokenizer) -> Vec<Atom> {
    let ends: Vec<usize> = atoms.iter().skip(1).map(|atom| atom.start).chain([text.len()]).collect();
    let mut short = Vec::with_capacity(atoms.len());
    for (atom, end) in atoms.into_iter().zip(ends) {
        if end - atom.start <= ATOM_BYTES {
            short.push(atom);
            continue;
        }
        let mut strength = atom.strength;
        let mut start = atom.start;
        let mut push = |piece: Range<usize>| {
            short.push(Atom { start: piece.start, tokens: tokenizer.count(&text[piece]), strength });
            strength = Break::Token;
        };
        for (offset, grapheme) in text[atom.start..end].grapheme_indices(true) {
            let from = atom.start + offset;
            if from > start && from + grapheme.len() - start > ATOM_BYTES {
                push(start..from);
                start = from;
            }
        }
        push(start..end);
    }
    short
}

#[cfg(test)]
mod tests;

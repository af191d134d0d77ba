//! What a model writes, piece by piece, up to its stop texts and its most tokens.

use crate::ingest::Tokenizer;
use crate::sabotage::{self, Sabotage};

use super::model::Finish;

/// Longest stretch without white space that is counted as one, in bytes.
const LONGEST_WORD: usize = 64;

/// Follows a text as it grows and tells how much of it counts.
pub(super) struct Written {
    stop: Vec<String>,
    most: Option<usize>,
    /// Text that may be the beginning of a stop text.
    held: String,
    /// Tokens of all words before the last one.
    settled: usize,
    /// The last word, which may go on.
    word: String,
}

impl Written {
    pub(super) fn new(stop: &[String], most: Option<u32>) -> Self {
        let stop = if sabotage::on(Sabotage::StopTextsIgnored) { Vec::new() } else { stop.to_vec() };
        let most = most.map(|it| it as usize).filter(|_| !sabotage::on(Sabotage::MaxTokensIgnored));
        Self { stop, most, held: String::new(), settled: 0, word: String::new() }
    }

    /// Takes the next piece. Gives what of it counts so far, and why nothing more will where that is so.
    pub(super) fn push(&mut self, piece: &str, tokenizer: &dyn Tokenizer) -> (String, Option<Finish>) {
        self.held.push_str(piece);
        let first = self.stop.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = first {
            let text = self.held[..at].to_owned();
            self.held.clear();
            let (text, cut) = self.bounded(&text, tokenizer);
            return (text, Some(cut.unwrap_or(Finish::Stop)));
        }
        let keep = self.stop.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let text: String = self.held.drain(..self.held.len() - keep).collect();
        self.bounded(&text, tokenizer)
    }

    /// What was held back, once nothing more comes.
    pub(super) fn rest(&mut self, tokenizer: &dyn Tokenizer) -> (String, Option<Finish>) {
        let text = std::mem::take(&mut self.held);
        self.bounded(&text, tokenizer)
    }

    /// `text` up to the last word that has room. Words are counted as they grow: a word is only known to fit once it is over,
    /// so the end of what was passed on before may be part of one that turns out too long; that part stays.
    fn bounded(&mut self, text: &str, tokenizer: &dyn Tokenizer) -> (String, Option<Finish>) {
        let mut out = String::new();
        for character in text.chars() {
            // Scripts without spaces are counted in stretches, so that no count begins anew with a long text.
            if character.is_whitespace() || self.word.len() >= LONGEST_WORD {
                self.settled += tokenizer.count(&self.word);
                self.word.clear();
            }
            if !character.is_whitespace() {
                self.word.push(character);
                let over = self
                    .most
                    .is_some_and(|most| self.settled >= most || self.settled + tokenizer.count(&self.word) > most);
                if over {
                    self.word.pop();
                    return (out, Some(Finish::Length));
                }
            }
            out.push(character);
        }
        (out, None)
    }
}

/// Length of the longest end of `text` that is a proper beginning of `stop`, in bytes.
fn overlap(text: &str, stop: &str) -> usize {
    let starts = stop.char_indices().map(|(at, _)| at).filter(|at| *at > 0 && *at <= text.len());
    starts.filter(|at| text.ends_with(&stop[..*at])).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::UnicodeWords;

    fn all(stop: &[&str], most: Option<u32>, pieces: &[&str]) -> (String, Option<Finish>) {
        let stop: Vec<String> = stop.iter().map(|it| (*it).to_owned()).collect();
        let mut written = Written::new(&stop, most);
        let mut text = String::new();
        for piece in pieces {
            let (more, end) = written.push(piece, &UnicodeWords);
            text.push_str(&more);
            if end.is_some() {
                return (text, end);
            }
        }
        let (more, end) = written.rest(&UnicodeWords);
        (text + &more, end)
    }

    #[test]
    fn ends_before_the_first_stop_text_however_it_is_cut() {
        let text = "one two STOP three END four";
        for size in 1..=text.len() {
            let pieces: Vec<String> =
                text.as_bytes().chunks(size).map(|it| String::from_utf8(it.to_vec()).unwrap()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let expected = ("one two ".to_owned(), Some(Finish::Stop));
            assert_eq!(all(&["END", "STOP"], None, &pieces), expected, "{size}");
            assert_eq!(all(&["STOPS", "ENDS"], None, &pieces), (text.to_owned(), None), "{size}");
        }
    }

    #[test]
    fn writes_no_more_tokens_than_it_may() {
        for (most, expected, end) in [
            (1, "One ", Some(Finish::Length)),
            (2, "One two", Some(Finish::Length)),
            (3, "One two, ", Some(Finish::Length)),
            (5, "One two, three.", None),
        ] {
            let (text, found) = all(&[], Some(most), &["One tw", "o, thr", "ee."]);
            assert_eq!((text.as_str(), found), (expected, end), "{most}");
        }
    }
}

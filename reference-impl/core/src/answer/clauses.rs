//! Cuts sentences that are too long to be quoted at the borders of their clauses.

use std::ops::Range;

/// Most words of a quote.
pub(super) const MAX_QUOTE_WORDS: usize = 40;

/// Words that begin a clause.
const OPENERS: [&str; 16] = [
    "and", "but", "or", "which", "who", "where", "when", "while", "because", "although", "whereas", "with", "that",
    "including", "such", "after",
];

/// The parts of `text[sentence]` that may be quoted: the sentence itself where it has at most 40 words, otherwise
/// stretches of at most 40 words that begin at a clause's border and end at the last border within reach.
pub(super) fn quotable(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let words = words(text, sentence.clone());
    if words.len() <= MAX_QUOTE_WORDS {
        return vec![sentence];
    }
    // Positions of words that begin a clause; the first always does.
    let mut borders: Vec<usize> = (0..words.len()).filter(|at| *at == 0 || begins_clause(text, &words, *at)).collect();
    if borders.len() < 2 {
        borders = (0..words.len()).step_by(MAX_QUOTE_WORDS / 2).collect();
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut reached = 0;
    for from in borders.iter().copied() {
        let limit = (from + MAX_QUOTE_WORDS).min(words.len());
        let to = if limit == words.len() {
            limit
        } else {
            borders.iter().copied().filter(|at| *at > from + MAX_QUOTE_WORDS / 2 && *at <= limit).next_back().unwrap_or(limit)
        };
        // A stretch that ends where an earlier one does says less of the same.
        if to > reached {
            found.push(words[from].start..words[to - 1].end);
            reached = to;
        }
    }
    found
}

fn begins_clause(text: &str, words: &[Range<usize>], at: usize) -> bool {
    let before = &text[words[at - 1].clone()];
    before.ends_with([',', ';', ':', ')']) || OPENERS.contains(&&text[words[at].clone()])
}

fn words(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let base = sentence.start;
    let body = &text[sentence];
    body.split_whitespace()
        .map(|word| {
            let start = base + (word.as_ptr() as usize - body.as_ptr() as usize);
            start..start + word.len()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_what_is_short() {
        let text = "A short one. Here.";
        assert_eq!(quotable(text, 0..12), [0..12]);
    }

    #[test]
    fn cuts_at_borders_within_reach_and_loses_no_word() {
        let clause = "the long report names nine of the towns near the river, ";
        for text in [clause.repeat(9), "word ".repeat(130)] {
            let text = text.trim_end();
            let parts = quotable(text, 0..text.len());
            assert!(parts.len() > 1);
            for part in &parts {
                let count = text[part.clone()].split_whitespace().count();
                assert!((1..=MAX_QUOTE_WORDS).contains(&count), "{count}");
            }
            assert_eq!((parts[0].start, parts.last().unwrap().end), (0, text.len()));
            assert!(parts.windows(2).all(|pair| pair[1].start <= pair[0].end + 1), "{parts:?}");
        }
    }
}

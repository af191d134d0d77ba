//! Cuts sentences that are too long to be quoted at the borders of their clauses.

use std::ops::Range;

/// Most words of a quote.
pub(super) const MAX_QUOTE_WORDS: usize = 40;

/// Words that begin a clause.
const OPENERS: [&str; 16] = [
    "and",
    "but",
    "or",
    "which",
    "who",
    "where",
    "when",
    "while",
    "because",
    "although",
    "whereas",
    "with",
    "that",
    "including",
    "such",
    "after",
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
            borders.iter().copied().rfind(|at| *at > from + MAX_QUOTE_WORDS / 2 && *at <= limit).unwrap_or(limit)
        };
        // A stretch that ends where an earlier one does says less of the same.
        if to > reached {
            found.push(words[from].start..words[to - 1].end);
            reached = to;
        }
    }
    found
}

/// `span` with the sentences beside it, as far as they stand in the same paragraph and the whole keeps to 40 words: what a
/// sentence means often shows in its neighbour alone. The neighbour that `value` puts higher comes first; nothing of `barred`
/// is taken in.
pub(super) fn widened(
    text: &str,
    places: &[Range<usize>],
    barred: &[Range<usize>],
    span: Range<usize>,
    value: &dyn Fn(&Range<usize>) -> f64,
) -> Range<usize> {
    let mut wide = span;
    loop {
        let fits = |place: &&Range<usize>| {
            let both = wide.start.min(place.start)..wide.end.max(place.end);
            let apart = barred.iter().all(|it| it.end <= both.start || both.end <= it.start);
            let body = &text[both];
            apart
                && !text[(*place).clone()].ends_with('?')
                && !body.contains(['\n', '\r'])
                && body.split_whitespace().count() <= MAX_QUOTE_WORDS
        };
        let before = places.iter().rev().find(|place| place.end <= wide.start).filter(fits);
        let after = places.iter().find(|place| place.start >= wide.end).filter(fits);
        let before_first = match (before, after) {
            (Some(before), Some(after)) => value(before) > value(after),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return wide,
        };
        match (before, after) {
            (Some(before), _) if before_first => wide.start = before.start,
            (_, Some(after)) => wide.end = after.end,
            (_, None) => return wide,
        }
    }
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
        assert_eq!(quotable(text, 0..12), vec![0..12]);
    }

    #[test]
    fn takes_neighbours_in_while_there_is_room() {
        let text = "Ask Ann. It opens at nine. Tea is free.\nThe end is here.";
        let places = [0..8, 9..26, 27..39, 40..56];
        let value = |place: &Range<usize>| if place.start == 0 { 1.0 } else { 0.0 };
        assert_eq!(widened(text, &places, &[], 9..26, &value), 0..39);
        assert_eq!(widened(text, &places, &places[..1], 9..26, &value), 9..39);
        let long = format!("{}. It opens.", "word ".repeat(39).trim_end());
        let end = long.len();
        assert_eq!(widened(&long, &[0..end - 10, end - 9..end], &[], end - 9..end, &value), end - 9..end);
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

//! Spelling: plain words that the tenant's documents do not know become the words that they were most likely meant to be.

use std::ops::Range;

use super::english::is_foreign;
use super::understand::{QUESTION_WORDS, SYNONYMS};
use super::vocabulary::Vocabulary;
use crate::retrieve::quoted_phrases;
use crate::retrieve::words::{is_stop_word, spans};

/// Shorter words have too many neighbours to be corrected.
const MIN_CORRECTED_CHARS: usize = 4;
/// Most different words of a query that are looked up. Each costs a pass over the vocabulary, and a text with more unknown
/// words than this is not misspelt but written in other words.
const MAX_LOOKED_UP: usize = 16;

/// One corrected word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// As it was written, in lower case.
    pub from: String,
    /// As the tenant's documents write it.
    pub to: String,
}

/// Corrects plain words that the vocabulary does not know. What is quoted, code, part of an identifier, a name, or of a
/// query in another language comes out as it went in.
pub(super) fn correct_spelling(query: &str, vocabulary: &Vocabulary) -> (String, Vec<Correction>) {
    let all = spans(query);
    if vocabulary.is_empty() || is_foreign_text(query, &all) {
        return (query.to_owned(), Vec::new());
    }
    let exact = exact_parts(query);
    let mut out = String::with_capacity(query.len());
    let mut corrections: Vec<Correction> = Vec::new();
    let mut seen: Vec<(String, Option<&str>)> = Vec::new();
    let mut from = 0;
    let mut next_exact = 0;
    for (place, span) in all.iter().enumerate() {
        while exact.get(next_exact).is_some_and(|part| part.end <= span.start) {
            next_exact += 1;
        }
        let inside = exact.get(next_exact).is_some_and(|part| part.start <= span.start);
        let word = &query[span.clone()];
        let lower = word.to_lowercase();
        if inside || is_part(query, span) || is_name(query, &all, place) || !is_candidate(word, &lower) {
            continue;
        }
        let known = if let Some((_, known)) = seen.iter().find(|(word, _)| *word == lower) {
            *known
        } else if seen.len() < MAX_LOOKED_UP {
            let known = vocabulary.correction(&lower);
            seen.push((lower.clone(), known));
            known
        } else {
            break;
        };
        if let Some(known) = known {
            out.push_str(&query[from..span.start]);
            out.push_str(known);
            from = span.end;
            corrections.push(Correction { from: lower, to: known.to_owned() });
        }
    }
    out.push_str(&query[from..]);
    (out, corrections)
}

/// Words of letters alone, in lower case but for the first, that are not among those which mean something by themselves.
fn is_candidate(word: &str, lower: &str) -> bool {
    word.chars().skip(1).all(char::is_lowercase)
        && word.chars().all(char::is_alphabetic)
        && lower.chars().count() >= MIN_CORRECTED_CHARS
        && !is_stop_word(lower)
        && !QUESTION_WORDS.contains(&lower)
        && !SYNONYMS.iter().any(|group| group.contains(&lower))
}

/// Whether the word is part of something longer, such as an address, a path or `snake_case`: an identifier.
fn is_part(query: &str, span: &Range<usize>) -> bool {
    let joins = |it: char| matches!(it, '_' | '-' | '@' | '/' | '.' | '#' | ':' | '\\' | '{' | '}' | '$' | '=' | '\'');
    let before = query[..span.start].chars().next_back().is_some_and(joins);
    let mut after = query[span.end..].chars();
    let joined = after.next().is_some_and(|it| joins(it) || it == '(');
    before || (joined && after.next().is_some_and(|it| it.is_alphanumeric() || joins(it) || it == ')'))
}

/// Whether the word has a capital letter that the beginning of a sentence does not explain.
fn is_name(query: &str, all: &[Range<usize>], place: usize) -> bool {
    let capital = |span: &Range<usize>| query[span.clone()].chars().next().is_some_and(char::is_uppercase);
    let span = &all[place];
    if !capital(span) {
        return false;
    }
    let begins =
        query[..span.start].trim_end().chars().next_back().is_none_or(|it| matches!(it, '.' | '!' | '?' | ':'));
    // Two capitals in a row are a name wherever they stand.
    !begins || all.get(place + 1).is_some_and(capital)
}

/// Quoted phrases and code spans, in order.
fn exact_parts(query: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = quoted_phrases(query)
        .iter()
        .map(|phrase| {
            let start = phrase.as_ptr() as usize - query.as_ptr() as usize;
            start..start + phrase.len()
        })
        .collect();
    let mut open = None;
    for (offset, _) in query.match_indices('`') {
        match open.take() {
            Some(start) => parts.push(start..offset),
            None => open = Some(offset + 1),
        }
    }
    parts.sort_by_key(|part| (part.start, part.end));
    // Overlapping parts become one, so that a single pass over the words meets each.
    parts.dedup_by(|later, earlier| {
        let overlap = later.start <= earlier.end;
        if overlap {
            earlier.end = earlier.end.max(later.end);
        }
        overlap
    });
    parts
}

/// Whether the function words of a query are those of another language.
fn is_foreign_text(query: &str, all: &[Range<usize>]) -> bool {
    let (mut foreign, mut own) = (0, 0);
    for span in all {
        let word = query[span.clone()].to_lowercase();
        foreign += usize::from(is_foreign(&word));
        own += usize::from(is_stop_word(&word));
    }
    foreign > 0 && foreign >= own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &str) {
        let words = ["battery", "refund", "warranty", "positions", "zorgeloos"].map(|word| (word.to_owned(), 3));
        assert_eq!(correct_spelling(query, &Vocabulary::new(words.to_vec())).0, expected);
    }

    #[test]
    fn corrects_plain_words_alone() {
        check("Waranty, refnd and waranty", "warranty, refund and warranty");
        check("\u{201c}waranty\u{201d} and waranty", "\u{201c}waranty\u{201d} and warranty");
        check("`waranty` waranty", "`waranty` warranty");
        for same in [
            "waranty-card waranty_id Waranty2 a@waranty.example",
            "GET /v1/{waranty}/refnd refnd() $waranty waranty=1",
            "ask Mr Waranty or Refnd Batery",
            "wie ist die waranty für den Rahmen",
            "WARANTY wty",
        ] {
            check(same, same);
        }
    }

    #[test]
    fn looks_few_words_up_however_many_there_are() {
        let unknown = |number: usize| format!("qx{}", "z".repeat(number + 3));
        let many = (0..MAX_LOOKED_UP).map(unknown).collect::<Vec<_>>().join(" ");
        check(&format!("{many} waranty"), &format!("{many} waranty"));
        check(&format!("waranty {many}"), &format!("warranty {many}"));
    }
}

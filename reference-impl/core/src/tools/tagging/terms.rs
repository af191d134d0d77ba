//! A document's own telling terms: short runs of content words, by how often they come, how early and how long.

use std::collections::HashMap;

use crate::retrieve::words::{spans, stem};
use crate::tools::text::is_function_word;

/// Most words of a term.
const LONGEST: usize = 3;
/// Longest tag in characters.
const TAG_CHARS: usize = 64;
/// Words that are looked at.
const MOST_WORDS: usize = 50_000;

#[derive(Debug, Default)]
struct Term {
    /// As it was written, with counts; the most frequent form is shown.
    forms: HashMap<String, usize>,
    count: usize,
    first: usize,
    words: usize,
}

/// Up to `most` terms with scores, best first.
pub(super) fn own(text: &str, most: usize) -> Vec<(String, f64)> {
    let mut terms: HashMap<String, Term> = HashMap::new();
    let spans: Vec<_> = spans(text).into_iter().take(MOST_WORDS).collect();
    let usable =
        |word: &str| word.chars().count() > 2 && !is_function_word(word) && word.chars().any(char::is_alphabetic);
    for from in 0..spans.len() {
        let mut stems: Vec<String> = Vec::new();
        for to in from..(from + LONGEST).min(spans.len()) {
            let lower = text[spans[to].clone()].to_lowercase();
            let joined = to == from || matches!(&text[spans[to - 1].end..spans[to].start], " " | "-" | "\n");
            if !joined || !usable(&lower) {
                break;
            }
            stems.push(stem(&lower));
            let form = text[spans[from].start..spans[to].end].replace('\n', " ").to_lowercase();
            let term = terms.entry(stems.join(" ")).or_insert_with(|| Term { first: from, ..Term::default() });
            term.count += 1;
            term.words = stems.len();
            *term.forms.entry(form).or_default() += 1;
        }
    }
    let total = spans.len().max(1);
    let mut scored: Vec<(String, String, f64)> = terms
        .iter()
        // A run of words that comes once is chance; a single word is a term by itself.
        .filter(|(_, term)| term.count > 1 || term.words == 1)
        .map(|(key, term)| {
            #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
            let (count, first, words) = (term.count as f64, term.first as f64 / total as f64, term.words as f64);
            let score = (1.0 + count.ln())
                * (1.0 + 0.55 * (words - 1.0))
                * (1.15 - 0.4 * first)
                * if count > 1.0 { 1.0 } else { 0.5 };
            let form = term.forms.iter().max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)));
            (key.clone(), form.map(|(form, _)| form.clone()).unwrap_or_default(), score)
        })
        .collect();
    scored.sort_by(|one, other| other.2.total_cmp(&one.2).then(one.0.cmp(&other.0)));
    let mut chosen: Vec<(String, String, f64)> = Vec::new();
    for (key, form, score) in scored {
        // A word that stands within a longer term is said already.
        let within = chosen.iter().any(|(other, _, _)| other.split(' ').any(|it| key.split(' ').any(|own| own == it)));
        if !within && form.chars().count() <= TAG_CHARS {
            chosen.push((key, form, score));
        }
        if chosen.len() == most {
            break;
        }
    }
    let best = chosen.first().map_or(1.0, |it| it.2).max(0.001);
    chosen.into_iter().map(|(_, form, score)| (form, (score / best * 0.95 * 1000.0).round() / 1000.0)).collect()
}

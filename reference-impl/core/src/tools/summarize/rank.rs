//! Which sentences tell most: those whose words the whole text uses, early ones first, none that repeats another.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::answer::{is_order, sentences};
use crate::tools::text::{content, count_words};

/// Sentences that are looked at; a book has more, and they add nothing to what it is about.
const MOST_SENTENCES: usize = 5000;
/// Longest sentence in bytes; longer ones are no prose.
const LONGEST: usize = 4000;

/// A sentence with what was counted of it.
struct Sentence {
    place: Range<usize>,
    stems: Vec<String>,
    score: f64,
    words: usize,
}

/// How much the words of the text weigh, and each sentence.
fn ranked(text: &str) -> Vec<Sentence> {
    let places = sentences(text).into_iter().filter(|it| it.len() <= LONGEST).take(MOST_SENTENCES);
    let mut all: Vec<Sentence> = places
        .map(|place| {
            let body = &text[place.clone()];
            Sentence { stems: content(body), score: 0.0, words: count_words(body), place }
        })
        .filter(|it| it.words > 0)
        .collect();
    // A heading says what is told below it and is no sentence of it.
    let heading = |it: &Sentence| {
        let body = text[it.place.clone()].trim_start();
        body.starts_with('#')
            || (it.words <= 8 && !body.ends_with(['.', '!', '?', '。', '！', '？', '।', '؟', '…', '"', '”']))
    };
    let headed: HashSet<String> = all.iter().filter(|it| heading(it)).flat_map(|it| it.stems.clone()).collect();
    let prose = all.iter().filter(|it| !heading(it)).count();
    if prose > 0 {
        all.retain(|it| !heading(it));
    }
    let mut count: HashMap<&str, f64> = HashMap::new();
    let mut among: HashMap<&str, f64> = HashMap::new();
    for sentence in &all {
        let mut seen = HashSet::new();
        for stem in &sentence.stems {
            *count.entry(stem).or_default() += 1.0;
            if seen.insert(stem.as_str()) {
                *among.entry(stem).or_default() += 1.0;
            }
        }
    }
    let sentences = all.len();
    #[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
    let total = sentences as f64;
    let weights: HashMap<String, f64> = count
        .iter()
        .map(|(stem, count)| {
            let spread = among.get(stem).copied().unwrap_or(1.0);
            // Words of a few sentences carry the matter; those of nearly all of them carry none.
            let rare = (1.0 - spread / (total + 2.0)).max(0.1);
            let headed = if headed.contains(*stem) { 1.5 } else { 1.0 };
            ((*stem).to_owned(), (1.0 + count.ln()) * rare * headed * if *count > 1.0 { 1.0 } else { 0.45 })
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
    for (index, sentence) in all.iter_mut().enumerate() {
        let unique: HashSet<&str> = sentence.stems.iter().map(String::as_str).collect();
        let sum: f64 = unique.iter().filter_map(|it| weights.get(*it)).sum();
        let dense = sum / (unique.len() as f64 + 6.0).powf(0.6);
        let place = 1.0 + 1.1 / (1.0 + index as f64 * 0.8) + if index + 1 == sentences { 0.12 } else { 0.0 };
        let short = if sentence.words < 5 { 0.5 } else { 1.0 };
        let asks = if text[sentence.place.clone()].ends_with('?') { 0.6 } else { 1.0 };
        let order = if is_order(&text[sentence.place.clone()]) { 0.1 } else { 1.0 };
        sentence.score = dense * place * short * asks * order;
    }
    all
}

/// Up to `most` sentences of together at most `most_words` words, in the order of the text.
pub(super) fn choose(text: &str, most: usize, most_words: usize) -> Vec<Range<usize>> {
    let all = ranked(text);
    let mut chosen: Vec<usize> = Vec::new();
    let mut covered: HashSet<&str> = HashSet::new();
    let mut words = 0;
    while chosen.len() < most {
        let gain = |sentence: &Sentence| {
            let unique: HashSet<&str> = sentence.stems.iter().map(String::as_str).collect();
            let known = unique.iter().filter(|it| covered.contains(**it)).count();
            #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
            let new = if unique.is_empty() { 1.0 } else { 1.0 - known as f64 / unique.len() as f64 };
            sentence.score * (0.35 + 0.65 * new) * if new < 0.2 { 0.2 } else { 1.0 }
        };
        let fits = |index: &usize| !chosen.contains(index) && words + all[*index].words <= most_words;
        let best = (0..all.len())
            .filter(fits)
            .max_by(|one, other| gain(&all[*one]).total_cmp(&gain(&all[*other])).then(other.cmp(one)));
        let Some(best) = best else { break };
        chosen.push(best);
        words += all[best].words;
        covered.extend(all[best].stems.iter().map(String::as_str));
    }
    // A text whose every sentence is longer than what was asked is shortened at a word.
    if chosen.is_empty()
        && let Some(best) = all.iter().max_by(|one, other| one.score.total_cmp(&other.score))
    {
        let cut = cut(&text[best.place.clone()], most_words);
        return std::iter::once(best.place.start..best.place.start + cut).collect();
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|index| all[index].place.clone()).collect()
}

/// The piece of the best sentence that says most in up to `most_words` words, without a final mark.
pub(super) fn headline(text: &str, most_words: usize) -> Option<Range<usize>> {
    let all = ranked(text);
    let best = all
        .iter()
        .max_by(|one, other| one.score.total_cmp(&other.score).then(other.place.start.cmp(&one.place.start)))?;
    let body = &text[best.place.clone()];
    let within = &body[..cut(body, most_words)];
    let mut end = within.len();
    if within.len() < body.len() {
        // At the end of a clause rather than in its middle, where one ends not too early.
        let clause = within
            .char_indices()
            .filter(|(_, it)| matches!(it, ',' | ';' | ':' | '–' | '—'))
            .map(|(at, _)| at)
            .next_back();
        if let Some(at) = clause.filter(|at| count_words(&within[..*at]) >= 4) {
            end = at;
        }
    }
    let kept = within[..end].trim_end_matches(|it: char| {
        it.is_whitespace() || matches!(it, '.' | ',' | ';' | ':' | '–' | '—' | '。' | '!' | '?')
    });
    let end = if kept.is_empty() { end } else { kept.len() };
    Some(best.place.start..best.place.start + end)
}

/// Bytes of the first words of a text.
fn cut(text: &str, most_words: usize) -> usize {
    let mut end = 0;
    let mut words = 0;
    let mut inside = false;
    for (at, character) in text.char_indices() {
        let wide = u32::from(character) >= 0x3040;
        if character.is_whitespace() {
            inside = false;
            continue;
        }
        if !inside || wide {
            words += 1;
            inside = true;
        }
        if words > most_words {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

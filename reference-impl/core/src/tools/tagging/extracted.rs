//! What a document says of itself: title, language, dates, authors, headings and counts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value as Json, json};

use crate::answer::sentences;
use crate::ingest::convert::{BlockKind, Extracted};
use crate::ingest::{ContentType, Tokenizer};
use crate::tools::entities;
use crate::tools::text::{count_words, language};

/// A line that names authors, in several languages.
static BYLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^[ \t>*_#-]*(?:(?:written |prepared |compiled |edited |words |text )?by|authors?\s*:?|autor(?:in|en|es)?\s*:|auteure?s?\s*:|von|par|por|verfasst von|geschrieben von|écrit par|escrito por)[ \t:]+(.{3,200})$")
        .expect("a constant pattern")
});
static PARTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\s*(?:,|;|&|\band\b|\bund\b|\bet\b|\by\b)\s*").expect("a constant pattern"));
/// The same within running text, before a name.
static WITHIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[Ww]ritten by|[Pp]repared by|[Rr]eport by|[Aa]uthors?:|[Vv]erfasst von|[Éé]crit par|[Ee]scrito por)\s+((?:\p{Lu}[\p{L}'’.-]*\s?){2,4})").expect("a constant pattern")
});

const MOST_AUTHORS: usize = 32;
const MOST_DATES: usize = 100;
const MOST_HEADINGS: usize = 1000;

/// Compiles the patterns.
pub(crate) fn warm() {
    for pattern in [&BYLINE, &PARTS, &WITHIN] {
        LazyLock::force(pattern);
    }
}

pub(super) fn of(document: &Extracted, kind: ContentType, tokenizer: &dyn Tokenizer) -> Json {
    let text = &document.text;
    let headings: Vec<(u8, String)> = document
        .blocks
        .iter()
        .filter_map(|block| match block.kind {
            BlockKind::Heading(level) => Some((level, clean(&text[block.span.clone()]))),
            BlockKind::Paragraph | BlockKind::Item | BlockKind::Row | BlockKind::Code => None,
        })
        .filter(|(_, title)| !title.is_empty())
        .take(MOST_HEADINGS)
        .collect();
    let top = headings.iter().map(|(level, _)| *level).min();
    let title = headings.iter().find(|(level, _)| Some(*level) == top).map(|(_, title)| title.clone());
    let title = title.or_else(|| first_line(text).filter(|_| kind != ContentType::Json));
    let found = entities::extract(text, &[]);
    // A month alone is no date of a calendar.
    let whole = |it: &entities::Entity| it.value.clone().filter(|value| it.kind == "date" && value.len() == 10);
    let dates: BTreeSet<String> = found.iter().filter_map(whole).take(MOST_DATES).collect();
    let mut extracted = json!({
        "language": language(text),
        "dates": dates,
        "authors": authors(text),
        "headings": headings.iter().map(|(_, title)| title).collect::<Vec<_>>(),
        "counts": {
            "characters": text.chars().count(), "words": count_words(text), "sentences": sentences(text).len(),
            "tokens": tokenizer.count(text),
        },
    });
    if let Some(title) = title {
        extracted["title"] = title.into();
    }
    extracted
}

fn clean(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(1000).collect()
}

/// A first line that stands alone and is no sentence.
fn first_line(text: &str) -> Option<String> {
    let text = text.trim_start();
    let (line, rest) = text.split_once('\n')?;
    let line = line.trim();
    let alone = !rest.trim().is_empty() && (rest.starts_with('\n') || rest.starts_with("\r\n") || line.len() < 80);
    let sentence = line.ends_with(['.', ',', ';', '!', '?', ':']) && !line.ends_with("...");
    (alone && !sentence && line.chars().count() <= 120 && count_words(line) > 0).then(|| clean(line))
}

fn authors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let lines = BYLINE.captures_iter(text).chain(WITHIN.captures_iter(text));
    for line in lines.filter_map(|it| it.get(1)).map(|it| it.as_str()) {
        // What follows the names on the line: a date, a place, a rank.
        let names = line.split(['|', '·', '(', '–', '—', '•']).next().unwrap_or(line).trim().trim_end_matches('.');
        for name in PARTS.split(names) {
            let name = name.trim().trim_matches(|it: char| matches!(it, '*' | '_' | '"'));
            let words: Vec<&str> = name.split_whitespace().collect();
            let capital = |it: &&str| it.chars().next().is_some_and(char::is_uppercase);
            let shaped = (2..=5).contains(&words.len())
                && words.first().is_some_and(capital)
                && words.last().is_some_and(capital)
                && !name.chars().any(|it| it.is_ascii_digit());
            if shaped && !found.iter().any(|it| it == name) && found.len() < MOST_AUTHORS {
                found.push(name.to_owned());
            } else if !shaped {
                break;
            }
        }
    }
    found
}

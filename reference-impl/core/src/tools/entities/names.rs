//! Persons, organisations and places: runs of capitalised words, told apart by lists, titles and the words around them.

use std::collections::HashSet;
use std::ops::Range;

use super::lists::{
    BEGINS, COMPOUNDS, ENDS, GIVEN, LINKS, ORDINARY, PERSON_VERBS, PLACE_BEFORE, PLACE_WORDS, PLACES, TITLES, TOWNS,
};
use super::{Entity, overlaps};
use crate::tools::text::{is_function_word, language};

/// A word of the text.
#[derive(Debug, Clone)]
struct Token<'a> {
    text: &'a str,
    span: Range<usize>,
    capital: bool,
    /// Whether a sentence or a line begins with it.
    first: bool,
    /// What stands between the word before and this one.
    gap: &'a str,
}

/// Most words of one name.
const MOST_WORDS: usize = 7;

pub(super) fn find(text: &str, blocked: &[Range<usize>]) -> Vec<Entity> {
    let tokens = tokens(text);
    let german = language(text) == "de";
    let lower: HashSet<&str> = tokens.iter().filter(|it| !it.capital).map(|it| it.text).collect();
    let mut found: Vec<(Entity, Range<usize>)> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let end = run(&tokens, at, blocked);
        if end == at {
            at += 1;
            continue;
        }
        for part in parts(&tokens, at..end, &lower) {
            if let Some((kind, score)) = classify(&tokens, part.clone(), german) {
                let mut span = tokens[part.start].span.start..tokens[part.end - 1].span.end;
                span.end -= possessive(&text[span.clone()]);
                found.push((Entity { kind: kind.to_owned(), span, value: None, score }, part));
            }
        }
        at = end;
    }
    again(text, &tokens, blocked, &mut found);
    plain_scripts(text, blocked, &mut found);
    found.into_iter().map(|(entity, _)| entity).collect()
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let inside = |it: char| it.is_alphanumeric() || matches!(it, '\'' | '’' | '-' | '\u{300}'..='\u{36F}');
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut end, mut start) = (0, None);
    let mut push = |span: Range<usize>, end: &mut usize| {
        let raw = &text[span.clone()];
        let cut = raw.trim_matches(|it: char| matches!(it, '\'' | '’' | '-'));
        if cut.is_empty() {
            return;
        }
        let from = span.start + raw.find(cut).unwrap_or(0);
        let gap = &text[*end..from];
        let first =
            tokens.is_empty() || gap.contains(['\n', '!', '?', ':', '•', '“', '"', '。', '«']) || ends(gap, &tokens);
        let capital = cut.chars().next().is_some_and(char::is_uppercase);
        *end = from + cut.len();
        tokens.push(Token { text: cut, span: from..*end, capital, first, gap });
    };
    for (offset, character) in text.char_indices() {
        match (inside(character), start) {
            (true, None) => start = Some(offset),
            (false, Some(from)) => {
                push(from..offset, &mut end);
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    if let Some(from) = start {
        push(from..text.len(), &mut end);
    }
    elided(tokens)
}

/// Splits French and Italian articles off: `l'Université`, `d'Ottawa`.
fn elided(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        let cut = token.text.find(['\'', '’']).filter(|at| *at <= 4);
        let head = cut.map(|at| token.text[..at].to_lowercase());
        let article = head.is_some_and(|it| matches!(it.as_str(), "l" | "d" | "dell" | "all" | "qu" | "j" | "n" | "s"));
        match cut.filter(|_| article) {
            Some(at) => {
                let mark = token.text[at..].chars().next().map_or(1, char::len_utf8);
                let rest = &token.text[at + mark..];
                let middle = token.span.start + at;
                let capital = rest.chars().next().is_some_and(char::is_uppercase);
                let text = &token.text[..at];
                let gap = &token.text[at..at + mark];
                let span = middle + mark..token.span.end;
                out.push(Token { text, span: token.span.start..middle, capital: false, ..token });
                out.push(Token { text: rest, span, capital, first: false, gap });
            }
            None => out.push(token),
        }
    }
    out
}

/// Whether a full stop between two words ends a sentence; one behind an initial or a title does not.
fn ends(gap: &str, tokens: &[Token<'_>]) -> bool {
    let Some(last) = tokens.last() else { return true };
    gap.starts_with('.') && last.text.chars().count() > 1 && !TITLES.contains(last.text.to_lowercase().as_str())
}

/// Where the run of capitalised words that begins with `at` ends.
fn run(tokens: &[Token<'_>], at: usize, blocked: &[Range<usize>]) -> usize {
    let free = |token: &Token<'_>| {
        let from = blocked.partition_point(|it| it.end <= token.span.start);
        blocked.get(from).is_none_or(|it| !overlaps(it, &token.span))
    };
    let fits = |token: &Token<'_>| token.capital && free(token);
    if !tokens.get(at).is_some_and(fits) {
        return at;
    }
    let mut end = at + 1;
    while end < tokens.len() && end - at < MOST_WORDS {
        let (before, token) = (&tokens[end - 1], &tokens[end]);
        let initial = before.text.chars().count() == 1 && token.gap == ". ";
        let near = matches!(token.gap, " " | " & " | " + " | "\u{a0}") || initial;
        if near && !token.first && fits(token) {
            end += 1;
            continue;
        }
        // `Museum of Tides`, `Sanne de Vries`, `Rio de la Plata`.
        let of = token.text == "of" && BEGINS.contains(before.text);
        let link = LINKS.contains(&token.text) || of;
        let two = tokens.get(end + 1).is_some_and(|it| LINKS.contains(&it.text) && it.gap == " ");
        let next = end + 1 + usize::from(two);
        if token.gap == " " && link && tokens.get(next).is_some_and(|it| it.gap == " " && !it.first && fits(it)) {
            end = next + 1;
            continue;
        }
        break;
    }
    end
}

/// The names that a run is made of: titles and ordinary first words are taken off.
fn parts(tokens: &[Token<'_>], run: Range<usize>, lower: &HashSet<&str>) -> Vec<Range<usize>> {
    let mut start = run.start;
    while start < run.end {
        let token = &tokens[start];
        let small = token.text.to_lowercase();
        let more = run.end - start > 1;
        let title = TITLES.contains(small.as_str()) && more;
        let known = GIVEN.contains(token.text)
            || PLACES.contains(token.text)
            || ENDS.contains(token.text)
            || BEGINS.contains(token.text);
        let plain = is_function_word(&small) && !(GIVEN.contains(token.text) && more)
            || ORDINARY.contains(small.as_str()) && !ENDS.contains(tokens[run.end - 1].text)
            || ORDINARY.contains(small.as_str()) && token.first;
        let repeated = token.first && !known && lower.contains(small.as_str());
        let kind = PLACE_WORDS.contains(small.as_str()) && more && !ENDS.contains(tokens[run.end - 1].text);
        if !(title || plain || repeated || kind) {
            break;
        }
        start += 1;
    }
    let mut end = run.end;
    while end > start
        && ORDINARY.contains(tokens[end - 1].text.to_lowercase().as_str())
        && end - start > 1
        && !GIVEN.contains(tokens[end - 1].text)
    {
        end -= 1;
    }
    (start < end).then_some(start..end).into_iter().collect()
}

fn possessive(name: &str) -> usize {
    ["'s", "’s"].into_iter().find(|it| name.ends_with(it)).map_or(0, str::len)
}

fn bare<'a>(token: &Token<'a>) -> &'a str {
    let cut = token.text.len() - possessive(token.text);
    &token.text[..cut]
}

fn classify(tokens: &[Token<'_>], part: Range<usize>, german: bool) -> Option<(&'static str, f64)> {
    let words: Vec<&str> = part.clone().map(|at| bare(&tokens[at])).collect();
    let (first, last) = (*words.first()?, *words.last()?);
    let before = part.start.checked_sub(1).map(|at| &tokens[at]);
    let near =
        tokens[part.start].gap == " " || tokens[part.start].gap == ". " || matches!(tokens[part.start].gap, "'" | "’");
    let previous = before.filter(|_| near).map(|it| it.text.to_lowercase()).unwrap_or_default();
    let following = tokens.get(part.end).map(|it| it.text).unwrap_or_default();
    let whole = words.join(" ");
    let titled = TITLES.contains(previous.as_str()) && before.is_some_and(|it| it.capital || previous.len() > 2);
    let number = |it: &&str| it.chars().all(|it| it.is_ascii_digit());
    if words.iter().all(number) || whole.chars().count() < 2 {
        return None;
    }
    if titled {
        return Some(("person", 0.95));
    }
    let joined = part.clone().skip(1).any(|at| tokens[at].gap == " & ");
    let of = words.contains(&"of");
    let shouted = words.len() == 1 && first.chars().filter(|it| it.is_alphabetic()).all(char::is_uppercase);
    if words.len() > 1 && (ENDS.contains(last) || joined || (BEGINS.contains(first) && !GIVEN.contains(first)) || of) {
        return Some(("organisation", 0.9));
    }
    let compound = |it: &str| COMPOUNDS.iter().any(|end| it.to_lowercase().ends_with(end) && it.len() > end.len() + 2);
    if german && words.iter().any(|it| compound(it)) && !PLACES.contains(whole.as_str()) {
        return Some(("organisation", 0.75));
    }
    if PLACES.contains(whole.as_str()) && !(GIVEN.contains(first) && PERSON_VERBS.contains(following)) {
        return Some(("place", 0.9));
    }
    if words.len() > 1 && GIVEN.contains(first) {
        return Some(("person", 0.92));
    }
    if PLACE_WORDS.contains(previous.as_str()) {
        return Some(("place", 0.8));
    }
    let town = TOWNS.iter().any(|end| last.to_lowercase().ends_with(end) && last.len() > end.len() + 2);
    let placed = PLACE_BEFORE.contains(previous.as_str());
    if words.len() == 1 {
        if GIVEN.contains(first) && !(tokens[part.start].first && german) {
            return Some(("person", 0.8));
        }
        if shouted || ORDINARY.contains(first.to_lowercase().as_str()) || first.chars().any(|it| it.is_ascii_digit()) {
            return None;
        }
        // Every German noun has a capital.
        return match (placed, town, german) {
            (true, true, _) => Some(("place", 0.75)),
            (true, false, false) => Some(("place", 0.65)),
            (true, false, true) if matches!(previous.as_str(), "nach" | "aus" | "in") => None,
            (false, true, false) if !tokens[part.start].first => Some(("place", 0.5)),
            (true | false, _, _) => None,
        };
    }
    if placed
        && matches!(previous.as_str(), "in" | "near" | "outside" | "nach" | "à" | "en" | "в" | "из")
        && !PERSON_VERBS.contains(following)
    {
        return Some(("place", 0.6));
    }
    if words.iter().any(|it| it.chars().any(|it| it.is_ascii_digit()))
        || words.iter().all(|it| it.chars().all(char::is_uppercase))
    {
        return None;
    }
    let person = PERSON_VERBS.contains(following)
        || matches!(previous.as_str(), "by" | "von" | "par" | "por" | "with" | "says" | "mit");
    if words.len() <= 4 { Some(("person", if person { 0.8 } else { 0.6 })) } else { None }
}

/// Names of persons that come back by one of their parts: `Mr. Alder … and Alder must pay`.
fn again(text: &str, tokens: &[Token<'_>], blocked: &[Range<usize>], found: &mut Vec<(Entity, Range<usize>)>) {
    let mut parts: Vec<(&str, &'static str)> = Vec::new();
    for (entity, range) in found.iter().filter(|(entity, _)| entity.score >= 0.8) {
        let kind = match entity.kind.as_str() {
            "person" => "person",
            "organisation" => "organisation",
            _ => continue,
        };
        let last = bare(&tokens[range.end - 1]);
        let usable = kind == "person" || range.len() == 1;
        if usable && last.chars().count() > 2 && !LINKS.contains(&last) {
            parts.push((last, kind));
        }
    }
    for (at, token) in tokens.iter().enumerate().filter(|(_, it)| it.capital) {
        let name = bare(token);
        let Some((_, kind)) = parts.iter().find(|(part, _)| *part == name) else { continue };
        let span = token.span.start..token.span.start + name.len();
        let taken =
            found.iter().any(|(it, _)| overlaps(&it.span, &span)) || blocked.iter().any(|it| overlaps(it, &span));
        if !taken && text.get(span.clone()).is_some() {
            let entity = Entity { kind: (*kind).to_owned(), span, value: None, score: 0.8 };
            found.push((entity, at..at + 1));
        }
    }
}

/// Places of the list in scripts that part no words.
fn plain_scripts(text: &str, blocked: &[Range<usize>], found: &mut Vec<(Entity, Range<usize>)>) {
    let mut places: Vec<&str> =
        PLACES.iter().copied().filter(|it| it.chars().all(|it| u32::from(it) >= 0x3040)).collect();
    places.sort_unstable_by_key(|it| (std::cmp::Reverse(it.len()), *it));
    for place in places {
        for (start, _) in text.match_indices(place) {
            let span = start..start + place.len();
            let taken = found.iter().any(|(it, _)| overlaps(&it.span, &span));
            if !taken && !blocked.iter().any(|it| overlaps(it, &span)) {
                found.push((Entity { kind: "place".to_owned(), span, value: None, score: 0.7 }, 0..1));
            }
        }
    }
}

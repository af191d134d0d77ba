//! Queries that lean on what was said before become queries that stand alone.
//!
//! A pure function over the last turns: pronouns become what they stand for, and what a follow-up leaves out is taken from
//! the question before it. A query that needs neither comes out as it went in.

mod topic;

use std::ops::Range;

use self::topic::{Topic, is_verb, topics};
use super::filler::strip_filler;
use super::model::Turn;
use crate::retrieve::words::{is_stop_word, spans, stem};

/// Turns that are looked at: what was said longer ago is seldom meant.
const MAX_TURNS: usize = 3;
/// Most characters of a query or of a past question that are looked at; longer ones say themselves what they mean.
const MAX_CHARS: usize = 300;
/// Most words of a question that says nothing but what of the last one is asked now, such as `In which unit?`.
const BARE_WORDS: usize = 4;

const SINGULAR: [&str; 6] = ["it", "he", "she", "him", "this", "that"];
const PLURAL: [&str; 4] = ["they", "them", "these", "those"];
const POSSESSIVE: [&str; 4] = ["its", "their", "his", "her"];
const ASKING: [&str; 10] = ["why", "how", "when", "where", "who", "what", "which", "whose", "whom", "since"];
const PREPOSITIONS: [&str; 9] = ["for", "in", "on", "with", "at", "from", "to", "by", "during"];
const AUXILIARIES: [&str; 22] = [
    "is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "should", "may", "must", "has",
    "have", "had", "am", "might", "shall", "need", "needs",
];

/// `query` as somebody would ask it who has heard none of `history`, the oldest turn first.
pub fn standalone(history: &[Turn], query: &str) -> String {
    let recent = &history[history.len().saturating_sub(MAX_TURNS)..];
    let mut said: Option<String> = None;
    for turn in recent {
        let question = turn.question.split_whitespace().collect::<Vec<_>>().join(" ");
        said = Some(follow(said.as_deref(), &question).unwrap_or(question));
    }
    follow(said.as_deref(), query).unwrap_or_else(|| query.to_owned())
}

/// `query` asked after `said`; `None` where it stands alone.
fn follow(said: Option<&str>, query: &str) -> Option<String> {
    let said = strip_filler(said?.trim()).trim_end_matches(['?', '!', '.', ' ']);
    if said.is_empty() || said.chars().count() > MAX_CHARS || query.chars().count() > MAX_CHARS {
        return None;
    }
    let asked = strip_filler(query.trim());
    let (asked, joined) = without_joint(asked);
    let words = Words::of(asked);
    if words.len() == 0 {
        return None;
    }
    let known = topics(said);
    if words.is_more() {
        return known.first().map(|topic| format!("more about {}", topic.text));
    }
    if let Some(resolved) = resolve(&words, &known) {
        return Some(resolved);
    }
    if words.is_bare() {
        return Some(bare(&words, said));
    }
    joined.then(|| elliptic(&words, said, &known)).flatten()
}

/// What comes after `and`, `what about` and the like, and whether one of them was there.
fn without_joint(query: &str) -> (&str, bool) {
    const JOINTS: [&str; 8] =
        ["and what about ", "and how about ", "what about ", "how about ", "and also ", "and ", "but ", "also "];
    for joint in JOINTS {
        if let Some((head, tail)) = query.split_at_checked(joint.len())
            && head.eq_ignore_ascii_case(joint)
        {
            return (tail, true);
        }
    }
    (query, false)
}

/// A text and its words.
struct Words<'a> {
    text: &'a str,
    spans: Vec<Range<usize>>,
    lower: Vec<String>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let spans = spans(text);
        let lower = spans.iter().map(|span| text[span.clone()].to_lowercase()).collect();
        Self { text, spans, lower }
    }

    fn len(&self) -> usize {
        self.lower.len()
    }

    fn at(&self, place: usize) -> &str {
        self.lower.get(place).map_or("", String::as_str)
    }

    /// Whether it asks for more of the same.
    fn is_more(&self) -> bool {
        const MORE: [&str; 7] =
            ["tell me more", "more", "more details", "more please", "go on", "explain more", "tell me more about it"];
        MORE.contains(&self.lower.join(" ").as_str())
    }

    /// Whether it holds question words alone, with nothing that is asked about.
    fn is_bare(&self) -> bool {
        let asks = |place: usize| ASKING.contains(&self.at(place));
        let leads = asks(0) || (PREPOSITIONS.contains(&self.at(0)) && asks(1));
        leads
            && self.len() <= BARE_WORDS
            && !self.lower.iter().any(|word| AUXILIARIES.contains(&word.as_str()) || is_verb(word))
            && !self.spans.iter().skip(1).any(|span| is_marked(&self.text[span.clone()]))
    }
}

/// Whether a word is written as names and identifiers are.
fn is_marked(word: &str) -> bool {
    word.chars().any(|it| it.is_uppercase() || it.is_numeric())
}

/// Puts what they stand for in the place of pronouns; `None` where there are none.
fn resolve(words: &Words<'_>, known: &[Topic]) -> Option<String> {
    let first = known.first()?;
    let mut out = String::new();
    let mut from = 0;
    let mut put = false;
    for (place, word) in words.lower.iter().enumerate() {
        let Some(stands) = pronoun(words, place) else { continue };
        let topic =
            if stands == Stands::Many { known.iter().find(|topic| topic.is_plural()).unwrap_or(first) } else { first };
        // The first place says it in full; after that, what was said is no further away than it was.
        if put || quoted(words.text, words.spans[place].start) {
            continue;
        }
        put = true;
        out.push_str(&words.text[from..words.spans[place].start]);
        if stands == Stands::OneOf {
            out.push_str("of ");
        }
        if word == "her" || word == "his" || word == "its" || word == "their" {
            out.push_str(&topic.text);
            out.push_str(if topic.is_plural() { "'" } else { "'s" });
        } else {
            out.push_str(&topic.text);
        }
        from = words.spans[place].end;
    }
    put.then(|| out + &words.text[from..])
}

/// What a pronoun stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    One,
    Many,
    OneOf,
}

/// Whether the word at `place` is a pronoun for something that the query does not name itself.
fn pronoun(words: &Words<'_>, place: usize) -> Option<Stands> {
    let word = words.at(place);
    let next = words.at(place + 1);
    let last = place + 1 == words.len();
    if word == "one" || word == "ones" {
        let after_which = place > 0 && words.at(place - 1) == "which";
        return if after_which { Some(Stands::OneOf) } else { (last && place > 1).then_some(Stands::One) };
    }
    let singular = SINGULAR.contains(&word);
    if !singular && !PLURAL.contains(&word) && !POSSESSIVE.contains(&word) {
        return None;
    }
    if matches!(word, "this" | "that" | "these" | "those") {
        // Before a noun it points at that noun; after one, `that` begins a clause.
        let stands =
            last || is_stop_word(next) || is_verb(next) || (place > 0 && AUXILIARIES.contains(&words.at(place - 1)));
        let clause = word == "that" && place > 0 && !last && !AUXILIARIES.contains(&words.at(place - 1));
        if !stands || clause {
            return None;
        }
    }
    if word == "it" && is_empty_it(words, place) {
        return None;
    }
    if named_before(words, place) {
        return None;
    }
    Some(if singular || matches!(word, "its" | "his" | "her") { Stands::One } else { Stands::Many })
}

/// `it` that stands for nothing: `is it possible to`, `how long does it take to`, `it rains`.
fn is_empty_it(words: &Words<'_>, place: usize) -> bool {
    const JUDGED: [&str; 16] = [
        "possible",
        "allowed",
        "ok",
        "okay",
        "necessary",
        "safe",
        "normal",
        "true",
        "legal",
        "worth",
        "better",
        "enough",
        "fine",
        "required",
        "advisable",
        "important",
    ];
    const WEATHER: [&str; 8] = ["rain", "rains", "raining", "snow", "snows", "snowing", "freezes", "freezing"];
    const CLAUSE: [&str; 6] = ["to", "if", "that", "when", "for", "matter"];
    let rest = || (place + 1..words.len()).map(|at| words.at(at));
    let judged = rest().take(2).any(|word| JUDGED.contains(&word));
    let clause = rest().skip(1).any(|word| CLAUSE.contains(&word));
    (judged && clause)
        || rest().take(2).any(|word| WEATHER.contains(&word))
        || (matches!(words.at(place + 1), "take" | "takes" | "matter" | "matters") && clause)
}

/// Whether an earlier part of the query names what the pronoun stands for: a noun with an article before a clause ends, or
/// before a possessive.
fn named_before(words: &Words<'_>, place: usize) -> bool {
    const ARTICLES: [&str; 9] = ["the", "a", "an", "my", "our", "your", "each", "every", "i"];
    const CLAUSES: [&str; 9] = ["when", "if", "because", "and", "while", "before", "after", "that", "once"];
    let named = (0..place).find(|at| ARTICLES.contains(&words.at(*at)) && words.at(*at) != "i" && *at + 1 < place);
    let Some(named) = named else { return false };
    let possessive = POSSESSIVE.contains(&words.at(place));
    let parted = (named + 2..place).any(|at| CLAUSES.contains(&words.at(at)))
        || words.text[words.spans[named].end..words.spans[place].start].contains([',', ';', '.', '?']);
    possessive || parted
}

fn quoted(text: &str, at: usize) -> bool {
    text[..at].matches('"').count() % 2 == 1
}

/// `How often?` after `How do I calibrate the probe` asks `How often do I calibrate the probe`.
fn bare(words: &Words<'_>, said: &str) -> String {
    let asked = words.text.trim_end_matches(['?', '!', '.', ' ']);
    let first = said.split(' ').next().unwrap_or_default();
    let same = words.at(0) == "how" && first.eq_ignore_ascii_case("how");
    let next = said.split(' ').nth(1).unwrap_or_default();
    if same && (AUXILIARIES.contains(&next) || next.is_empty()) {
        format!("{asked}{}?", &said[first.len()..])
    } else {
        format!("{asked}: {said}?")
    }
}

/// A follow-up that names the one thing which is different now.
fn elliptic(words: &Words<'_>, said: &str, known: &[Topic]) -> Option<String> {
    let asked = words.text.trim_end_matches(['?', '!', '.', ' ']);
    // A question of its own.
    if ASKING.contains(&words.at(0)) || AUXILIARIES.contains(&words.at(0)) {
        return None;
    }
    let before = Words::of(said);
    if PREPOSITIONS.contains(&words.at(0)) {
        let same = (0..before.len()).rev().find(|at| before.at(*at) == words.at(0));
        return Some(match same {
            // What followed the same preposition gives way.
            Some(at) => {
                let end = known
                    .iter()
                    .map(|topic| topic.span.clone())
                    .find(|span| span.start > before.spans[at].start && span.start <= before.spans[at].end + 5)
                    .map_or(said.len(), |span| span.end);
                format!("{}{asked}{}?", &said[..before.spans[at].start], &said[end..])
            }
            None => format!("{said} {asked}?"),
        });
    }
    // An identifier or a name for another of the same kind.
    let shape = |word: &str| (word.chars().any(char::is_numeric), word.chars().next().is_some_and(char::is_alphabetic));
    let marked: Vec<&Range<usize>> =
        words.spans.iter().filter(|span| words.text[(*span).clone()].chars().any(char::is_numeric)).collect();
    if let [one] = marked.as_slice() {
        let wanted = shape(&words.text[(*one).clone()]);
        let like = before.spans.iter().find(|span| wanted.0 && shape(&said[(*span).clone()]) == wanted);
        if let Some(span) = like {
            // A name of several words takes the place of a whole one, a bare identifier that of its like.
            let topic = known
                .iter()
                .find(|topic| words.len() > 1 && topic.span.contains(&span.start))
                .map_or(span.clone(), |topic| topic.core.clone());
            let name = asked.strip_prefix("the ").unwrap_or(asked);
            return Some(format!("{}{name}{}?", &said[..topic.start], &said[topic.end..]));
        }
    }
    // Another thing of the same kind: the last word is the same.
    let head = stem(words.lower.last()?);
    if let Some(topic) = known.iter().find(|topic| stem(&topic.head) == head) {
        return Some(format!("{}{asked}{}?", &said[..topic.span.start], &said[topic.span.end..]));
    }
    // Another side of the same thing: `the range of the bike`, `and the weight`.
    if words.at(0) == "the"
        && let Some(owner) = known.iter().find_map(|topic| topic.owner.as_deref())
    {
        return Some(format!("{asked} of {owner}?"));
    }
    Some(format!("{said} {asked}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &[&str], query: &str, expected: &str) {
        let turn = |question: &&str| Turn { question: (*question).to_owned(), answer: String::new() };
        let history: Vec<Turn> = said.iter().map(turn).collect();
        assert_eq!(standalone(&history, query), expected, "{query}");
    }

    #[test]
    fn leaves_a_query_alone_that_stands_alone() {
        for query in ["", "how long is it", "and?", "\"it\" in quotes", "E-104"] {
            check(&[], query, query);
        }
        let said = ["What does the frame warranty cover?"];
        for query in [
            "refund policy",
            "what does \"it\" mean in macros",
            "Is it possible to return an opened bottle?",
            "If the frame breaks, is it replaced?",
            "?",
        ] {
            check(&said, query, query);
        }
    }

    #[test]
    fn resolves_pronouns_and_ellipsis() {
        let said = ["What does the frame warranty cover?"];
        check(&said, "How long does it last?", "How long does the frame warranty last?");
        check(&["How do I calibrate the pH probe?"], "How often?", "How often do I calibrate the pH probe?");
        check(&["What does error E29 mean?"], "and E31?", "What does error E31 mean?");
        check(&["How long is the range of the Tundra X4?"], "and the weight?", "the weight of the Tundra X4?");
    }

    #[test]
    fn follows_a_conversation_from_turn_to_turn() {
        let said = ["What does the frame warranty cover?", "How long does it last?"];
        check(&said, "who pays for it?", "who pays for the frame warranty?");
    }

    #[test]
    fn takes_hostile_histories_in_its_stride() {
        let long = "the it they ".repeat(20_000);
        for said in ["", "?", "it", "the", &long, "\u{202e}e\u{301}👩‍👩‍👧 the"] {
            for query in ["it", "and", "and the", "why", "its", "which one", &long, "é it 👩‍👩‍👧?"] {
                let turn = Turn { question: said.to_owned(), answer: String::new() };
                let _ = standalone(&[turn.clone(), turn], query);
            }
        }
    }
}

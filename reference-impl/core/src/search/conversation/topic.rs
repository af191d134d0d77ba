//! What a question is about: its noun phrases, found by the words around them.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::retrieve::words::{is_stop_word, spans, stem};

/// A noun phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    /// The phrase with its article and what belongs to it by `of` or `and`.
    pub(super) text: String,
    /// Where that stands, in UTF-8 bytes of the question.
    pub(super) span: Range<usize>,
    /// Where its first noun stands, without the article.
    pub(super) core: Range<usize>,
    /// Last word of the first noun, in lower case.
    pub(super) head: String,
    /// What comes after `of`.
    pub(super) owner: Option<String>,
}

impl Topic {
    pub(super) fn is_plural(&self) -> bool {
        (self.head.ends_with('s') && !self.head.ends_with("ss")) || self.text.contains(" and ")
    }
}

const ARTICLES: [&str; 13] =
    ["the", "a", "an", "my", "our", "your", "each", "every", "one", "any", "all", "some", "no"];

/// Words that only measure.
const MEASURES: [&str; 24] = [
    "often", "long", "much", "many", "tall", "old", "far", "big", "high", "soon", "fast", "heavy", "large", "late",
    "early", "quickly", "well", "come", "else", "hello", "thanks", "instead", "please", "kind",
];

/// Verbs of questions about products and services, by their stems.
static VERBS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    "cover hold need cost mean take last include have get keep list allow sign edit read undo store reset clean change use \
     work weigh pair calibrate happen compare replace fix press exceed reply contain support send pay open close find know \
     tell explain show describe summarize write delete remove create add set go come run start stop begin end apply give \
     bring put let buy return cancel fill measure belong require provide offer expire wait ask call say see try become \
     stay fit handle process receive deliver install configure enable disable export import upload download connect \
     charge store protect count calculate retry contact reach build look seem make do be"
        .split_ascii_whitespace()
        .map(stem)
        .collect()
});

/// Whether a lower-case word is one of the usual verbs, in any form.
pub(super) fn is_verb(word: &str) -> bool {
    // Nouns made from verbs are nouns.
    let noun = ["ment", "tion", "ance", "ness"].iter().any(|end| word.ends_with(end));
    !noun
        && (VERBS.contains(&stem(word)) || matches!(word, "kept" | "paid" | "made" | "sent" | "told" | "gets" | "went"))
}

/// The noun phrases of a question, in order.
pub(super) fn topics(said: &str) -> Vec<Topic> {
    let spans = spans(said);
    let lower: Vec<String> = spans.iter().map(|span| said[span.clone()].to_lowercase()).collect();
    let mut phrases: Vec<Phrase> = Vec::new();
    let mut at = 0;
    while at < spans.len() {
        let article = ARTICLES.contains(&lower[at].as_str());
        let first = at + usize::from(article);
        let mut end = first;
        while end < spans.len() && is_noun(&lower, end, end == first && article) && adjacent(said, &spans, first, end) {
            end += 1;
        }
        // What comes last after an article and a noun may still be the verb: `does the frame warranty cover`.
        if end > first {
            let identifier = |place: usize| said[spans[place].clone()].chars().any(char::is_numeric);
            while end > first + 1 && is_verb(&lower[end - 1]) && !identifier(end - 1) {
                end -= 1;
            }
            phrases.push(Phrase { begin: at, first, end });
            at = end;
        } else {
            at += 1;
        }
    }
    join(said, &spans, &lower, &phrases)
}

struct Phrase {
    begin: usize,
    first: usize,
    end: usize,
}

fn is_noun(lower: &[String], at: usize, after_article: bool) -> bool {
    let word = lower[at].as_str();
    if is_stop_word(word) || MEASURES.contains(&word) || ARTICLES.contains(&word) {
        return false;
    }
    // An article is followed by no verb.
    after_article || !(is_verb(word) || (word.len() > 4 && word.ends_with("ed")))
}

/// Whether only a space, a hyphen or a dot stands before the word at `at`.
fn adjacent(said: &str, spans: &[Range<usize>], first: usize, at: usize) -> bool {
    at == first || matches!(&said[spans[at - 1].end..spans[at].start], " " | "-" | "." | "_" | "/" | "'")
}

/// Puts phrases together that `of` or `and` joins.
fn join(said: &str, spans: &[Range<usize>], lower: &[String], phrases: &[Phrase]) -> Vec<Topic> {
    let mut topics = Vec::new();
    let mut next = 0;
    while let Some(phrase) = phrases.get(next) {
        let start = spans[phrase.begin].start;
        let core = spans[phrase.first].start..spans[phrase.end - 1].end;
        let head = lower[phrase.end - 1].clone();
        let mut end = core.end;
        let mut owner = None;
        let mut last = phrase.end;
        next += 1;
        while let Some(further) = phrases.get(next) {
            let joint = lower.get(last).map(String::as_str);
            if further.begin != last + 1 || !matches!(joint, Some("of" | "and")) {
                break;
            }
            end = spans[further.end - 1].end;
            if joint == Some("of") && owner.is_none() {
                owner = Some(said[spans[further.begin].start..end].to_owned());
            }
            last = further.end;
            next += 1;
        }
        let indefinite = matches!(lower[phrase.begin].as_str(), "any" | "some" | "all" | "no" | "one");
        let begin = if indefinite { core.start } else { start };
        topics.push(Topic { text: said[begin..end].to_owned(), span: start..end, core, head, owner });
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: &[&str]) {
        assert_eq!(topics(said).iter().map(|topic| topic.text.as_str()).collect::<Vec<_>>(), expected, "{said}");
    }

    #[test]
    fn finds_what_a_question_is_about() {
        check("What does the frame warranty cover", &["the frame warranty"]);
        check("How long is the range of the Tundra X4", &["the range of the Tundra X4"]);
        check("How are webhooks signed", &["webhooks"]);
        check("How many actions may one macro hold", &["actions", "macro"]);
        check("Compare BP500 and BP750", &["BP500 and BP750"]);
        check("what does F-14 mean", &["F-14"]);
        check("why is it so", &[]);
    }
}

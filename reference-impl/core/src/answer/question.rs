//! What kind of thing a question asks for, and whether a text holds a thing of that kind.

use std::collections::HashSet;

use crate::retrieve::words::{is_stop_word, spans, stem, words};

/// What kind of thing a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A count, an amount, a share or a price.
    Number,
    /// A date, a year, a time of day or a span of time.
    Time,
    /// Somebody.
    Person,
    /// An address to reach somebody at.
    Contact,
    /// Somewhere.
    Place,
    /// A cause or a purpose.
    Reason,
    /// Anything else.
    Thing,
}

const NUMBER: [&str; 22] = [
    "how many",
    "how much",
    "how old",
    "how far",
    "how fast",
    "how high",
    "how large",
    "how big",
    "how tall",
    "how heavy",
    "how deep",
    "percent",
    "what number",
    "number of",
    "population",
    "what amount",
    "cost",
    "price",
    "what temperature",
    "what size",
    "what fraction",
    "at what ",
];
const TIME: [&str; 15] = [
    "when ",
    "what time",
    "what year",
    "which year",
    "what date",
    "which date",
    "what day",
    "which day",
    "what month",
    "which month",
    "century",
    "decade",
    "how long",
    "how often",
    "how soon",
];
const PERSON: [&str; 8] =
    ["who ", "whom", "whose", "which player", "which person", "what person", "what is the name of the person", "who's"];
const CONTACT: [&str; 6] = ["which address", "what address", "email", "e-mail", "mailbox", "contact"];
const PLACE: [&str; 12] = [
    "where ",
    "what city",
    "which city",
    "what country",
    "which country",
    "what state",
    "which state",
    "what town",
    "what place",
    "what location",
    "which region",
    "what continent",
];
const NUMBER_WORDS: [&str; 34] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "half",
    "third",
    "quarter",
];
const TIME_WORDS: [&str; 30] = [
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "decade",
    "century",
    "daily",
    "weekly",
    "noon",
];
const REASON_WORDS: [&str; 12] =
    ["because", "since", "due", "cause", "caused", "reason", "therefore", "so", "result", "order", "led", "prevent"];

/// A question as far as it tells what would answer it.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) kind: Kind,
    /// Stems of its words: what the question says itself does not answer it.
    said: HashSet<String>,
    /// Pairs of content stems that stand side by side in it.
    pairs: Vec<(String, String)>,
    /// Stems of its names and numbers.
    names: Vec<String>,
}

impl Question {
    pub(super) fn of(text: &str) -> Self {
        let said = words(text).iter().map(|word| stem(word)).collect();
        let content: Vec<String> =
            words(text).iter().filter(|word| !is_stop_word(word)).map(|word| stem(word)).collect();
        let pairs = content.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let names = spans(text)
            .into_iter()
            .skip(1)
            .map(|span| &text[span])
            .filter(|word| word.starts_with(|it: char| it.is_uppercase() || it.is_ascii_digit()))
            .map(|word| stem(&word.to_lowercase()))
            .collect();
        Self { kind: kind(text), said, pairs, names }
    }

    /// Whether `stems` are nothing but words of the question.
    pub(super) fn says_all(&self, stems: &HashSet<String>) -> bool {
        stems.is_subset(&self.said)
    }

    /// Whether `text` holds a thing of the kind that is asked for and that the question does not name itself. `None` where
    /// any text could.
    pub(super) fn met(&self, text: &str) -> Option<bool> {
        match self.kind {
            Kind::Number => Some(self.tokens(text).any(|(word, lower)| numeric(word) || listed(&NUMBER_WORDS, &lower))),
            Kind::Time => Some(self.tokens(text).any(|(word, lower)| numeric(word) || listed(&TIME_WORDS, &lower))),
            Kind::Contact => Some(text.contains('@') || self.names_something(text)),
            Kind::Person | Kind::Place => Some(self.names_something(text)),
            Kind::Reason => Some(words(text).iter().any(|word| listed(&REASON_WORDS, word))),
            Kind::Thing => None,
        }
    }

    /// The share of the question's neighbouring words that stand near one another, in order or not, among `stems`.
    #[expect(clippy::cast_precision_loss, reason = "a question has far fewer than 2^52 words")]
    pub(super) fn pairs_held(&self, stems: &[String]) -> f64 {
        if self.pairs.is_empty() {
            return 0.0;
        }
        let places = |wanted: &str| -> Vec<usize> {
            stems.iter().enumerate().filter(|(_, it)| *it == wanted).map(|(at, _)| at).collect()
        };
        let near = |(one, other): &&(String, String)| {
            let others = places(other);
            places(one).iter().any(|at| others.iter().any(|it| it != at && it.abs_diff(*at) <= 3))
        };
        self.pairs.iter().filter(near).count() as f64 / self.pairs.len() as f64
    }

    /// The share of the question's names and numbers among `held`; 1 where it has none.
    #[expect(clippy::cast_precision_loss, reason = "a question has far fewer than 2^52 words")]
    pub(super) fn names_held(&self, held: &HashSet<String>) -> f64 {
        if self.names.is_empty() {
            return 1.0;
        }
        self.names.iter().filter(|name| held.contains(*name)).count() as f64 / self.names.len() as f64
    }

    /// Words of `text` that the question does not say, as written and in lower case.
    fn tokens<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, String)> + 'a {
        spans(text).into_iter().map(|span| &text[span]).filter_map(|word| {
            let lower = word.to_lowercase();
            (!self.said.contains(&stem(&lower))).then_some((word, lower))
        })
    }

    /// Whether `text` holds a capitalised word that is new and does not merely begin the sentence.
    fn names_something(&self, text: &str) -> bool {
        let found = spans(text);
        let capital = |at: usize| found.get(at).is_some_and(|span| text[span.clone()].starts_with(char::is_uppercase));
        found.iter().enumerate().any(|(at, span)| {
            let lower = text[span.clone()].to_lowercase();
            let names = capital(at) && (at > 0 || capital(1));
            names && !is_stop_word(&lower) && !self.said.contains(&stem(&lower))
        })
    }
}

fn kind(question: &str) -> Kind {
    let question = format!("{} ", question.to_lowercase());
    let asks = |starts: &[&str]| starts.iter().any(|start| question.contains(start));
    if asks(&TIME) {
        Kind::Time
    } else if asks(&NUMBER) {
        Kind::Number
    } else if asks(&CONTACT) {
        Kind::Contact
    } else if asks(&PERSON) {
        Kind::Person
    } else if asks(&PLACE) {
        Kind::Place
    } else if asks(&["why ", "what reason", "for what purpose", "what caused"]) {
        Kind::Reason
    } else {
        Kind::Thing
    }
}

fn numeric(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

fn listed(list: &[&str], word: &str) -> bool {
    list.contains(&word) || word.strip_suffix('s').is_some_and(|single| list.contains(&single))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_would_answer_a_question() {
        let cases = [
            ("How many points did the team score?", "It scored 308 points.", Some(true)),
            ("How many points did team 7 score?", "Team 7 scored points.", Some(false)),
            ("When was it built?", "It was built in the summer of 1912.", Some(true)),
            ("How long does it last?", "It lasts two years.", Some(true)),
            ("When was it built?", "It was built by hand.", Some(false)),
            ("Who led the team?", "Then Kawann Short led it.", Some(true)),
            ("Who led the team?", "Nobody led the team.", Some(false)),
            ("Which address takes complaints?", "Write to a@b.example.", Some(true)),
            ("Where is the office?", "The office is in Porto.", Some(true)),
            ("Why is it cold?", "It is cold because it is winter.", Some(true)),
            ("What is it?", "It is.", None),
        ];
        for (question, text, met) in cases {
            assert_eq!(Question::of(question).met(text), met, "{question} {text}");
        }
    }

    #[test]
    fn sees_neighbours_and_names() {
        let question = Question::of("Who led the Denver Broncos in 2015?");
        let stems: Vec<String> = words("Denver had broncos that led").iter().map(|word| stem(word)).collect();
        assert!(question.pairs_held(&stems) > 0.3);
        let stems: HashSet<String> = stems.into_iter().collect();
        assert!((question.names_held(&stems) - 2.0 / 3.0).abs() < 1e-9);
        assert!(!question.says_all(&stems) && question.says_all(&HashSet::from(["denver".to_owned()])));
    }
}

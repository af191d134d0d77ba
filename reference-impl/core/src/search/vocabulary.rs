//! The words that a tenant's documents use.

use std::collections::HashMap;

use crate::retrieve::words::stem;

/// Most words that an expansion adds for one word of a query.
const MAX_FORMS: usize = 2;

/// Words with the number of chunks that hold them.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    counts: HashMap<String, usize>,
    by_stem: HashMap<String, Vec<String>>,
}

impl Vocabulary {
    /// A vocabulary of words in lower case, each with the number of chunks that hold it.
    pub fn new(words: Vec<(String, usize)>) -> Self {
        let mut by_stem: HashMap<String, Vec<String>> = HashMap::new();
        for (word, _) in &words {
            by_stem.entry(stem(word)).or_default().push(word.clone());
        }
        Self { counts: words.into_iter().collect(), by_stem }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// In how many chunks `word` (lower case) occurs.
    pub fn count(&self, word: &str) -> usize {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// Whether a word of the same stem occurs.
    pub fn knows(&self, word: &str) -> bool {
        self.counts.contains_key(word) || self.by_stem.contains_key(&stem(word))
    }

    /// The vocabulary's other words of the same stem, the most frequent first.
    pub fn forms(&self, word: &str) -> Vec<&str> {
        let mut forms: Vec<&str> = self
            .by_stem
            .get(&stem(word))
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|form| *form != word)
            .collect();
        forms.sort_by(|one, other| self.count(other).cmp(&self.count(one)).then(one.cmp(other)));
        forms.truncate(MAX_FORMS);
        forms
    }

    /// The most frequent word of the vocabulary within one edit (a letter more, less, other, or two swapped) of `word`;
    /// among equally frequent ones the first of the alphabet. `None` when there is none, or when `word` is known.
    pub fn correction(&self, word: &str) -> Option<&str> {
        if self.knows(word) {
            return None;
        }
        let letters: Vec<char> = word.chars().collect();
        self.counts
            .iter()
            .filter(|(known, _)| known.len().abs_diff(word.len()) <= 4 && known.chars().all(char::is_alphabetic))
            .filter(|(known, _)| within_one_edit(&letters, &known.chars().collect::<Vec<_>>()))
            .max_by(|one, other| one.1.cmp(other.1).then_with(|| other.0.cmp(one.0)))
            .map(|(known, _)| known.as_str())
    }
}

fn within_one_edit(one: &[char], other: &[char]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let same = short.iter().zip(long).take_while(|(one, other)| one == other).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if short.is_empty() => true,
        0 => {
            short[1..] == long[1..]
                || (short.len() > 1 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..])
        }
        1 => *short == long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = [("battery", 9), ("batteries", 3), ("charge", 5), ("charger", 2), ("refund", 4), ("form", 1)];
        Vocabulary::new(words.map(|(word, count)| (word.to_owned(), count)).to_vec())
    }

    #[test]
    fn corrects_one_edit_to_a_known_word() {
        let cases = [
            ("batery", Some("battery")),
            ("battrey", Some("battery")),
            ("battdery", Some("battery")),
            ("bottery", Some("battery")),
            ("refnd", Some("refund")),
            ("efund", Some("refund")),
            ("refund", None),
            ("refunds", None),
            ("rfnd", None),
            ("xyz", None),
        ];
        for (word, expected) in cases {
            assert_eq!(vocabulary().correction(word), expected, "{word}");
        }
    }

    #[test]
    fn finds_other_forms_of_a_word() {
        assert_eq!(vocabulary().forms("battery"), ["batteries"]);
        assert_eq!(vocabulary().forms("charging"), ["charge"]);
        assert!(vocabulary().forms("unknown").is_empty());
    }
}

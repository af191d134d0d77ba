//! The words that a tenant's documents use.

use std::collections::HashMap;
use std::sync::Arc;

use super::english::is_ordinary;
use crate::retrieve::words::{is_stop_word, stem};

/// Most words that an expansion adds for one word of a query.
const MAX_FORMS: usize = 2;
/// Words of at least this many letters may be two edits away from what was meant.
const TWO_EDITS_CHARS: usize = 7;
/// Words of at most this many letters are too often another word with one letter changed: `brave` is no misspelt `brake`.
const SUBSTITUTION_CHARS: usize = 5;
/// What one edit weighs against frequency: a word two edits away must occur in about a thousand times as many chunks.
const EDIT_WEIGHT: f64 = 7.0;
/// Longest word that is corrected, in letters.
const MAX_CORRECTED_CHARS: usize = 32;

/// Words with the number of chunks that hold them.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    counts: HashMap<Arc<str>, usize>,
    by_stem: HashMap<String, Vec<Arc<str>>>,
    /// Words of letters alone at the place of their length, each with the set of its letters.
    by_length: Vec<Vec<(u32, Arc<str>)>>,
}

impl Vocabulary {
    /// A vocabulary of words in lower case, each with the number of chunks that hold it.
    pub fn new(words: Vec<(String, usize)>) -> Self {
        let mut vocabulary = Self::default();
        for (word, count) in words {
            let word: Arc<str> = word.into();
            vocabulary.by_stem.entry(stem(&word)).or_default().push(Arc::clone(&word));
            let length = word.chars().count();
            if length <= MAX_CORRECTED_CHARS + 2 && word.chars().all(char::is_alphabetic) {
                if vocabulary.by_length.len() <= length {
                    vocabulary.by_length.resize_with(length + 1, Vec::new);
                }
                vocabulary.by_length[length].push((letters(word.chars()), Arc::clone(&word)));
            }
            vocabulary.counts.insert(word, count);
        }
        vocabulary
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
            .map(|form| &**form)
            .filter(|form| *form != word)
            .collect();
        forms.sort_by(|one, other| self.count(other).cmp(&self.count(one)).then(one.cmp(other)));
        forms.truncate(MAX_FORMS);
        forms
    }

    /// What `word` (lower case) was most likely meant to be: the vocabulary's word with the fewest edits (a letter more,
    /// less, other, or two neighbours swapped), where few edits and many chunks are weighed against each other; the first
    /// of the alphabet where that leaves two. `None` when there is none within reach, when `word` is known or an ordinary
    /// word of the language, or when it is as near to a function word.
    ///
    /// Looks at the vocabulary's words of nearly the same length once, and compares only those of nearly the same letters.
    pub fn correction(&self, word: &str) -> Option<&str> {
        if self.counts.contains_key(word) || is_ordinary(word) || is_ordinary(&stem(word)) {
            return None;
        }
        if self.by_stem.contains_key(&stem(word)) {
            // A regular form of a known word, unless it lost its last letter.
            return self.forms(word).into_iter().find(|form| form.strip_suffix('e') == Some(word));
        }
        let wanted: Vec<char> = word.chars().collect();
        if wanted.len() > MAX_CORRECTED_CHARS {
            return None;
        }
        let most = if wanted.len() >= TWO_EDITS_CHARS { 2 } else { 1 };
        let set = letters(word.chars());
        let mut best: Option<(f64, usize, &str)> = None;
        let lengths = wanted.len() - most.min(wanted.len())..=wanted.len() + most;
        let mut buffer = Vec::new();
        for (mask, known) in lengths.filter_map(|length| self.by_length.get(length)).flatten() {
            // Each edit brings at most one letter in and takes at most one away.
            if (mask & !set).count_ones() as usize > most || (set & !mask).count_ones() as usize > most {
                continue;
            }
            buffer.clear();
            buffer.extend(known.chars());
            let Some(edits) = edits(&wanted, &buffer, most) else { continue };
            if !plausible(&wanted, &buffer, edits) || is_stop_word(known) {
                continue;
            }
            let score = score(edits, self.count(known));
            let better =
                best.is_none_or(|(so_far, _, held)| score.total_cmp(&so_far).then_with(|| held.cmp(known)).is_gt());
            if better {
                best = Some((score, edits, known));
            }
        }
        let (_, edits, known) = best?;
        (!near_function_word(&wanted, edits)).then_some(known)
    }
}

/// Few edits and many chunks make a word likely.
#[expect(clippy::cast_precision_loss, reason = "edits are at most two, chunks of a tenant far fewer than 2^52")]
fn score(edits: usize, count: usize) -> f64 {
    (1.0 + count as f64).ln() - EDIT_WEIGHT * edits as f64
}

/// Whether a slip of the fingers explains the difference: first letters are seldom wrong, and short words seldom differ
/// by a letter for another.
fn plausible(wanted: &[char], known: &[char], edits: usize) -> bool {
    let same_letters = wanted.len() == known.len() && {
        let sorted = |word: &[char]| {
            let mut word = word.to_vec();
            word.sort_unstable();
            word
        };
        sorted(wanted) == sorted(known)
    };
    if wanted.len() == known.len() && wanted.len() <= SUBSTITUTION_CHARS && !same_letters {
        return false;
    }
    let first = wanted.first() == known.first() || (same_letters && wanted.get(1) == known.first());
    // A first letter that was left out.
    let missing = known.len() > wanted.len() && known.get(1) == wanted.first();
    first || (edits == 1 && wanted.len() > SUBSTITUTION_CHARS) || (edits == 1 && missing)
}

/// Whether a function word or an ordinary one is at most as far away.
fn near_function_word(wanted: &[char], edits_of_best: usize) -> bool {
    super::english::neighbours().any(|word| {
        word.len().abs_diff(wanted.len()) <= 1
            && word.starts_with(|first| wanted.first() == Some(&first))
            && edits(wanted, &word.chars().collect::<Vec<_>>(), edits_of_best.min(1)).is_some()
    })
}

/// The set of letters, 26 of them by themselves and the rest thrown together.
fn letters(word: impl Iterator<Item = char>) -> u32 {
    word.fold(0, |set, letter| {
        set | 1 << if letter.is_ascii_lowercase() { u32::from(letter) - u32::from('a') } else { 26 }
    })
}

/// The number of edits between two words where it is at most `most`: letters more, less, other, or two neighbours swapped.
fn edits(one: &[char], other: &[char], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let width = other.len() + 1;
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..width).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut line = vec![row + 1; width];
        for (column, known) in other.iter().enumerate() {
            let substituted = above[column] + usize::from(letter != known);
            let mut least = substituted.min(above[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *known {
                least = least.min(before[column - 1] + 1);
            }
            line[column + 1] = least;
        }
        if line.iter().all(|edits| *edits > most) {
            return None;
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().filter(|edits| *edits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = [
            ("battery", 9),
            ("batteries", 3),
            ("charge", 5),
            ("charger", 2),
            ("refund", 4),
            ("form", 1),
            ("brake", 9),
            ("warranty", 4),
            ("the", 90),
            ("temperature", 3),
            ("trials", 2),
            ("tier", 3),
        ];
        Vocabulary::new(words.map(|(word, count)| (word.to_owned(), count)).to_vec())
    }

    #[test]
    fn corrects_up_to_two_edits_to_a_known_word() {
        let cases = [
            ("batery", Some("battery")),
            ("battrey", Some("battery")),
            ("battdery", Some("battery")),
            ("bottery", Some("battery")),
            ("refnd", Some("refund")),
            ("efund", Some("refund")),
            ("waranti", Some("warranty")),
            ("brkae", Some("brake")),
            ("temperatur", Some("temperature")),
            ("refund", None),
            ("refunds", None),
            ("rfnd", None),
            ("xyz", None),
            ("brave", None),
            ("thhe", None),
            ("thier", None),
        ];
        for (word, expected) in cases {
            assert_eq!(vocabulary().correction(word), expected, "{word}");
        }
    }

    #[test]
    fn weighs_frequency_between_equally_near_words() {
        let words = |one, other| Vocabulary::new(vec![("label".to_owned(), one), ("labor".to_owned(), other)]);
        assert_eq!(words(9, 1).correction("labox"), None, "a short word with another letter");
        let words = |one, other| Vocabulary::new(vec![("invoices".to_owned(), one), ("invoiced".to_owned(), other)]);
        assert_eq!(words(9, 1).correction("invoicex"), Some("invoices"));
        assert_eq!(words(1, 9).correction("invoicex"), Some("invoiced"));
        assert_eq!(words(2, 2).correction("invoicex"), Some("invoiced"), "the first of the alphabet");
    }

    #[test]
    fn counts_edits() {
        let cases = [("ab", "ba", Some(1)), ("abcd", "acbd", Some(1)), ("abc", "abc", Some(0)), ("abc", "xyz", None)];
        for (one, other, expected) in cases {
            let chars = |word: &str| word.chars().collect::<Vec<_>>();
            assert_eq!(edits(&chars(one), &chars(other), 2), expected, "{one} {other}");
            assert_eq!(edits(&chars(other), &chars(one), 2), expected, "{other} {one}");
        }
    }

    #[test]
    fn finds_other_forms_of_a_word() {
        assert_eq!(vocabulary().forms("battery"), ["batteries"]);
        assert_eq!(vocabulary().forms("charging"), ["charge"]);
        assert!(vocabulary().forms("unknown").is_empty());
    }
}

//! How texts of answers are compared: `SQuAD`'s normalisation, exact match, token F1, and containment.

use std::collections::BTreeMap;

use crate::metrics::count;

/// `SQuAD`'s normal form: lower case, without ASCII punctuation, without the articles, with single spaces.
pub fn normal(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let plain: String = lower.chars().filter(|character| !character.is_ascii_punctuation()).collect();
    plain.split_whitespace().filter(|word| !matches!(*word, "a" | "an" | "the")).map(str::to_owned).collect()
}

/// Whether both are the same in their normal form.
pub fn is_exact(found: &str, gold: &str) -> bool {
    normal(found) == normal(gold)
}

/// Harmonic mean of the shares of words that each has of the other, as `SQuAD` counts them.
pub fn token_f1(found: &str, gold: &str) -> f64 {
    let (found, gold) = (normal(found), normal(gold));
    if found.is_empty() || gold.is_empty() {
        return if found == gold { 1.0 } else { 0.0 };
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for word in &gold {
        *left.entry(word).or_default() += 1;
    }
    let mut same = 0;
    for word in &found {
        if let Some(number) = left.get_mut(word.as_str()).filter(|number| **number > 0) {
            *number -= 1;
            same += 1;
        }
    }
    if same == 0 {
        return 0.0;
    }
    let (precision, recall) = (count(same) / count(found.len()), count(same) / count(gold.len()));
    2.0 * precision * recall / (precision + recall)
}

/// Whether the words of `part` stand together and in order within `whole`, both in their normal form.
pub fn holds(whole: &str, part: &str) -> bool {
    let (whole, part) = (normal(whole), normal(part));
    !part.is_empty() && whole.windows(part.len()).any(|window| window == part)
}

/// Number of words, as white space parts them.
pub fn length(text: &str) -> usize {
    text.split_whitespace().count()
}

/// `text` with single spaces, for comparisons to the letter that line breaks do not decide.
pub fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `answer` without the markers of its citations.
pub fn without_markers(answer: &str) -> String {
    let mut out = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(open) = rest.find('[') {
        let after = &rest[open + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && after[digits..].starts_with(']') {
            out.push_str(rest[..open].trim_end_matches(' '));
            rest = &after[digits + 1..];
        } else {
            out.push_str(&rest[..=open]);
            rest = after;
        }
    }
    out.push_str(rest);
    spaced(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_as_squad_does() {
        assert_eq!(normal("The  Panthers' 24, a lead!"), ["panthers", "24", "lead"]);
        assert!(is_exact("the 6½ sacks.", "6½ Sacks"));
        assert!(!is_exact("sack", "sacks"));
    }

    #[test]
    fn counts_shared_words() {
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        close(token_f1("gave up 308 points", "308"), 0.4);
        close(token_f1("308 308", "308"), 2.0 / 3.0);
        close(token_f1("none", "308"), 0.0);
        close(token_f1("the", "a"), 1.0);
    }

    #[test]
    fn finds_words_that_stand_together() {
        assert!(holds("They gave up just 308 points.", "308 points"));
        assert!(!holds("They gave up 1308 points", "308 points"));
        assert!(!holds("anything", "the"));
    }

    #[test]
    fn takes_markers_out_and_nothing_else() {
        assert_eq!(without_markers("It is 308 [1]. See [note] [12]"), "It is 308. See [note]");
        assert_eq!(without_markers("x[1][2] y [a]"), "x y [a]");
    }
}

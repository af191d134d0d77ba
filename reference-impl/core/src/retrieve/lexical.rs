//! Builds the full-text query out of arbitrary text. Whatever the text holds, only quoted terms reach FTS5.

use std::borrow::Cow;

use super::words::{is_stop_word, words};

/// Most terms of a query; longer queries are cut, because the cost grows with each.
const MAX_TERMS: usize = 64;

/// Weight of a hit in the headings above a chunk beside one in its text.
pub(super) const HEADING_WEIGHT: f64 = 3.0;

/// Longest run of a text without a sign that parts words, in bytes; longer ones are cut for the full-text index.
const MAX_RUN_BYTES: usize = 256;

/// `text` as the full-text index gets it: with a space wherever a run without white space or ASCII punctuation grows
/// beyond 256 bytes, because FTS5 cuts terms beyond 32 KiB within characters.
pub(crate) fn indexable(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut copied, mut run) = (0, 0);
    for (offset, character) in text.char_indices() {
        if character.is_whitespace() || (character.is_ascii() && !character.is_ascii_alphanumeric()) {
            run = offset + character.len_utf8();
        } else if offset + character.len_utf8() - run > MAX_RUN_BYTES {
            out.push_str(&text[copied..offset]);
            out.push(' ');
            (copied, run) = (offset, offset);
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// An FTS5 query for `query` and further `expansions`: the OR of its words without stop words, of its
/// quoted phrases and of its identifiers, whose parts must stand together.
/// `None` when there is no word at all.
pub fn full_text_query(query: &str, expansions: &[String]) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    let mut add = |term: String| {
        if !term.is_empty() && terms.len() < MAX_TERMS && !terms.contains(&term) {
            terms.push(term);
        }
    };
    for phrase in quoted_phrases(query) {
        add(words(phrase).join(" "));
    }
    for identifier in identifiers(query) {
        add(words(identifier).join(" "));
    }
    let all = words(query);
    let content: Vec<&String> = all.iter().filter(|word| !is_stop_word(word)).collect();
    let chosen = if content.is_empty() { all.iter().collect() } else { content };
    for word in chosen {
        add(word.clone());
    }
    for expansion in expansions {
        add(words(expansion).join(" "));
    }
    // Words hold letters, digits and marks alone, so nothing in a term can end its quotes.
    (!terms.is_empty()).then(|| terms.iter().map(|term| format!("\"{term}\"")).collect::<Vec<_>>().join(" OR "))
}

/// Parts of `text` that hold signs between letters or digits, such as `E-104` or `rule.chain_cut`: their words belong together.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|part| part.contains(['-', '_', '.', '/', ':', '#']) && words(part).len() > 1)
}

/// The phrases of `text` within double quotes, straight or curly, without the quotes.
pub fn quoted_phrases(text: &str) -> Vec<&str> {
    let mut phrases = Vec::new();
    let mut open: Option<usize> = None;
    for (offset, character) in text.char_indices() {
        if !matches!(character, '"' | '“' | '”' | '„' | '«' | '»') {
            continue;
        }
        match open.take() {
            Some(start) if !text[start..offset].trim().is_empty() => phrases.push(text[start..offset].trim()),
            Some(_) | None => open = Some(offset + character.len_utf8()),
        }
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_every_term_and_drops_stop_words() {
        let cases = [
            ("How long is the warranty?", Some(r#""long" OR "warranty""#)),
            (r#"find "refund window" now"#, Some(r#""refund window" OR "find" OR "refund" OR "window""#)),
            (r#"a" OR body:* NEAR(x) -- ^ {"#, Some(r#""body" OR "near" OR "x""#)),
            ("E-104", Some(r#""e 104" OR "e" OR "104""#)),
            ("rule.chain_cut?", Some(r#""rule chain cut" OR "rule" OR "chain" OR "cut""#)),
            ("who are you", Some(r#""who" OR "are" OR "you""#)),
            ("?! — \"\" '", None),
            ("", None),
        ];
        for (query, expected) in cases {
            assert_eq!(full_text_query(query, &[]).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn adds_expansions_once() {
        let query = full_text_query("price", &["fee".to_owned(), "price".to_owned()]);
        assert_eq!(query.as_deref(), Some(r#""price" OR "fee""#));
    }

    #[test]
    fn parts_long_runs_at_characters_for_the_index() {
        assert!(matches!(indexable(&"https://a.example/b ".repeat(99)), Cow::Borrowed(_)));
        for text in ["ᄀ".repeat(11_000), "a".repeat(513), format!("x {}", "é".repeat(300))] {
            let parted = indexable(&text);
            assert!(parted.split(' ').all(|run| run.len() <= 256), "{parted}");
            assert_eq!(parted.replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn finds_quoted_phrases() {
        assert_eq!(quoted_phrases(r#"a "b c" d “e” "f"#), ["b c", "e"]);
    }
}

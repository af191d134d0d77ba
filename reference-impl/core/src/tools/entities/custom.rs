//! Types of the caller's own, by terms or by a pattern.

use regex::{Regex, RegexBuilder};

use super::{CustomType, Entity, TYPES};
use crate::tools::ToolFault;

/// Largest compiled pattern in bytes: what a caller sends must not take a server's memory.
const PATTERN_BYTES: usize = 1 << 20;

/// Finds one type.
pub(super) struct Finder {
    pub(super) name: String,
    regex: Regex,
    whole_words: bool,
}

/// A finder for each type.
///
/// # Errors
///
/// [`ToolFault::Invalid`] for a name that is known already and a pattern that is none.
pub(super) fn finders(types: &[CustomType]) -> Result<Vec<Finder>, ToolFault> {
    let mut finders: Vec<Finder> = Vec::new();
    for (index, custom) in types.iter().enumerate() {
        if TYPES.contains(&custom.name.as_str()) || finders.iter().any(|it| it.name == custom.name) {
            return Err(ToolFault::Invalid {
                pointer: format!("/custom_types/{index}/name"),
                keyword: "uniqueItems",
                message: "this name is taken by a known type or an earlier custom type".to_owned(),
            });
        }
        let (pattern, whole_words) = match (&custom.terms, &custom.pattern) {
            (Some(terms), _) => (alternatives(terms), true),
            (None, Some(pattern)) => (pattern.clone(), false),
            (None, None) => continue,
        };
        let regex = RegexBuilder::new(&pattern).case_insensitive(whole_words).size_limit(PATTERN_BYTES).build();
        let regex = regex.map_err(|_| ToolFault::Invalid {
            pointer: format!("/custom_types/{index}/{}", if whole_words { "terms" } else { "pattern" }),
            keyword: "pattern",
            message: "expected a regular expression without look-around and back-references, of moderate size"
                .to_owned(),
        })?;
        finders.push(Finder { name: custom.name.clone(), regex, whole_words });
    }
    Ok(finders)
}

/// Longest first, so that a term does not hide one that goes on.
fn alternatives(terms: &[String]) -> String {
    let mut terms: Vec<&str> = terms.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
    terms.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
    terms.iter().map(|it| regex::escape(it)).collect::<Vec<_>>().join("|")
}

impl Finder {
    pub(super) fn find(&self, text: &str) -> Vec<Entity> {
        let whole = |span: &std::ops::Range<usize>| {
            let word = |it: char| it.is_alphanumeric() || it == '_';
            let inside = &text[span.clone()];
            let before = inside.starts_with(word) && text[..span.start].ends_with(word);
            let after = inside.ends_with(word) && text[span.end..].starts_with(word);
            !self.whole_words || !(before || after)
        };
        let spans = self.regex.find_iter(text).map(|it| it.range()).filter(|it| !it.is_empty() && whole(it));
        spans.take(super::MOST).map(|span| Entity { kind: self.name.clone(), span, value: None, score: 1.0 }).collect()
    }
}
